//! Databases on disk, in RocksDB. Only this folder names the crate `rocksdb`.
//!
//! [`open`] goes through these steps, and none of them changes a thing that the ones before did not allow:
//! [`directory`] looks at the path and takes the only right to open it, [`marker`] tells whose it is and how the last
//! session ended, [`recovery`] reads the write-ahead logs and decides what becomes of damage, and only then RocksDB runs.

mod aside;
mod checkpoint;
mod directory;
mod fault;
mod fields;
mod files;
mod gate;
mod log;
mod manifest;
mod marker;
mod messages;
mod options;
mod place;
mod recovery;
mod restore;
mod session;
mod snapshot;
mod space;
mod storage;
mod table;

#[cfg(test)]
mod tests;

use std::path::Path;
use std::sync::OnceLock;
use std::time::Instant;

use self::directory::Directory;
use self::marker::{Marker, State};
use self::messages::Messages;
pub use self::options::Counters;
use self::recovery::Mode;
pub(crate) use self::restore::restore;
use self::session::Session;
pub(crate) use self::storage::Rocks;
use crate::error::{Error, Result};
use crate::process::Process;

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
    options::database(&options, Mode::Prefix, true, &Messages::new())
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
/// `InvalidOption`, `NotADatabase`, `InUse`, `Unsupported` and `Io` before anything is changed; `Corrupt` where something that belongs to
/// the database is missing or damaged; `Engine` where RocksDB fails otherwise.
pub(crate) fn open(path: &Path, options: &OpenOptions) -> Result<(Rocks, [u8; 16])> {
    let began = Instant::now();
    // In a forked child RocksDB takes its threads for running, and would wait for them for ever.
    if STARTED_BY.get().is_some_and(|process| !process.is_current()) {
        return Err(Error::Forked { path: path.into() });
    }
    options::check(path, options)?;
    let (directory, marker) = Directory::claim(path, options.create_if_missing)?;
    let messages = Messages::new();
    let (last, (session, recovery)) = match marker {
        Some(marker) if marker.state == State::Clean => ("closed", reopen(directory, marker, options, &messages)?),
        Some(marker) if marker.state == State::Open => {
            ("killed or failed", reopen(directory, marker, options, &messages)?)
        }
        Some(marker) => ("killed while it was made", (create(directory, marker, options, &messages)?, String::new())),
        None => ("none", (create(directory, Marker::new(), options, &messages)?, String::new())),
    };
    messages.settle();
    tracing::info!(
        path = %session.path().display(), id = session.marker().id_text(), last_session = last, recovery,
        took = ?began.elapsed(), "opened the database"
    );
    let id = session.marker().id;
    Ok((Rocks::new(session, options.sync), id))
}

/// The process that first had RocksDB open a directory, by which it started RocksDB's threads.
static STARTED_BY: OnceLock<Process> = OnceLock::new();

fn open_rocksdb(path: &Path, settings: rocksdb::Options, may_cut: bool) -> Result<Db> {
    STARTED_BY.get_or_init(Process::current);
    session::open_rocksdb(path, settings, may_cut)
}

/// Opens what is there, and says what recovery did.
fn reopen(
    directory: Directory,
    marker: Marker,
    options: &OpenOptions,
    messages: &Messages,
) -> Result<(Session, String)> {
    let path = directory.path();
    let recovered = recovery::recover(path, &marker, options.prefix_recovery)?;
    let marker = Marker { state: State::Open, sync: options.sync, synced: recovered.synced, ..marker };
    // The log is as durable as a session of either kind asks for. Where it could not be read, RocksDB may refuse it: then
    // the next open must still know how it was written.
    if recovered.is_sound {
        marker.write(path)?;
    }
    let may_cut = !recovered.is_sound && recovered.mode == Mode::Tail;
    let settings = options::database(options, recovered.mode, false, messages);
    let db = open_rocksdb(path, settings, may_cut)?;
    if !recovered.is_sound {
        marker.write(path)?;
    }
    Ok((Session::new(db, directory, marker, messages.clone()), recovered.summary))
}

/// Makes a database, or finishes making it: nothing was committed before the marker says `open`.
fn create(directory: Directory, marker: Marker, options: &OpenOptions, messages: &Messages) -> Result<Session> {
    let path = directory.path();
    recovery::check_unfinished(path)?;
    directory.sync_name()?;
    let mut marker = Marker { state: State::Creating, sync: options.sync, ..marker };
    marker.write(path)?;
    directory.clear_unfinished()?;
    let db = open_rocksdb(path, options::database(options, Mode::Tail, true, messages), false)?;
    directory.sync()?;
    marker.state = State::Open;
    marker.write(path)?;
    Ok(Session::new(db, directory, marker, messages.clone()))
}
