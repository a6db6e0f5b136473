//! The directory of a database: what may be opened or created, and who alone may do so.

use std::collections::BTreeSet;
use std::fs::{self, File, Metadata, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use super::marker::{self, Marker};
use crate::error::{Error, Result};

/// The file that is locked while the database is open. RocksDB's own `LOCK` is never touched: to open and close it would
/// give up its lock, since those of `fcntl` belong to the process.
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
struct Claim((u64, u64));

/// A locked file or directory.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
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
        is_free.then(|| Self(identity))
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
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
        // Only now can nobody change it any more.
        let marker = examine(&claimed.path, create)?;
        Ok((claimed, marker))
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
        return Ok(Some(marker));
    }
    let own = [LOCK_FILE, marker::NEW_FILE];
    match names.into_iter().find(|name| !own.contains(&name.as_str())) {
        Some(other) => Err(not_a_database(path, &format!("it holds `{other}`, but no `{}`", marker::FILE))),
        None if create => Ok(None),
        None => Err(not_a_database(path, "it is empty, and no database was to be created")),
    }
}

fn names(path: &Path) -> Result<Vec<String>> {
    let names = fs::read_dir(path).and_then(|entries| {
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<io::Result<Vec<_>>>()
    });
    let mut names = names.map_err(|error| io_error("list", path, error))?;
    names.sort_unstable();
    Ok(names)
}

/// Whether RocksDB gives this name to a file while it makes a database.
fn is_of_rocksdb(name: &str) -> bool {
    let numbered = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    match name.rsplit_once('.') {
        Some((number, "log" | "sst" | "dbtmp")) => numbered(number) || number.starts_with("OPTIONS-"),
        _ => {
            matches!(name, "CURRENT" | "IDENTITY")
                || ["MANIFEST-", "OPTIONS-"].iter().any(|kind| name.strip_prefix(kind).is_some_and(numbered))
        }
    }
}

/// Makes the directories that are missing on a path. Their names are not synced: see [`sync_names`].
pub(super) fn create_directories(path: &Path) -> Result<()> {
    fs::create_dir_all(path).map_err(|error| io_error("create", path, error))
}

/// Makes the names on a path survive power loss. All directories above it are synced, as far as they are on the same file
/// system: which of them are new, nobody knows, since a process that made some may have been killed before it synced them.
pub(super) fn sync_names(path: &Path) -> Result<()> {
    let found = fs::canonicalize(path).and_then(|real| Ok((fs::metadata(&real)?.dev(), real)));
    let (device, real) = found.map_err(|error| io_error("open", path, error))?;
    for above in real.ancestors().skip(1) {
        let synced = File::open(above).and_then(|directory| {
            let is_same = directory.metadata()?.dev() == device;
            if is_same { directory.sync_all().map(|()| true) } else { Ok(false) }
        });
        match synced {
            Ok(true) => {}
            Ok(false) => break,
            // Where nobody may look, nobody made a directory just now.
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) => return Err(io_error("sync", above, error)),
        }
    }
    Ok(())
}

/// The directory that holds a path.
pub(super) fn parent(path: &Path) -> Option<&Path> {
    path.parent().map(|parent| if parent.as_os_str().is_empty() { Path::new(".") } else { parent })
}

/// What no two directories have in common.
fn identity(found: &Metadata) -> (u64, u64) {
    (found.dev(), found.ino())
}

/// Locks `name`, for the database at `path`.
fn lock(opened: File, name: &Path, path: &Path) -> Result<Lock> {
    match opened.try_lock() {
        Ok(()) => Ok(Lock(opened)),
        Err(TryLockError::WouldBlock) => Err(Error::InUse { path: path.into(), by: "another process has it open" }),
        Err(TryLockError::Error(error)) => Err(io_error("lock", name, error)),
    }
}

/// Makes the names in a directory survive power loss.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|error| io_error("sync", path, error))
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { path: path.into(), action, source }
}

fn not_a_database(path: &Path, reason: &str) -> Error {
    Error::NotADatabase { path: path.into(), reason: reason.into() }
}
