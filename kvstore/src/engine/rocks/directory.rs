//! The directory of a database: what may be opened or created, and who alone may do so.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use rustix::process::{FlockType, fcntl_getlk};

use super::files::{create_directories, io_error, is_of_rocksdb, names, not_a_database, sync_directory, sync_names};
use super::marker::{self, Marker, State};
use crate::error::{Error, Result};
use crate::process::Process;

/// The file that is locked while the database is open. RocksDB's own `LOCK` is not touched by the process that has the
/// database open: to open and close it would give up its lock, since those of `fcntl` belong to the process.
const LOCK_FILE: &str = "KVSTORE.lock";

/// The directories that this process has open, by device and inode: no two paths to one directory differ in them.
static OPEN: Mutex<BTreeSet<(u64, u64)>> = Mutex::new(BTreeSet::new());

/// A directory that nobody else opens while this lives.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    // Dropped in this order, the reverse of that in which they are taken: who has the first gets the others.
    _file: Lock,
    _itself: Lock,
    claim: Claim,
}

/// An entry in [`OPEN`].
#[derive(Debug)]
struct Claim((u64, u64), Process);

/// A locked file or directory, and the process that locked it.
#[derive(Debug)]
struct Lock(File, Process);

impl Drop for Lock {
    fn drop(&mut self) {
        // The lock is that of the parent: a forked child only closes its copy of the file.
        if !self.1.is_current() {
            return;
        }
        // Closing alone would leave it locked by a child process that was forked meanwhile and has the file open, too,
        // if only until it executes another program.
        if let Err(error) = self.0.unlock() {
            tracing::warn!(%error, "a database was not unlocked");
        }
    }
}

impl Claim {
    fn take(identity: (u64, u64)) -> Option<Self> {
        let is_free = OPEN.lock().unwrap_or_else(PoisonError::into_inner).insert(identity);
        // Made only where it is ours: dropped, it would take away another's entry.
        is_free.then(|| Self(identity, Process::current()))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // A forked child opens nothing, and a thread of its parent may have had the mutex.
        if !self.1.is_current() {
            return;
        }
        OPEN.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.0);
    }
}

impl Directory {
    /// Takes the only right to a directory, and tells its marker; none where a database is to be made.
    ///
    /// Missing directories are made if `create` says so.
    ///
    /// # Errors
    /// `NotADatabase`, `Unsupported`, `Corrupt`, `InUse` or `Io`, and then nothing was changed in a directory that was
    /// there.
    pub(super) fn claim(path: &Path, create: bool) -> Result<(Self, Option<Marker>)> {
        match fs::metadata(path) {
            Ok(found) if found.is_dir() => {
                examine(path, create)?;
            }
            Ok(_) => return Err(not_a_database(path, "it is a file, and a database is a directory")),
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io_error("open", path, error)),
            Err(_) if create => create_directories(path)?,
            Err(_) => return Err(not_a_database(path, "there is nothing, and it was not to be created")),
        }
        let claimed = Self::lock(path)?;
        // Only now can nobody change it any more.
        let marker = examine(&claimed.path, create)?;
        Ok((claimed, marker))
    }

    /// Takes the only right to the directory of a database that is to be replaced, however damaged it is.
    pub(super) fn claim_to_replace(path: &Path) -> Result<Self> {
        match fs::symlink_metadata(path.join(marker::FILE)) {
            Ok(_) => Self::lock(path),
            Err(_) => Err(not_a_database(path, &format!("it has no `{}`, and is not replaced", marker::FILE))),
        }
    }

    fn lock(path: &Path) -> Result<Self> {
        let failed = |error| io_error("open", path, error);
        let real = fs::canonicalize(path).map_err(failed)?;
        let opened = File::open(&real).map_err(failed)?;
        let Some(claim) = Claim::take(identity(&opened.metadata().map_err(failed)?)) else {
            return Err(Error::InUse { path: path.into(), by: "this process has it open" });
        };
        // The directory itself is locked, too: a lock file that is removed while it is open would be made again by the
        // next one, and locked without meeting the lock of the first. On a network file system, though, the lock of a
        // directory may be known to this machine only, and that of the file to all.
        let itself = lock(opened, &real, path)?;
        let file = real.join(LOCK_FILE);
        let opened = File::options().write(true).create(true).truncate(false).open(&file);
        let file = lock(opened.map_err(|error| io_error("open", &file, error))?, &file, path)?;
        let claimed = Self { path: real, _file: file, _itself: itself, claim };
        claimed.check_in_place()?;
        if is_open_in_rocksdb(&claimed.path)? == Some(true) {
            return Err(Error::InUse { path: path.into(), by: "another process has it open with RocksDB" });
        }
        Ok(claimed)
    }

    /// Finds that the directory is still where it was opened: another database may have taken its place.
    pub(super) fn check_in_place(&self) -> Result<()> {
        let source = match fs::metadata(&self.path) {
            Ok(found) if identity(&found) == self.claim.0 => return Ok(()),
            Ok(_) => io::Error::other("it was moved or removed, and another directory is there"),
            Err(error) => error,
        };
        Err(io_error("find the open database at", &self.path, source))
    }

    /// The path without symbolic links.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Makes the names in it survive power loss.
    pub(super) fn sync(&self) -> Result<()> {
        sync_directory(&self.path)
    }

    /// Makes its own name survive power loss.
    pub(super) fn sync_name(&self) -> Result<()> {
        sync_names(&self.path)
    }

    /// Removes what RocksDB left of a database whose making was not finished, in which thus nothing was committed.
    pub(super) fn clear_unfinished(&self) -> Result<()> {
        for name in names(&self.path)? {
            if is_of_rocksdb(&name) {
                let file = self.path.join(&name);
                fs::remove_file(&file).map_err(|error| io_error("remove", &file, error))?;
            }
        }
        Ok(())
    }
}

