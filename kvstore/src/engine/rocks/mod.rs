//! Databases on disk, in RocksDB. Only this folder names the crate `rocksdb`.
//!
//! [`open`] goes through these steps, and none of them changes a thing that the ones before did not allow:
//! [`directory`] looks at the path and takes the only right to open it, [`marker`] tells whose it is and how the last
//! session ended, [`recovery`] reads the write-ahead logs and decides what becomes of damage, and only then RocksDB runs.

mod aside;
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
pub use self::options::Counters;
use self::recovery::Mode;
use self::session::Session;
pub(crate) use self::storage::Rocks;
use crate::error::Result;

/// RocksDB with its one column family. Named in full, since `rocksdb::DB` changes its meaning with a feature that any crate of a build can turn on.
type Db = rocksdb::DBWithThreadMode<rocksdb::SingleThreaded>;

/// The settings of a new database, for benchmarks that do the same work on RocksDB alone.
pub fn raw_options(cache_bytes: usize) -> rocksdb::Options {
    let options = OpenOptions {
        sync: false,
        cache_bytes,
        write_buffer_bytes: 16 << 20,
        prefix_recovery: false,
        create_if_missing: true,
        counters: None,
    };
    options::database(&options, Mode::Prefix, true)
}

/// How to open a database.
#[derive(Debug, Clone)]
pub(crate) struct OpenOptions {
    /// Whether each commit is synced before it returns.
    pub(crate) sync: bool,
    /// The size of the block cache.
    pub(crate) cache_bytes: usize,
    /// The size at which a memtable is closed, and with it its log.
    pub(crate) write_buffer_bytes: usize,
    /// Whether damage in the log is cut off, with all that follows it, even where synced commits are lost by it.
    pub(crate) prefix_recovery: bool,
    pub(crate) create_if_missing: bool,
    /// Where RocksDB counts, if it is to count at all.
    pub(crate) counters: Option<Counters>,
}

/// Opens the database in a directory, and tells its id.
///
/// # Errors
/// `NotADatabase`, `InUse`, `Unsupported` and `Io` before anything is changed; `Corrupt` where something that belongs to
/// the database is missing or damaged; `Engine` where RocksDB fails otherwise.
pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<(Rocks, [u8; 16])> {
    let (directory, marker) = Directory::claim(path, options.create_if_missing)?;
    let session = match marker {
        Some(marker) if marker.state != State::Creating => reopen(directory, marker, options)?,
        unfinished => create(directory, unfinished.unwrap_or_else(Marker::new), options)?,
    };
    let id = session.marker().id;
    Ok((Rocks::new(session, options.sync), id))
}

/// Opens what is there.
fn reopen(directory: Directory, marker: Marker, options: &OpenOptions) -> Result<Session> {
    let path = directory.path();
    let recovered = recovery::recover(path, &marker, options.prefix_recovery)?;
    let marker = Marker { state: State::Open, sync: options.sync, synced: recovered.synced, ..marker };
    // The log is as durable as a session of either kind asks for. Where it could not be read, RocksDB may refuse it: then
    // the next open must still know how it was written.
    if recovered.is_sound {
        marker.write(path)?;
    }
    let may_cut = !recovered.is_sound && recovered.mode == Mode::Tail;
    let db = session::open_rocksdb(path, options::database(options, recovered.mode, false), may_cut)?;
    if !recovered.is_sound {
        marker.write(path)?;
    }
    Ok(Session::new(db, directory, marker))
}

/// Makes a database, or finishes making it: nothing was committed before the marker says `open`.
fn create(directory: Directory, marker: Marker, options: &OpenOptions) -> Result<Session> {
    let path = directory.path();
    recovery::check_unfinished(path)?;
    directory.sync_name()?;
    let mut marker = Marker { state: State::Creating, sync: options.sync, ..marker };
    marker.write(path)?;
    directory.clear_unfinished()?;
    let db = session::open_rocksdb(path, options::database(options, Mode::Tail, true), false)?;
    directory.sync()?;
    marker.state = State::Open;
    marker.write(path)?;
    Ok(Session::new(db, directory, marker))
}
