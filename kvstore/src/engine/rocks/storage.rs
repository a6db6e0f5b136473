//! The storage on RocksDB.

use std::path::Path;
use std::sync::Arc;

use rocksdb::{BottommostLevelCompaction, CompactOptions, ReadOptions, WriteBatch};

use super::gate::Gate;
use super::session::Session;
use super::snapshot::Snapshot;
use super::{Db, checkpoint, fault, options, space};
use crate::engine::local::Storage;
use crate::engine::{Op, Page, Reader, Tables, Visit};
use crate::error::{Error, Outcome, Result};
use crate::key::Span;
use crate::key::hidden::KeyBuf;

/// A batch must stay below 4 GiB, lengths in it being 32 bits wide; RocksDB would not say when it does not.
const BATCH_BYTES: usize = (4 << 30) - (1 << 20);
/// What an operation takes in a batch beside its keys and value, at most; and the head of the batch.
const OP_BYTES: usize = 16;
/// `estimated_keys` counts up to this many.
const COUNTED_KEYS: u64 = 10_000;

thread_local! {
    /// Read options without a snapshot can't be shared by threads, and to make them for each read is not free.
    static NOW: ReadOptions = ReadOptions::default();
}

/// A database on disk.
#[derive(Debug)]
pub(crate) struct Rocks {
    gate: Gate<Session>,
    sync: bool,
}

impl Rocks {
    pub(super) fn new(session: Session, sync: bool) -> Self {
        Self { gate: Gate::new(session), sync }
    }

    /// RocksDB itself, for tests.
    #[cfg(test)]
    pub(super) fn with_db<R>(&self, call: impl FnOnce(&Db) -> R) -> R {
        self.gate.enter(|session| Ok(call(session.db()))).unwrap()
    }
}

/// Hands the value of a key to `visit` where RocksDB keeps it.
pub(super) fn read(session: &Session, key: &[u8], options: &ReadOptions, visit: Visit<'_>) -> Result<bool> {
    match session.db().get_pinned_opt(key, options) {
        Ok(Some(value)) => {
            visit(&value);
            Ok(true)
        }
        Ok(None) => Ok(false),
        Err(error) => Err(fault::failed(session.path(), "read", error)),
    }
}

/// Fills a page from a span. An error is told even if rows were found before it: a page that is short without an error
/// holds all there is.
pub(super) fn scan(db: &Db, mut options: ReadOptions, span: &Span, page: &mut Page) -> Result<(), rocksdb::Error> {
    if span.is_empty() {
        return Ok(());
    }
    options.set_iterate_upper_bound(span.end.as_slice());
    if page.reversed {
        options.set_iterate_lower_bound(span.start.as_slice());
    }
    let mut rows = db.raw_iterator_opt(options);
    if page.reversed {
        rows.seek_to_last();
    } else {
        rows.seek(span.start.as_slice());
    }
    while let Some(key) = rows.key() {
        let value = if page.keys_only { None } else { rows.value() };
        page.push(key, value.unwrap_or_default());
        if page.is_full() {
            // Whether there is more, the next page tells: to look costs a block, where values are large.
            page.more = true;
            return Ok(());
        }
        if page.reversed {
            rows.prev();
        } else {
            rows.next();
        }
    }
    rows.status()
}

impl Reader for Rocks {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        self.gate.enter(|session| {
            let mut visit = Some(visit);
            let found = NOW.try_with(|now| visit.take().map(|visit| read(session, key, now, visit)));
            match (found, visit) {
                (Ok(Some(found)), _) => found,
                // The thread is ending, and its options are gone.
                (_, Some(visit)) => read(session, key, &ReadOptions::default(), visit),
                (_, None) => Err(Error::Closed),
            }
        })
    }

    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        self.gate.enter(|session| {
            scan(session.db(), ReadOptions::default(), span, page)
                .map_err(|error| fault::failed(session.path(), "scan", error))
        })
    }
}

impl Storage for Rocks {
    fn check_open(&self) -> Result<()> {
        self.gate.enter(|_| Ok(()))
    }

    fn snapshot(&self) -> Result<Arc<dyn Reader>> {
        self.gate.enter(|session| Ok(Arc::new(Snapshot::new(Arc::clone(session))?) as Arc<dyn Reader>))
    }

