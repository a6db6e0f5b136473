//! Copies of a database that is open.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rocksdb::checkpoint::Checkpoint;

use super::fault;
use super::files::io_error;
use super::marker::{self, Marker, State};
use super::place::{Place, Unfinished};
use super::recovery;
use super::session::Session;
use crate::engine::Tables;
use crate::error::Result;

/// Writes an openable copy, as of one commit, to a place where nothing is.
///
/// It is another database, with an id of its own. It is written beside its place and gets its name when it is whole and
/// synced.
pub(super) fn create(session: &Session, to: &Path, tables: Tables) -> Result<()> {
    let action = match tables {
        Tables::Linked => "create a checkpoint at",
        Tables::Copied => "copy the database to",
    };
    let place = Place::find(to, action)?;
    // RocksDB begins a new log, and it does so by the path.
    session.check_in_place()?;
    let unfinished = Unfinished::create(&place)?;
    let copy = unfinished.copy();

    // All memtables are flushed into tables first, under which commits go on; the copy is of the moment after.
    Checkpoint::new(session.db())
        .and_then(|checkpoint| checkpoint.create_checkpoint(&copy))
        .map_err(|error| fault::failed(session.path(), "create a checkpoint", error))?;
    if tables == Tables::Copied {
        copy_linked(&copy)?;
    }
    sync_files(&copy)?;
    let synced = recovery::last_commit(&copy)?;
    let sync = session.marker().sync;
    Marker { id: marker::new_id(), state: State::Clean, sync, synced }.write(&copy)?;
    unfinished.put_in_place(&place)
}

/// Replaces each hard link by a copy of the file.
fn copy_linked(directory: &Path) -> Result<()> {
    for_each_file(directory, "copy", |path| {
        if fs::metadata(path)?.nlink() > 1 {
            let mut copy = path.as_os_str().to_owned();
            copy.push(".copy");
            fs::copy(path, &copy)?;
            fs::rename(&copy, path)?;
        }
        Ok(())
    })
}

fn sync_files(directory: &Path) -> Result<()> {
    for_each_file(directory, "sync", |path| File::open(path)?.sync_all())
}

fn for_each_file(directory: &Path, action: &'static str, each: impl Fn(&Path) -> io::Result<()>) -> Result<()> {
    let entries = fs::read_dir(directory).and_then(Iterator::collect::<io::Result<Vec<_>>>);
    for entry in entries.map_err(|error| io_error("list", directory, error))? {
        let path = entry.path();
        each(&path).map_err(|error| io_error(action, &path, error))?;
    }
    Ok(())
}