/// Reads the marker, or finds that a database may be made here.
fn examine(path: &Path, create: bool) -> Result<Option<Marker>> {
    // Before the marker is looked for: another process that makes a database right now writes the marker first.
    let names = names(path)?;
    if let Some(marker) = Marker::read(path)? {
        if marker.state == State::Creating && !create {
            return Err(not_a_database(path, "it was never finished, and no database was to be created"));
        }
        return Ok(Some(marker));
    }
    // `lost+found` is in the root of a file system, which may be all that a volume is for.
    let own = [LOCK_FILE, marker::NEW_FILE, "lost+found"];
    match names.into_iter().find(|name| !own.contains(&name.as_str())) {
        Some(other) => Err(not_a_database(path, &format!("it holds `{other}`, but no `{}`", marker::FILE))),
        None if create => Ok(None),
        None => Err(not_a_database(path, "it is empty, and no database was to be created")),
    }
}

/// What no two directories have in common.
fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Locks `name`, for the database at `path`.
fn lock(opened: File, name: &Path, path: &Path) -> Result<Lock> {
    match opened.try_lock() {
        Ok(()) => Ok(Lock(opened, Process::current())),
        Err(TryLockError::WouldBlock) => {
            let real = fs::canonicalize(path).map_err(|error| io_error("open", path, error))?;
            let by = match is_open_in_rocksdb(&real)? {
                Some(false) => {
                    "another process is opening or closing it, or the process that had it open has ended and one that was \
                     forked from it still runs"
                }
                Some(true) | None => "another process has it open",
            };
            Err(Error::InUse { path: path.into(), by })
        }
        Err(TryLockError::Error(error)) => Err(io_error("lock", name, error)),
    }
}

/// Whether a process has the directory open with RocksDB, by the lock on its `LOCK`; `None` if that file is missing. A forked
/// child does not have this lock. This process must not have it either: closing the file would give it up.
pub(super) fn is_open_in_rocksdb(directory: &Path) -> Result<Option<bool>> {
    let path = directory.join("LOCK");
    let file = match File::open(&path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(|error| io_error("open", &path, error))?,
    };
    let holder = fcntl_getlk(&file, &FlockType::WriteLock.into());
    holder.map(|holder| Some(holder.is_some())).map_err(|error| io_error("look at the lock on", &path, error.into()))
}
