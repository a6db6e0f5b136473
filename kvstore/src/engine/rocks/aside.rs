//! Where a recovery puts what it takes out of a database: a folder `damaged-1` and so on in its directory.

use std::fs::{self, File};
use std::io::{self, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use super::files::{io_error, sync_directory};
use crate::error::Result;

/// A folder that is made when it is first asked for.
#[derive(Debug)]
pub(super) struct Aside<'a> {
    directory: &'a Path,
    folder: Option<PathBuf>,
}

impl<'a> Aside<'a> {
    pub(super) fn new(directory: &'a Path) -> Self {
        Self { directory, folder: None }
    }

    /// The folder.
    pub(super) fn folder(&mut self) -> Result<&Path> {
        let folder = match self.folder.take() {
            Some(folder) => folder,
            None => make(self.directory)?,
        };
        Ok(self.folder.insert(folder))
    }

    /// Returns the folder, if it was made.
    pub(super) fn made(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// Takes a whole file.
    pub(super) fn take(&mut self, file: &Path) -> Result<()> {
        let to = self.folder()?.join(file.file_name().unwrap_or_default());
        fs::rename(file, to).map_err(|error| io_error("put aside", file, error))
    }

    /// Copies the end of a file.
    pub(super) fn copy_end(&mut self, file: &Path, offset: u64) -> Result<()> {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let to = self.folder()?.join(format!("{name}.from-{offset}"));
        let copy = || {
            let (mut from, mut to) = (File::open(file)?, File::create_new(to)?);
            from.seek(SeekFrom::Start(offset))?;
            io::copy(&mut from, &mut to)?;
            to.sync_all()
        };
        copy().map_err(|error| io_error("copy the end of", file, error))
    }

    /// Makes what was put aside survive power loss.
    pub(super) fn sync(&self) -> Result<()> {
        let Some(folder) = &self.folder else { return Ok(()) };
        sync_directory(folder)?;
        sync_directory(self.directory)
    }
}

/// Makes a folder of a name that is not taken.
fn make(directory: &Path) -> Result<PathBuf> {
    let mut number = 1;
    loop {
        let folder = directory.join(format!("damaged-{number}"));
        match fs::create_dir(&folder) {
            Ok(()) => return sync_directory(directory).map(|()| folder),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => number += 1,
            Err(error) => return Err(io_error("create", &folder, error)),
        }
    }
}
