//! Copies of a database.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use rocksdb::checkpoint::Checkpoint;

use super::directory::{create_directories, io_error, parent, sync_names};
use super::fault;
use super::marker::{self, Marker, State};
use super::recovery;
use super::session::Session;
use crate::error::{Error, Result};

const ACTION: &str = "create a checkpoint at";

/// Writes an openable copy, as of one commit, to a place where nothing is.
///
/// It is another database, with an id of its own. It is written beside its place and gets its name when it is whole and
/// synced; what a crash leaves behind has the name with `.tmp-` and the number of the process.
pub(super) fn create(session: &Session, to: &Path) -> Result<()> {
    must_be_free(to)?;
    // RocksDB begins a new log, and it does so by the path.
    session.check_in_place()?;
    let (Some(parent), Some(name)) = (parent(to), to.file_name()) else {
        return Err(io_error(ACTION, to, io::ErrorKind::InvalidInput.into()));
    };
    create_directories(parent)?;
    let mut unfinished = OsString::from(name);
    unfinished.push(format!(".tmp-{}", std::process::id()));
    let unfinished = Unfinished(parent.join(unfinished));
    unfinished.remove().map_err(|error| io_error("remove", &unfinished.0, error))?;

    // All memtables are flushed into tables first, under which commits go on; the copy is of the moment after.
    Checkpoint::new(session.db())
        .and_then(|checkpoint| checkpoint.create_checkpoint(&unfinished.0))
        .map_err(|error| fault::failed(session.path(), "create a checkpoint", error))?;
    sync_files(&unfinished.0)?;
    let synced = recovery::last_commit(&unfinished.0)?;
    let sync = session.marker().sync;
    Marker { id: marker::new_id(), state: State::Clean, sync, synced }.write(&unfinished.0)?;

    // A rename would replace an empty directory.
    must_be_free(to)?;
    put_in_place(&unfinished, to, || sync_names(to))
}

/// Gives a copy its name. Where that can't be synced, the copy is taken back, to be removed: what failed leaves nothing at
/// its place, so that it can be tried again.
fn put_in_place(unfinished: &Unfinished, to: &Path, sync: impl FnOnce() -> Result<()>) -> Result<()> {
    fs::rename(&unfinished.0, to).map_err(|error| io_error(ACTION, to, error))?;
    sync().inspect_err(|_| {
        let _ = fs::rename(to, &unfinished.0);
    })
}

fn must_be_free(to: &Path) -> Result<()> {
    match fs::symlink_metadata(to) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(io_error(ACTION, to, error)),
        Ok(_) => Err(Error::Io { path: to.into(), action: ACTION, source: io::ErrorKind::AlreadyExists.into() }),
    }
}

fn sync_files(directory: &Path) -> Result<()> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|error| io_error("list", directory, error))? {
        let path = entry.path();
        File::open(&path).and_then(|file| file.sync_all()).map_err(|error| io_error("sync", &path, error))?;
    }
    Ok(())
}

/// A copy that is removed unless it got its name.
struct Unfinished(PathBuf);

impl Unfinished {
    fn remove(&self) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = self.remove() {
            tracing::warn!(path = %self.0.display(), %error, "an unfinished checkpoint could not be removed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_whose_name_can_not_be_synced_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let (to, beside) = (directory.path().join("copy"), directory.path().join("copy.tmp-1"));
        for is_synced in [false, true] {
            fs::create_dir(&beside).unwrap();
            fs::write(beside.join("file"), "data").unwrap();
            let failed = || io_error("sync", directory.path(), io::ErrorKind::Other.into());
            let placed =
                put_in_place(&Unfinished(beside.clone()), &to, || if is_synced { Ok(()) } else { Err(failed()) });
            assert_eq!((placed.is_ok(), to.join("file").exists(), beside.exists()), (is_synced, is_synced, false));
        }
    }
}
