//! Restores databases from copies of them.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::directory::{Directory, is_open_in_rocksdb};
use super::files::{io_error, is_of_rocksdb, names, not_a_database, sync_names};
use super::marker::{self, Marker, State};
use super::place::{Place, Unfinished};
use super::recovery;
use crate::error::{Error, Result};

const ACTION: &str = "restore a database to";

/// Copies a database that was closed, such as a checkpoint, to another place, as a database with an id of its own. If there
/// is a database already, which must not be open, it is moved out of the way: returns where it is now.
pub(crate) fn restore(from: &Path, to: &Path) -> Result<Option<PathBuf>> {
    let (source, marker) = Source::open(from)?;
    match fs::canonicalize(to) {
        Ok(real) if real == source.path => {
            let reason = "it is itself what is to be copied".to_owned();
            Err(io_error(ACTION, to, io::Error::new(io::ErrorKind::InvalidInput, reason)))
        }
        Ok(real) => replace(&source, marker, to, &real).map(Some),
        // A link that leads nowhere is in the way, too.
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let place = Place::find(to, ACTION)?;
            let unfinished = source.copy_beside(&place, marker)?;
            unfinished.put_in_place(&place).map(|()| None)
        }
        Err(error) => Err(io_error(ACTION, to, error)),
    }
}

/// Restores to `real`, the directory that `to` leads to.
fn replace(source: &Source, marker: Marker, to: &Path, real: &Path) -> Result<PathBuf> {
    // Nobody opens the old one from here on.
    let _claimed = Directory::claim_to_replace(to)?;
    let beside = Place::find_free_beside(real, "replaced", ACTION)?;
    let unfinished = source.copy_beside(&beside, marker)?;
    unfinished.put_in_place(&beside)?;
    let old = beside.path();
    // In one step: if there were none for a moment, and a crash, the next open would create an empty one.
    let exchange = || renameat_with(CWD, &old, CWD, real, RenameFlags::EXCHANGE);
    let (failed, is_copy) = match exchange() {
        Err(error) => (io_error(ACTION, to, error.into()), true),
        Ok(()) => match sync_names(real) {
            Ok(()) => return Ok(old),
            // Taken back. If that fails, too, the database that was there stays where it is now.
            Err(error) => (error, exchange().is_ok()),
        },
    };
    if is_copy {
        let _ = fs::remove_dir_all(&old);
    }
    Err(failed)
}

/// A database that is not open, and can't be opened while this lives.
struct Source {
    path: PathBuf,
    _lock: File,
}

impl Source {
    fn open(from: &Path) -> Result<(Self, Marker)> {
        let failed = |error: io::Error| match error.kind() {
            io::ErrorKind::NotFound => not_a_database(from, "there is nothing"),
            _ => io_error("open", from, error),
        };
        let path = fs::canonicalize(from).map_err(failed)?;
        if !path.is_dir() {
            return Err(not_a_database(from, "it is a file, and a database is a directory"));
        }
        let lock = File::open(&path).map_err(failed)?;
        let in_use = || Error::InUse { path: from.into(), by: "it is open, and only a closed one can be copied" };
        match lock.try_lock_shared() {
            Ok(()) if is_open_in_rocksdb(&path)? == Some(true) => return Err(in_use()),
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use()),
            Err(TryLockError::Error(error)) => return Err(io_error("lock", from, error)),
        }
        match Marker::read(&path)? {
            Some(marker) if marker.state == State::Clean => Ok((Self { path, _lock: lock }, marker)),
            Some(_) => Err(not_a_database(from, "it was not closed: open it, to recover it, and close it")),
            None => Err(not_a_database(from, &format!("it has no `{}`", marker::FILE))),
        }
    }

    /// Copies all files, and marks the copy.
    fn copy_beside(&self, place: &Place, marker: Marker) -> Result<Unfinished> {
        let unfinished = Unfinished::create(place)?;
        let copy = unfinished.copy();
        fs::create_dir(&copy).map_err(|error| io_error("create", &copy, error))?;
        for name in names(&self.path)?.into_iter().filter(|name| is_of_rocksdb(name)) {
            let (from, to) = (self.path.join(&name), copy.join(&name));
            let copied = fs::copy(&from, &to).and_then(|_| File::open(&to)?.sync_all());
            copied.map_err(|error| io_error("copy", &from, error))?;
        }
        let last = recovery::last_commit(&copy)?;
        // A copy of which the end was not known when it was made says 0.
        if ![0, last].contains(&marker.synced) {
            let reason = format!(
                "its log ends with commit {last}, and it was closed with commit {}: nothing was restored",
                marker.synced
            );
            return Err(Error::Corrupt { path: self.path.clone(), reason, source: None });
        }
        Marker { id: marker::new_id(), ..marker }.write(&copy)?;
        Ok(unfinished)
    }
}