    fn write(&self, ops: &[Op<'_>], sync: bool) -> Result<(), (Error, Outcome)> {
        let sync = sync || self.sync;
        let mut outcome = Outcome::NotApplied;
        let written = self.gate.enter(|session| {
            check_size(ops)?;
            let how = options::write(sync);
            let db = session.db();
            let written = match ops {
                [] if sync => db.flush_wal(true),
                [] => Ok(()),
                [Op::Put { key, value }] => db.put_opt(key, value, how),
                [Op::Delete { key }] => db.delete_opt(key, how),
                ops => db.write_opt(batch(ops), how),
            };
            session.note_removals(ops);
            written.map_err(|error| {
                let (error, found) = fault::failed_write(session.path(), error);
                outcome = found;
                if found == Outcome::Unknown {
                    session.set_failed();
                }
                error
            })
        });
        written.map_err(|error| (error, outcome))
    }

    fn sync(&self) -> Result<()> {
        self.gate.enter(|session| session.sync())
    }

    fn checkpoint(&self, to: &Path, tables: Tables) -> Result<()> {
        self.gate.enter(|session| {
            checkpoint::create(session, to, tables)?;
            session.merge_small_tables();
            Ok(())
        })
    }

    /// Exact up to 10,000. Beyond that, the keys counted are taken as a sample of the table files: where they make up so
    /// much of the span's size on disk, the whole span has that many more. Keys that are not in a table file yet then
    /// have no weight, so that the estimate may be far too low just after they were written; it never is below 10,000.
    fn estimated_keys(&self, span: &Span) -> Result<u64> {
        self.gate.enter(|session| {
            let db = session.db();
            let mut page = Page::new();
            page.keys_only = true;
            let (mut rest, mut counted) = (span.clone(), 0);
            loop {
                page.clear(usize::MAX);
                scan(db, ReadOptions::default(), &rest, &mut page)
                    .map_err(|error| fault::failed(session.path(), "scan", error))?;
                counted += page.len() as u64;
                let last = page.len().checked_sub(1).and_then(|last| page.row(last));
                let Some((last, _)) = last.filter(|_| page.more) else { return Ok(counted) };
                rest.start = KeyBuf::from_bytes(last);
                rest.start.push(0);
                if counted >= COUNTED_KEYS {
                    break;
                }
            }
            let size = |start: &KeyBuf, end: &KeyBuf| {
                let range = rocksdb::Range::new(start.as_slice(), end.as_slice());
                db.get_approximate_sizes(&[range]).first().copied().unwrap_or_default()
            };
            let (sample, others) = (size(&span.start, &rest.start), size(&rest.start, &span.end));
            let more = u128::from(counted) * u128::from(others) / u128::from(sample.max(1));
            // Without a size of the sample there is nothing to compare with.
            let more = if sample == 0 { 0 } else { u64::try_from(more).unwrap_or(u64::MAX) };
            Ok(counted.saturating_add(more))
        })
    }

    /// Best effort: files that hold nothing but the span are dropped, and what is left of it is compacted away, of which
    /// RocksDB does not say whether it succeeded. Dropping a file takes rows from snapshots, too, and rows put since the
    /// span was deleted: so it is done only while there is no snapshot, and the span must be one that nobody writes to.
    fn reclaim(&self, span: &Span) -> Result<()> {
        self.gate.enter(|session| {
            if span.is_empty() {
                return Ok(());
            }
            let (start, end) = (span.start.as_slice(), span.end.as_slice());
            let (db, path) = (session.db(), session.path());
            // A snapshot that is taken meanwhile does not see the span anyway, since its keys are deleted already.
            let snapshots = db.property_int_value(rocksdb::properties::NUM_SNAPSHOTS);
            if snapshots.map_err(|error| fault::failed(path, "count the snapshots", error))? == Some(0) {
                // To RocksDB the end of this range belongs to it, and it may be the key of somebody else's entry.
                db.delete_file_in_range(start, last_before(end).as_slice()).map_err(|error| {
                    // The manifest may be half written.
                    session.set_failed();
                    fault::failed(path, "drop the files of a span", error)
                })?;
            }
            let mut how = CompactOptions::default();
            // What a snapshot kept alive may have reached the last level already.
            how.set_bottommost_level_compaction(BottommostLevelCompaction::ForceOptimized);
            db.compact_range_opt(Some(start), Some(end), &how);
            Ok(())
        })
    }

    fn compact(&self) -> Result<()> {
        self.gate.enter(|session| {
            session.check_in_place()?;
            space::compact(session.db(), None, None);
            session.check_background("compact")
        })
    }

    fn refuse(&self) -> Result<()> {
        self.gate.shut()
    }

    fn finish(&self) -> Result<()> {
        match self.gate.take().and_then(Arc::into_inner) {
            Some(session) => session.close(),
            // Snapshots live: the last of them closes.
            None => Ok(()),
        }
    }
}

/// A key before `end`, and behind most that are.
fn last_before(end: &[u8]) -> KeyBuf {
    let Some((last, rest)) = end.split_last() else { return KeyBuf::new() };
    let mut key = KeyBuf::from_bytes(rest);
    if let Some(before) = last.checked_sub(1) {
        key.push(before);
        key.extend(&[0xFF; 64]);
    }
    key
}

fn batch(ops: &[Op<'_>]) -> WriteBatch {
    let mut batch = WriteBatch::default();
    for op in ops {
        match op {
            Op::Put { key, value } => batch.put(key, value),
            Op::Delete { key } => batch.delete(key),
            // A span that ends before its start would be taken for a mistake.
            Op::DeleteSpan { span } if span.is_empty() => {}
            Op::DeleteSpan { span } => batch.delete_range(span.start.as_slice(), span.end.as_slice()),
        }
    }
    batch
}

fn check_size(ops: &[Op<'_>]) -> Result<()> {
    let bytes = |op: &Op<'_>| match op {
        Op::Put { key, value } => key.len() + value.len(),
        Op::Delete { key } => key.len(),
        Op::DeleteSpan { span } => span.start.as_slice().len() + span.end.as_slice().len(),
    };
    let size = ops.iter().fold(OP_BYTES, |sum, op| sum.saturating_add(bytes(op)).saturating_add(OP_BYTES));
    if size <= BATCH_BYTES {
        return Ok(());
    }
    // Names are for those who know them.
    Err(Error::TooLarge { namespace: String::new(), key: String::new(), what: "batch", size, limit: BATCH_BYTES })
}
