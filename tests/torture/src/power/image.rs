//! All files and directories of a disk at one moment.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use kvstore_tests::TestResult;

/// By path, the bytes of a file, or none for a directory. A directory comes before what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// By path from the root.
    pub entries: BTreeMap<String, Option<Vec<u8>>>,
}

impl Image {
    /// Writes it into an empty directory.
    ///
    /// # Errors
    /// Of writing.
    pub fn write(&self, root: &Path) -> io::Result<()> {
        self.entries.iter().try_for_each(|(path, content)| match content {
            Some(bytes) => fs::write(root.join(path), bytes),
            None => fs::create_dir(root.join(path)),
        })
    }

    /// Reads it from a directory, without the entry `except` of its root.
    ///
    /// # Errors
    /// Of reading.
    pub fn read(root: &Path, except: &str) -> TestResult<Self> {
        let mut image = Self::default();
        let mut directories = vec![String::new()];
        while let Some(directory) = directories.pop() {
            for entry in fs::read_dir(root.join(&directory))? {
                let entry = entry?;
                let name = entry.file_name().into_string().map_err(|_| "a name that is no text")?;
                let path = if directory.is_empty() { name } else { format!("{directory}/{name}") };
                let content = if entry.file_type()?.is_dir() {
                    directories.push(path.clone());
                    None
                } else {
                    Some(fs::read(entry.path())?)
                };
                if path != except {
                    image.entries.insert(path, content);
                }
            }
        }
        Ok(image)
    }

    /// The bytes of the files in a directory, by name.
    pub fn files<'a>(&'a self, directory: &'a str) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.entries.iter().filter_map(move |(path, content)| {
            let name = path.strip_prefix(directory)?.strip_prefix('/').filter(|name| !name.contains('/'))?;
            Some((name, content.as_deref()?))
        })
    }

    /// What differs from another image, for messages.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let size = |image: &Self, path: &str| match image.entries.get(path) {
            None => "missing".to_owned(),
            Some(None) => "a directory".to_owned(),
            Some(Some(bytes)) => format!("{} bytes", bytes.len()),
        };
        let paths = self.entries.keys().chain(other.entries.keys());
        let mut differing: Vec<_> = paths.filter(|path| self.entries.get(*path) != other.entries.get(*path)).collect();
        differing.sort_unstable();
        differing.dedup();
        differing.into_iter().map(|path| format!("{path}: {}, {}", size(self, path), size(other, path))).collect()
    }
}
