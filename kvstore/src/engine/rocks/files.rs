//! Names, directories and errors of files.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::error::{Error, Result};

/// Lists the names in a directory, in order.
pub(super) fn names(path: &Path) -> Result<Vec<String>> {
    let names = fs::read_dir(path).and_then(|entries| {
        entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect::<io::Result<Vec<_>>>()
    });
    let mut names = names.map_err(|error| io_error("list", path, error))?;
    names.sort_unstable();
    Ok(names)
}

/// Whether RocksDB gives this name to a file of a database.
pub(super) fn is_of_rocksdb(name: &str) -> bool {
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

/// Makes the names in a directory survive power loss.
pub(super) fn sync_directory(path: &Path) -> Result<()> {
    File::open(path).and_then(|directory| directory.sync_all()).map_err(|error| io_error("sync", path, error))
}

pub(super) fn io_error(action: &'static str, path: &Path, source: io::Error) -> Error {
    Error::Io { path: path.into(), action, source }
}

pub(super) fn not_a_database(path: &Path, reason: &str) -> Error {
    Error::NotADatabase { path: path.into(), reason: reason.into() }
}
