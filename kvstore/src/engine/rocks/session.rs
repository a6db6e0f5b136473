//! An opened database, from the marker `open` to the marker `clean`.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rocksdb::{DBPath, ErrorKind, Options};

use super::directory::Directory;
use super::marker::{Marker, State};
use super::messages::Messages;
use super::space::{self, Housekeeper};
use super::{Db, fault, recovery};
use crate::engine::Op;
use crate::error::{Error, Result};
use crate::process::Process;
use crate::sync::Instant;

/// A log up to this size is read by the next open in no time; a larger one is put into a table when the database is closed.
const LEFT_IN_LOG: u64 = 256 << 10;

/// RocksDB, and the right to have it open. Whoever drops the last reference closes both.
pub(super) struct Session {
    // Dropped in this order: RocksDB is closed before the next one may open the directory. See `abandon` for the counters.
    db: Arc<Db>,
    directory: Arc<Directory>,
    marker: Marker,
    messages: Messages,
    housekeeper: Housekeeper,
    /// Set when the outcome of a write is unknown, or a sync failed, so that only the next open can tell what the log
    /// holds.
    failed: AtomicBool,
    ended: bool,
    process: Process,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("path", &self.path()).field("marker", &self.marker).finish_non_exhaustive()
    }
}

impl Session {
    pub(super) fn new(db: Db, directory: Directory, marker: Marker, messages: Messages) -> Self {
        let session = Self {
            db: Arc::new(db),
            directory: Arc::new(directory),
            marker,
            messages,
            housekeeper: Housekeeper::default(),
            failed: AtomicBool::new(false),
            ended: false,
            process: Process::current(),
        };
        // Of sessions that were killed, which merge nothing themselves.
        if space::has_small_tables(&session.db) {
            session.housekeeper.start(&session.db, &session.directory);
        }
        session
    }

    /// Returns true in a child that was forked from the process of this session.
    pub(super) fn is_forked(&self) -> bool {
        !self.process.is_current_at(Instant::now())
    }

    pub(super) fn db(&self) -> &Db {
        &self.db
    }

    pub(super) fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Finds that the directory is still where it was opened.
    pub(super) fn check_in_place(&self) -> Result<()> {
        self.directory.check_in_place()
    }

    pub(super) fn marker(&self) -> &Marker {
        &self.marker
    }

    /// Gives the space of what a write removed back, once nothing is written any more.
    #[inline]
    pub(super) fn note_removals(&self, ops: &[Op<'_>]) {
        if !self.housekeeper.is_there() && ops.iter().any(|op| matches!(op, Op::Delete { .. })) {
            self.housekeeper.start(&self.db, &self.directory);
        }
    }

    /// Merges small tables, which a flush may have added to.
    pub(super) fn merge_small_tables(&self) {
        space::merge_small_tables(&self.db, || false);
    }

    /// Keeps the directory from being marked clean.
    pub(super) fn set_failed(&self) {
        self.failed.store(true, Ordering::Relaxed);
    }

    pub(super) fn sync(&self) -> Result<()> {
        self.db.flush_wal(true).map_err(|error| {
            self.set_failed();
            fault::failed(self.path(), "sync the log", error)
        })
    }

    /// Syncs, marks the directory clean, and closes.
    pub(super) fn close(mut self) -> Result<()> {
        self.end()
    }

    /// Leaves RocksDB open, and the directory in use, for as long as the process lives: closing, RocksDB would remove and
    /// write files by their path, where another database may be by now.
    fn abandon(&self) {
        std::mem::forget((Arc::clone(&self.db), Arc::clone(&self.directory)));
    }

    /// Whether all writing of tables and of the manifest succeeded, which is done in the background.
    fn is_background_sound(&self) -> Result<bool> {
        let errors = self.db.property_int_value(rocksdb::properties::BACKGROUND_ERRORS);
        let errors = errors.map_err(|error| fault::failed(self.path(), "count the errors in the background", error))?;
        Ok(errors == Some(0))
    }

    /// Leaves little for the next open to read from the log, and few tables.
    fn tidy(&self) {
        if self.failed.load(Ordering::Relaxed) || !self.is_background_sound().unwrap_or_default() {
            return;
        }
        let in_log = recovery::size_of_logs(self.path()).unwrap_or_default();
        if in_log > LEFT_IN_LOG && !space::is_behind(&self.db) {
            // An error stays in RocksDB, which is asked for it afterwards.
            let _ = self.db.flush();
        }
        space::merge_small_tables(&self.db, || true);
    }

    /// Finds that all writing of tables and of the manifest succeeded.
    pub(super) fn check_background(&self, action: &'static str) -> Result<()> {
        if self.is_background_sound()? {
            return Ok(());
        }
        Err(Error::Engine { action, source: "writing a table or the manifest failed, now or before".into() })
    }

    fn end(&mut self) -> Result<()> {
        if std::mem::replace(&mut self.ended, true) {
            return Ok(());
        }
        if self.is_forked() {
            // RocksDB would wait for its threads, which are not in this process, and the marker is the parent's.
            std::mem::forget((Arc::clone(&self.db), std::mem::take(&mut self.housekeeper)));
            return Ok(());
        }
        let began = Instant::now();
        self.housekeeper.stop();
        if self.check_in_place().is_ok() {
            self.tidy();
        }
        // Ended first: a compaction may still append to the manifest, and after power loss the end of that would be missing
        // in a directory that is marked clean.
        self.db.cancel_all_background_work(true);
        let in_place = self.check_in_place();
        if in_place.is_err() {
            self.abandon();
        }
        // Taken first: what is committed up to here is synced by the next line.
        let synced = self.db.latest_sequence_number();
        self.sync()?;
        in_place?;
        if self.failed.load(Ordering::Relaxed) {
            return Ok(());
        }
        if !self.is_background_sound()? {
            tracing::warn!(
                path = %self.path().display(),
                "writing in the background failed: the database is closed with its log synced, and not marked clean"
            );
            return Ok(());
        }
        Marker { state: State::Clean, synced, ..self.marker.clone() }.write(self.path())?;
        tracing::debug!(path = %self.path().display(), took = ?began.elapsed(), "closed the database");
        Ok(())
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(path = %self.path().display(), %error, cause, "closing a database failed");
        }
        // In a forked child there is no thread, and somebody may have held the mutex.
        if !self.is_forked() {
            self.messages.end();
        }
    }
}

