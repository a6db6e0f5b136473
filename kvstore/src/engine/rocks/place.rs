//! The place where a copy of a database is made. It is made beside the place first, in a folder that is not taken for a database.

use std::ffi::OsString;
use std::fs::{self, File, TryLockError};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path, PathBuf};

use super::files::{create_directories, io_error, parent, sync_names};
use super::marker;
use crate::error::{Error, Result};

/// Folders of this name, followed by a number of their own, hold copies that are not finished.
const UNFINISHED: &str = ".kvstore-unfinished-";

/// A path at which there was nothing.
#[derive(Debug)]
pub(super) struct Place {
    /// The directory that is to hold the copy, without symbolic links.
    parent: PathBuf,
    name: OsString,
    /// The path as the caller gave it, and the action, for errors.
    asked: PathBuf,
    action: &'static str,
}

impl Place {
    /// Finds the place, and makes the directories above it that are missing.
    ///
    /// # Errors
    /// `Io` if something is there, if the path leads into the directory of a database, or if it names nothing.
    pub(super) fn find(to: &Path, action: &'static str) -> Result<Self> {
        let refused = |reason: String| io_error(action, to, io::Error::new(io::ErrorKind::InvalidInput, reason));
        let failed = |error| io_error(action, to, error);
        let (Some(parent), Some(name)) = (parent(to), to.file_name()) else {
            return Err(refused("the path ends without the name of a directory to be made".into()));
        };
        let (there, missing) = split(parent).map_err(failed)?;
        if missing.components().any(|part| part == Component::ParentDir) {
            return Err(refused("a `..` in the path follows a directory that does not exist".into()));
        }
        if let Some(database) = database_above(&fs::canonicalize(there).map_err(failed)?).map_err(failed)? {
            let reason = format!("it is inside the database at {}, and would be lost with it", database.display());
            return Err(refused(reason));
        }
        let place = Self { parent: parent.to_owned(), name: name.to_owned(), asked: to.to_owned(), action };
        place.check_free()?;
        create_directories(parent)?;
        Ok(Self { parent: fs::canonicalize(parent).map_err(failed)?, ..place })
    }

    /// Finds a place beside a directory: its name, followed by `.`, a word, and the first number that is free.
    pub(super) fn find_free_beside(directory: &Path, word: &str, action: &'static str) -> Result<Self> {
        let mut number = 1;
        loop {
            let mut name = directory.as_os_str().to_owned();
            name.push(format!(".{word}-{number}"));
            match Self::find(Path::new(&name), action) {
                Err(Error::Io { source, .. }) if source.kind() == io::ErrorKind::AlreadyExists => number += 1,
                found => return found,
            }
        }
    }

    /// The path without symbolic links.
    pub(super) fn path(&self) -> PathBuf {
        self.parent.join(&self.name)
    }

    fn check_free(&self) -> Result<()> {
        match fs::symlink_metadata(self.path()) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => Err(io_error(self.action, &self.asked, error)),
            Ok(_) => Err(self.taken()),
        }
    }

    fn taken(&self) -> Error {
        let reason = io::Error::new(io::ErrorKind::AlreadyExists, "something is there already");
        io_error(self.action, &self.asked, reason)
    }
}

