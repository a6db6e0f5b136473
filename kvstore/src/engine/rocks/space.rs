//! Gives space back: merges small tables, and flushes removals that nothing else would flush.
//!
//! RocksDB merges tables that overlap. Where keys grow, as times do, none do: each session, and each checkpoint, would leave
//! one more small table for ever. And what was removed takes its space until the removals are in a table, which they are
//! when the write buffer is full: in a process that then does nothing, never.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rocksdb::{BottommostLevelCompaction, CompactOptions, LiveFile, ReadOptions, properties};

use super::Db;
use super::directory::Directory;

/// Tables below this size are small.
const SMALL_BYTES: usize = 4 << 20;
/// So many small tables side by side are merged into one.
const MERGED_TABLES: usize = 8;
/// What is merged at a time, at most: it takes a moment.
const MERGED_BYTES: usize = 16 << 20;
/// So many removals are worth a table of their own.
const REMOVALS: u64 = 1_000;
/// With more tables than these on the first level, and two write buffers on their way there, RocksDB makes writes wait.
const MOST_NEW_TABLES: u64 = 16;
/// How long nothing must have been written until removals are flushed.
const IDLE: Duration = Duration::from_secs(1);

/// The first and the last key of small tables that lie side by side, with no other table between them or over them.
type Run = (Vec<u8>, Vec<u8>);

/// Whether there are small tables to merge.
pub(super) fn has_small_tables(db: &Db) -> bool {
    db.live_files().is_ok_and(|tables| !runs(tables).is_empty())
}

/// Whether compactions are so far behind that a flush would wait for them, and the closing of a database with it.
pub(super) fn is_behind(db: &Db) -> bool {
    let new_tables = db.property_int_value(&*properties::num_files_at_level(0));
    new_tables.ok().flatten().is_none_or(|tables| tables >= MOST_NEW_TABLES)
}

/// Merges small tables, if there are many of them. Best effort: RocksDB does not say whether it succeeded.
///
/// Leaves tables alone that can't be read: RocksDB would refuse all writes from then on, of entries elsewhere, too.
pub(super) fn merge_small_tables(db: &Db, stop: impl Fn() -> bool) {
    // Another compaction may have the same tables, and would be waited for.
    let running = db.property_int_value(properties::NUM_RUNNING_COMPACTIONS);
    if !matches!(running, Ok(Some(0))) {
        return;
    }
    let Ok(tables) = db.live_files() else { return };
    for (first, last) in runs(tables) {
        if let Err(error) = read_through(db, &first, &last) {
            tracing::warn!(path = %db.path().display(), %error, "small tables are not merged: one of them can't be read");
            continue;
        }
        compact(db, Some(&first), Some(&last));
        if stop() {
            break;
        }
    }
}

/// Reads all tables between two keys, the last one included, as a compaction does.
fn read_through(db: &Db, first: &[u8], last: &[u8]) -> Result<(), rocksdb::Error> {
    let mut how = ReadOptions::default();
    how.set_iterate_upper_bound([last, &[0]].concat());
    #[expect(deprecated, reason = "RocksDB skips what was removed unless told so, and a compaction reads it, too")]
    how.set_ignore_range_deletions(true);
    how.fill_cache(false);
    let mut rows = db.raw_iterator_opt(how);
    rows.seek(first);
    while rows.valid() {
        rows.next();
    }
    rows.status()
}

/// Rewrites all tables between two keys, down to the last level.
pub(super) fn compact(db: &Db, first: Option<&[u8]>, last: Option<&[u8]>) {
    let mut how = CompactOptions::default();
    how.set_exclusive_manual_compaction(false);
    // What is on the last level already is merged, too, but not what this compaction itself has put there.
    how.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
    db.compact_range_opt(first, last, &how);
}

fn runs(mut tables: Vec<LiveFile>) -> Vec<Run> {
    tables.sort_by(|one, other| one.start_key.cmp(&other.start_key));
    let (mut runs, mut count, mut bytes, mut run): (Vec<Run>, _, _, Option<Run>) = (Vec::new(), 0, 0, None);
    // The last key of all larger tables so far.
    let mut covered: Option<Vec<u8>> = None;
    let mut finish = |run: Option<Run>, count: usize| runs.extend(run.filter(|_| count >= MERGED_TABLES));
    for table in tables {
        let (Some(start), Some(end)) = (table.start_key, table.end_key) else { continue };
        let is_small = table.size < SMALL_BYTES && covered.as_ref().is_none_or(|covered| *covered < start);
        if !is_small {
            // A run that this table reaches into would take it along.
            finish(run.take().filter(|(_, last)| *last < start), count);
            covered = covered.max(Some(end));
            continue;
        }
        if bytes + table.size > MERGED_BYTES {
            finish(run.take(), count);
        }
        if let Some((_, last)) = &mut run {
            (count, bytes) = (count + 1, bytes + table.size);
            if *last < end {
                *last = end;
            }
        } else {
            (count, bytes) = (1, table.size);
            run = Some((start, end));
        }
    }
    finish(run, count);
    runs
}

