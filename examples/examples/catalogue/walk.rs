//! A walk over a directory tree, in the order of the catalogue's keys.

use std::fs::{self, Metadata};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::vec;

use crate::store::{FilePath, Kind, Meta};

/// A name that was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) path: FilePath,
    pub(crate) kind: Kind,
    pub(crate) meta: Meta,
    /// Where a link leads.
    pub(crate) target: Option<Vec<u8>>,
    /// What is wrong with it.
    pub(crate) error: Option<String>,
}

impl Found {
    fn new(path: FilePath, kind: Kind, meta: Meta) -> Self {
        Self { path, kind, meta, target: None, error: None }
    }
}

/// Goes through a tree in the order of the bytes of its paths, without following links, and stays within the root's file
/// system. Of directories it yields only those that can't be read.
///
/// This order makes it possible to go through the catalogue side by side with the tree. Within a directory that is the
/// order of the names, with a `/` behind those of directories: `a.txt` comes before what is in `a`, since `.` comes before
/// `/`.
#[derive(Debug)]
pub(crate) struct Walk {
    root: PathBuf,
    device: u64,
    skipped: PathBuf,
    /// What is left of the directories on the way from the root.
    open: Vec<vec::IntoIter<Step>>,
}

#[derive(Debug)]
enum Step {
    Name(Found),
    Directory { path: FilePath, meta: Meta, device: u64 },
}

impl Step {
    fn path(&self) -> &FilePath {
        match self {
            Self::Name(found) => &found.path,
            Self::Directory { path, .. } => path,
        }
    }
}

impl Walk {
    /// Starts at `root`, and leaves out `skipped`, where the catalogue itself is. Both are canonical paths.
    pub(crate) fn new(root: &Path, skipped: &Path) -> io::Result<Self> {
        let device = fs::metadata(root)?.dev();
        let mut walk = Self { root: root.to_owned(), device, skipped: skipped.to_owned(), open: Vec::new() };
        let top = FilePath(Vec::new());
        match walk.list(&top)? {
            Listing { steps, error: None } => walk.open.push(steps.into_iter()),
            Listing { error: Some(error), .. } => return Err(error),
        }
        Ok(walk)
    }

    /// The names in a directory, in order.
    fn list(&self, directory: &FilePath) -> io::Result<Listing> {
        let mut listing = Listing::default();
        for entry in fs::read_dir(self.root.join(directory.as_path()))? {
            match entry {
                Ok(entry) => {
                    let mut path = directory.0.clone();
                    path.extend_from_slice(entry.file_name().as_bytes());
                    // Of the name itself: links are not followed.
                    listing.steps.extend(self.step(FilePath(path), entry.metadata()));
                }
                Err(error) => {
                    listing.error = Some(error);
                    break;
                }
            }
        }
        listing.steps.sort_by(|a, b| a.path().cmp(b.path()));
        Ok(listing)
    }

    fn step(&self, mut path: FilePath, metadata: io::Result<Metadata>) -> Option<Step> {
        let metadata = match metadata {
            Ok(metadata) => metadata,
            // The directory that names it can be read, but not passed through; or it vanished since.
            Err(error) => {
                let unknown = Found::new(path, Kind::Unknown, Meta::default());
                return Some(Step::Name(Found { error: Some(error.to_string()), ..unknown }));
            }
        };
        let (kind, meta) = (metadata.file_type(), Meta::of(&metadata));
        if kind.is_dir() {
            path.0.push(b'/');
            let is_skipped = self.root.join(path.as_path()) == self.skipped;
            return (!is_skipped).then(|| Step::Directory { path, meta, device: metadata.dev() });
        }
        Some(Step::Name(if kind.is_file() {
            Found::new(path, Kind::Regular, meta)
        } else if kind.is_symlink() {
            let full = self.root.join(path.as_path());
            let found = Found::new(path, Kind::Link, meta);
            match fs::read_link(&full) {
                Ok(target) => Found {
                    target: Some(target.as_os_str().as_bytes().to_vec()),
                    error: fs::metadata(&full).err().map(|error| format!("it leads nowhere: {error}")),
                    ..found
                },
                Err(error) => Found { error: Some(error.to_string()), ..found },
            }
        } else {
            Found::new(path, Kind::Special, meta)
        }))
    }

    /// Goes into a directory; what is returned says why not, or why not to its end.
    fn enter(&mut self, path: FilePath, meta: Meta, device: u64) -> Option<Found> {
        let refused = |reason| Some(Found { error: Some(reason), ..Found::new(path.clone(), Kind::Directory, meta) });
        if device != self.device {
            return refused("another file system is mounted there: not entered".to_owned());
        }
        match self.list(&path) {
            Ok(Listing { steps, error }) => {
                self.open.push(steps.into_iter());
                error.and_then(|error| refused(error.to_string()))
            }
            Err(error) => refused(error.to_string()),
        }
    }
}

#[derive(Debug, Default)]
struct Listing {
    steps: Vec<Step>,
    /// Why there are no more.
    error: Option<io::Error>,
}

impl Iterator for Walk {
    type Item = Found;

    fn next(&mut self) -> Option<Found> {
        loop {
            match self.open.last_mut()?.next() {
                None => {
                    self.open.pop();
                }
                Some(Step::Name(found)) => return Some(found),
                Some(Step::Directory { path, meta, device }) => {
                    if let Some(found) = self.enter(path, meta, device) {
                        return Some(found);
                    }
                }
            }
        }
    }
}