/// Splits a path into what exists and what does not.
fn split(path: &Path) -> io::Result<(&Path, &Path)> {
    for above in path.ancestors() {
        let above = if above.as_os_str().is_empty() { Path::new(".") } else { above };
        match fs::metadata(above) {
            Ok(_) => return Ok((above, path.strip_prefix(above).unwrap_or(path))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::NotFound.into())
}

/// Returns the database whose directory holds a path, or is it. The path has no symbolic links.
fn database_above(path: &Path) -> io::Result<Option<&Path>> {
    for above in path.ancestors() {
        match fs::symlink_metadata(above.join(marker::FILE)) {
            Ok(found) if found.is_file() => return Ok(Some(above)),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {}
            Err(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind()) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

/// A folder beside a place, in which the copy for it is made. Removed when dropped, with the copy unless that got its place.
#[derive(Debug)]
pub(super) struct Unfinished {
    folder: PathBuf,
    /// Locked as long as this call writes here. Another call removes a folder that is not locked.
    _lock: File,
}

impl Unfinished {
    /// Makes the folder, of a name that no other call uses, and removes those that killed processes left beside it.
    pub(super) fn create(beside: &Place) -> Result<Self> {
        remove_abandoned(&beside.parent);
        loop {
            let folder = beside.parent.join(format!("{UNFINISHED}{:032x}", u128::from_be_bytes(marker::new_id())));
            fs::create_dir(&folder).map_err(|error| io_error("create", &folder, error))?;
            if let Some(lock) = lock(&folder).map_err(|error| io_error("lock", &folder, error))? {
                return Ok(Self { folder, _lock: lock });
            }
            // Another call took it for abandoned in the moment before it was locked.
        }
    }

    /// Where the copy is made.
    pub(super) fn copy(&self) -> PathBuf {
        self.folder.join("copy")
    }

    /// Puts the copy into its place. If its name there can't be synced, the copy is taken back: a call that fails leaves
    /// nothing, and may be made again.
    pub(super) fn put_in_place(&self, place: &Place) -> Result<()> {
        self.put_in_place_with(place, || sync_names(&place.path()))
    }

    fn put_in_place_with(&self, place: &Place, sync: impl FnOnce() -> Result<()>) -> Result<()> {
        // The system puts a directory over an empty one, but over nothing else: of two copies for one place the second
        // is refused.
        place.check_free()?;
        let (copy, path) = (self.copy(), place.path());
        fs::rename(&copy, &path).map_err(|error| match error.kind() {
            io::ErrorKind::DirectoryNotEmpty | io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
                place.taken()
            }
            _ => io_error(place.action, &place.asked, error),
        })?;
        sync().inspect_err(|_| {
            let _ = fs::rename(&path, &copy);
        })
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.folder) {
            tracing::warn!(path = %self.folder.display(), %error, "the folder of an unfinished copy could not be removed");
        }
    }
}

/// Locks a folder; `None` if another call has it, or removed it.
fn lock(folder: &Path) -> io::Result<Option<File>> {
    let opened = match File::open(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    match opened.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        // A file system without locks, on which none is found abandoned either.
        Err(TryLockError::Error(_)) => return Ok(Some(opened)),
    }
    let is_there = fs::metadata(folder).is_ok_and(|found| opened.metadata().is_ok_and(|own| own.ino() == found.ino()));
    Ok(is_there.then_some(opened))
}

/// Removes the folders of calls that were killed. A folder that can't be removed is in no call's way, and stays.
fn remove_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for folder in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(UNFINISHED)) {
        let folder = folder.path();
        let Ok(opened) = File::open(&folder) else { continue };
        if opened.try_lock().is_ok() {
            tracing::info!(path = %folder.display(), "the folder of a copy that was never finished is removed");
            let _ = fs::remove_dir_all(&folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_whose_name_can_not_be_synced_is_removed() {
        let directory = tempfile::tempdir().unwrap();
        let to = directory.path().join("copy");
        for is_synced in [false, true] {
            let place = Place::find(&to, "copy to").unwrap();
            let unfinished = Unfinished::create(&place).unwrap();
            fs::create_dir(unfinished.copy()).unwrap();
            fs::write(unfinished.copy().join("file"), "data").unwrap();
            let failed = || io_error("sync", directory.path(), io::ErrorKind::Other.into());
            let placed = unfinished.put_in_place_with(&place, || if is_synced { Ok(()) } else { Err(failed()) });
            drop(unfinished);
            assert_eq!((placed.is_ok(), to.join("file").exists()), (is_synced, is_synced));
            assert_eq!(fs::read_dir(directory.path()).unwrap().count(), usize::from(is_synced));
        }
    }

    #[test]
    fn of_copies_for_one_place_the_first_gets_it() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::find(&directory.path().join("copy"), "copy to").unwrap();
        let copies = ["first", "second"].map(|name| {
            let unfinished = Unfinished::create(&place).unwrap();
            fs::create_dir(unfinished.copy()).unwrap();
            fs::write(unfinished.copy().join(name), "data").unwrap();
            unfinished
        });
        copies[0].put_in_place(&place).unwrap();
        let Err(Error::Io { path, source, .. }) = copies[1].put_in_place(&place) else { panic!() };
        assert_eq!((path, source.kind()), (place.path(), io::ErrorKind::AlreadyExists));
        drop(copies);
        assert!(place.path().join("first").exists() && !place.path().join("second").exists());
    }

    #[test]
    fn folders_that_nobody_writes_to_are_removed() {
        let directory = tempfile::tempdir().unwrap();
        let abandoned = directory.path().join(format!("{UNFINISHED}0123"));
        fs::create_dir_all(abandoned.join("copy")).unwrap();
        let place = Place::find(&directory.path().join("copy"), "copy to").unwrap();
        let one = Unfinished::create(&place).unwrap();
        assert!(!abandoned.exists());
        // One that is in use stays.
        let other = Unfinished::create(&place).unwrap();
        assert!(one.folder.exists() && other.folder.exists() && one.folder != other.folder);
    }
}
