//! Databases on disk, in RocksDB. Only this folder names the crate `rocksdb`.
//!
//! [`open`] goes through these steps, and none of them changes a thing that the ones before did not allow:
//! [`directory`] looks at the path and takes the only right to open it, [`marker`] tells whose it is and how the last
//! session ended, [`recovery`] reads the write-ahead logs and decides what becomes of damage, and only then RocksDB runs.

mod checkpoint;
mod directory;
mod fault;
mod gate;
mod log;
mod manifest;
mod marker;
mod options;
mod recovery;
mod session;
mod snapshot;
mod storage;

#[cfg(test)]
mod tests;

use std::path::Path;

use self::directory::Directory;
use self::marker::{Marker, State};
use self::session::Session;
pub(crate) use self::storage::Rocks;
use crate::error::Result;

/// RocksDB with the cheaper of its two kinds of column family tables: there is only the default family.
///
/// Named in full, since `rocksdb::DB` changes its meaning with a feature that any crate of a build can turn on.
type Db = rocksdb::DBWithThreadMode<rocksdb::SingleThreaded>;

/// How to open a database.
#[derive(Debug, Clone)]
pub(crate) struct OpenOptions {
    /// Whether each commit is synced before it returns.
    pub(crate) sync: bool,
    /// The size of the block cache.
    pub(crate) cache_bytes: usize,
    /// Whether damage in the log is cut off, with all that follows it, even where synced commits are lost by it.
    pub(crate) prefix_recovery: bool,
    pub(crate) create_if_missing: bool,
}

/// Opens the database in a directory, and tells its id.
///
/// # Errors
/// `NotADatabase`, `InUse`, `Unsupported` and `Io` before anything is changed; `Corrupt` where something that belongs to
/// the database is missing or damaged; `Engine` where RocksDB fails otherwise.
pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<(Rocks, [u8; 16])> {
    let (directory, marker) = Directory::claim(path, options.create_if_missing)?;
    let (marker, mode) = match marker {
        Some(marker) if marker.state != State::Creating => {
            let recovered = recovery::recover(directory.path(), &marker, options.prefix_recovery)?;
            let session = Marker { state: State::Open, sync: options.sync, synced: recovered.synced, ..marker };
            session.write(directory.path())?;
            (session, recovered.mode)
        }
        unfinished => {
            let new = unfinished.unwrap_or_else(Marker::new);
            directory.clear_unfinished()?;
            Marker { state: State::Creating, sync: options.sync, ..new }.write(directory.path())?;
            (new, recovery::Mode::Tail)
        }
    };
    let creating = marker.state == State::Creating;
    let db = session::open_rocksdb(directory.path(), &options::database(options, mode, creating), mode)?;
    let marker = Marker { state: State::Open, sync: options.sync, ..marker };
    if creating {
        directory.sync()?;
        marker.write(directory.path())?;
    }
    let id = marker.id;
    Ok((Rocks::new(Session::new(db, directory, marker), options.sync), id))
}
