//! The command line.

use std::env;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use clap::Parser;

/// Catalogues a directory tree: size, times and BLAKE3 hash of every file, in a store that survives kill -9.
///
/// Run it again after it was killed, and it goes on where it was. Run it again over a tree that has not changed, and it
/// hashes nothing.
#[derive(Parser, Debug)]
#[command(name = "catalogue")]
pub(crate) struct Args {
    /// The directory to catalogue [default: the sources in cargo's registry, else this repository]
    pub(crate) dir: Option<PathBuf>,

    /// Where the store is [default: a directory below the user's cache directory, one for each tree]
    #[arg(long, value_name = "DIR")]
    pub(crate) db: Option<PathBuf>,

    /// How many files are hashed at a time [default: the number of processors]
    #[arg(long, value_name = "N")]
    pub(crate) workers: Option<NonZeroUsize>,

    /// Prints what the store has of paths that begin with this, "" for all, and hashes nothing
    #[arg(long, value_name = "PREFIX", conflicts_with = "show")]
    pub(crate) list: Option<OsString>,

    /// Prints everything that the store has of this path, and hashes nothing
    #[arg(long, value_name = "PATH")]
    pub(crate) show: Option<OsString>,
}

impl Args {
    /// The tree's canonical path, so that one tree has one store.
    pub(crate) fn root(&self) -> Result<PathBuf, Box<dyn Error>> {
        let dir = self.dir.clone().unwrap_or_else(default_dir);
        let root = fs::canonicalize(&dir).map_err(|error| format!("can't find {}: {error}", dir.display()))?;
        if root.is_dir() { Ok(root) } else { Err(format!("{} is no directory", root.display()).into()) }
    }

    /// Where the store is. By default outside of every tree but those that the cache directory itself is in, whose walk
    /// leaves it out.
    pub(crate) fn db(&self) -> Result<PathBuf, Box<dyn Error>> {
        match &self.db {
            Some(db) => Ok(db.clone()),
            None => default_db(&self.root()?),
        }
    }

    pub(crate) fn workers(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.workers.unwrap_or_else(cores)
    }
}

fn default_dir() -> PathBuf {
    let cargo_home = env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo_home = cargo_home.or_else(|| env::home_dir().map(|home| home.join(".cargo")));
    let sources = cargo_home.map(|home| home.join("registry").join("src"));
    sources.filter(|sources| sources.is_dir()).unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join(".."))
}

fn default_db(root: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from).filter(|cache| cache.is_absolute());
    let cache = cache.or_else(|| env::home_dir().map(|home| home.join(".cache")));
    let stores = cache.ok_or("there is no home directory to keep the store in: name a place with --db")?;
    let name = blake3::hash(root.as_os_str().as_bytes()).to_hex();
    Ok(stores.join("kvstore-catalogue").join(name.get(..16).unwrap_or(&name)))
}