/// Whether RocksDB refuses a directory since tables or the manifest are damaged or missing, or options in them are not
/// those of this program; otherwise it may accept it another time.
fn is_damage(kind: ErrorKind, message: &str) -> bool {
    // How RocksDB tells that `CURRENT` could not be opened, or at the second try only.
    let of_current = ["Found options incompatible with filesystem", "Direct I/O is not supported"];
    match kind {
        ErrorKind::Corruption => true,
        ErrorKind::InvalidArgument => !of_current.iter().any(|text| message.contains(text)),
        _ => message.contains("No such file or directory"),
    }
}

/// Lets RocksDB open a directory. `may_cut` says whether another recovery could make it accept the log.
pub(super) fn open_rocksdb(path: &Path, mut options: Options, may_cut: bool) -> Result<Db> {
    // The only place for tables, named twice: that of the database, and this one. RocksDB then does not help itself when a
    // full disk has room again. It deadlocks where a stalled write waits for that and that for the write, and its close may
    // wait for it for ever; and for us a database that has failed stays so until it is reopened.
    let tables = DBPath::new(path, u64::MAX);
    let tables = tables.map_err(|error| Error::Engine { action: "open the database", source: Box::new(error) })?;
    options.set_cf_paths(&[tables]);
    Db::open(&options, path).map_err(|error| {
        if !is_damage(error.kind(), error.as_ref()) {
            return Error::Engine { action: "open the database", source: Box::new(error) };
        }
        let hint =
            "; where the damage is in the log, `builder().recover(Recovery::Prefix)` opens the commits before it";
        let reason = format!("RocksDB refuses to open it{}", if may_cut { hint } else { "" });
        Error::Corrupt { path: path.into(), reason, source: Some(Box::new(error)) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_can_not_be_opened_is_no_damage() {
        for message in [
            "Invalid argument: Found options incompatible with filesystem: IO error: While open a file for random read: \
             /data/CURRENT: Too many open files",
            "Invalid argument: Direct I/O is not supported by the specified DB.",
        ] {
            assert!(!is_damage(ErrorKind::InvalidArgument, message));
        }
        assert!(!is_damage(ErrorKind::IOError, "IO error: While open a file: /data/000008.sst: Input/output error"));
        assert!(is_damage(ErrorKind::IOError, "IO error: /data/000008.sst: No such file or directory"));
        assert!(is_damage(ErrorKind::InvalidArgument, "Invalid argument: does not match existing comparator"));
        assert!(is_damage(ErrorKind::Corruption, "Corruption: Bad table magic number"));
    }
}