/// Does what is left to do once nothing is written any more, in a thread that lives no longer than it takes.
#[derive(Default)]
pub(super) struct Housekeeper {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    /// Whether a thread is there. Read with each removal, and written rarely.
    has_thread: AtomicBool,
    stop: Mutex<bool>,
    stopped: Condvar,
}

impl Housekeeper {
    /// Whether it will see what is written now without being started.
    #[inline]
    pub(super) fn is_there(&self) -> bool {
        self.shared.has_thread.load(Ordering::Relaxed)
    }

    /// Starts it, unless it is there. If the system has no thread to give, there is none from then on: the space is given
    /// back when the database is closed or opened.
    pub(super) fn start(&self, db: &Arc<Db>, directory: &Arc<Directory>) {
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shared.has_thread.swap(true, Ordering::Relaxed) || *self.shared.locked() {
            return;
        }
        // Its last act was to say that it is not there.
        thread.take().map(JoinHandle::join);
        let (shared, db, directory) = (Arc::clone(&self.shared), Arc::clone(db), Arc::clone(directory));
        let keep_house = move || shared.keep_house(&db, &directory);
        *thread = thread::Builder::new().name("kvstore-space".into()).spawn(keep_house).ok();
    }

    /// Lets it end, and waits for it. It starts no more.
    pub(super) fn stop(&self) {
        *self.shared.locked() = true;
        self.shared.stopped.notify_all();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, bool> {
        self.stop.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a while; false if it is to end.
    fn pause(&self) -> bool {
        let waited = self.stopped.wait_timeout_while(self.locked(), IDLE, |stop| !*stop);
        !*waited.unwrap_or_else(PoisonError::into_inner).0
    }

    fn keep_house(&self, db: &Db, directory: &Directory) {
        let mut last = None;
        while self.pause() {
            let now = Some(db.latest_sequence_number());
            if last != now {
                last = now;
                continue;
            }
            // RocksDB writes files by their path.
            if directory.check_in_place().is_ok() {
                flush_removals(db);
                merge_small_tables(db, || *self.locked());
            }
            self.has_thread.store(false, Ordering::SeqCst);
            // What was written meanwhile may have found the thread there.
            if Some(db.latest_sequence_number()) == last || self.has_thread.swap(true, Ordering::SeqCst) {
                return;
            }
        }
    }
}

/// Puts removals into a table, for compactions to see them.
fn flush_removals(db: &Db) {
    let count = |name| db.property_int_value(name).ok().flatten().unwrap_or_default();
    let removals = count(properties::NUM_DELETES_ACTIVE_MEM_TABLE) + count(properties::NUM_DELETES_IMM_MEM_TABLES);
    if removals >= REMOVALS {
        // An error stays in RocksDB, which counts it when the database is closed.
        let _ = db.flush();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(start: u8, end: u8, size: usize) -> LiveFile {
        LiveFile {
            column_family_name: String::new(),
            name: String::new(),
            size,
            level: 0,
            start_key: Some(vec![start]),
            end_key: Some(vec![end]),
            num_entries: 1,
            num_deletions: 0,
        }
    }

    fn found(tables: impl IntoIterator<Item = LiveFile>) -> Vec<(u8, u8)> {
        runs(tables.into_iter().collect()).into_iter().map(|(first, last)| (first[0], last[0])).collect()
    }

    #[test]
    fn small_tables_side_by_side_are_merged_and_no_others() {
        let small = |from: u8, to: u8| (from..to).rev().map(|at| table(at, at, 1_000));
        assert_eq!(found(small(0, 7)), []);
        assert_eq!(found(small(0, 8)), [(0, 7)]);
        // Over each other.
        assert_eq!(found((0..8).map(|_| table(1, 9, 1_000))), [(1, 9)]);
        // With a large one in between, over one of them, or over all of them.
        assert_eq!(found(small(0, 7).chain([table(10, 11, SMALL_BYTES)]).chain(small(20, 28))), [(20, 27)]);
        assert_eq!(found(small(0, 8).chain([table(3, 3, SMALL_BYTES)])), []);
        assert_eq!(found(small(1, 20).chain([table(0, 30, SMALL_BYTES)])), []);
        assert_eq!(found(small(1, 20).chain([table(0, 30, 10 * SMALL_BYTES), table(40, 50, SMALL_BYTES)])), []);
        // A small one that reaches into a large one.
        assert_eq!(found(small(0, 8).chain([table(0, 9, 1_000), table(9, 9, SMALL_BYTES)])), []);
        assert_eq!(found(small(0, 8).chain([table(9, 9, SMALL_BYTES)])), [(0, 7)]);
    }

    #[test]
    fn no_more_is_merged_at_a_time_than_takes_a_moment() {
        let tables = (0..40).map(|at| table(at, at, 1 << 20));
        assert_eq!(found(tables), [(0, 15), (16, 31), (32, 39)]);
    }
}
