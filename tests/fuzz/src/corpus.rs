//! The inputs that are kept.

use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::Target;

impl Target {
    /// The files of the corpus, in order of their names.
    ///
    /// # Errors
    /// Those of reading the folder; that there is nothing in it.
    pub fn corpus(&self) -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(self.name);
        let paths: io::Result<Vec<_>> = fs::read_dir(&folder)?.map(|entry| Ok(entry?.path())).collect();
        let mut paths = paths?;
        paths.sort();
        if paths.is_empty() {
            return Err(io::Error::other(format!("{} is empty", folder.display())));
        }
        paths.into_iter().map(|path| fs::read(&path).map(|input| (path, input))).collect()
    }
}
