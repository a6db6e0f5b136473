//! The seam between the typed store and what keeps its bytes and locks.
//!
//! Everything above it speaks [`Engine`]; nothing above it names RocksDB. [`Local`](local::Local) makes an engine of the
//! in-process lock table and a [`Storage`](local::Storage): RocksDB or memory. An engine whose locks are leases in a
//! cluster would implement `Engine` itself; its tokens would then become stale, and its commits refused.

pub(crate) mod local;
pub(crate) mod memory;
#[cfg(feature = "rocksdb")]
pub(crate) mod rocks;

#[cfg(test)]
mod conformance;

use std::panic::Location;
use std::path::Path;

use crate::error::{Error, Outcome, Result};
use crate::key::Span;
use crate::key::hidden::KeyBuf;
pub(crate) use crate::lock::{Holding, LockRefused, Token, Wait, Watch};
use crate::sync::Arc;

/// Receives the bytes of a value while they lie in the engine's own memory.
pub(crate) type Visit<'a> = &'a mut dyn FnMut(&[u8]);

/// Keeps bytes under ordered keys, and locks on keys.
pub(crate) trait Engine: Reader {
    /// The directory, for errors; empty where there is none.
    fn path(&self) -> &Path;

    /// Checks that commits are still taken: `Closed` or `Failed` if not. A commit with nothing to write asks this.
    fn check_open(&self) -> Result<()>;

    /// Fails with `Forked` if this process is not the one that opened the database.
    fn check_process(&self) -> Result<()> {
        Ok(())
    }

    /// A consistent view of all that is committed now.
    fn snapshot(&self) -> Result<Arc<dyn Reader>>;

    /// Locks one key, without reading it.
    fn lock(&self, key: KeyBuf, wait: Wait, taken_at: &'static Location<'static>) -> Result<Token, LockFailure>;

    /// Locks one key, without reading it, if nobody holds it.
    fn lock_if_free(&self, key: KeyBuf, taken_at: &'static Location<'static>) -> Result<Option<Token>, LockFailure>;

    /// Notes which keys of a span become free.
    fn watch(&self, span: Span) -> Watch<'_>;

    /// Releases a lock.
    fn unlock(&self, token: &Token);

    /// Applies a commit as a whole or not at all.
    fn commit(&self, commit: &Commit<'_>) -> Result<(), CommitFailure>;

    /// Whether a key is locked.
    fn is_held(&self, key: &KeyBuf) -> bool;

    /// All locks that are held, in order of their keys.
    fn held(&self) -> Vec<Holding>;

    /// The lock table, for models to look into.
    #[cfg(any(feature = "loom", feature = "shuttle"))]
    fn lock_table(&self) -> &crate::lock::LockTable;

    /// Makes all that was committed so far survive power loss.
    fn sync(&self) -> Result<()>;

    /// Writes an openable copy, as of one commit, to a place where nothing is.
    fn checkpoint(&self, to: &Path, tables: Tables) -> Result<()>;

    /// About how many keys lie in a span.
    fn estimated_keys(&self, span: &Span) -> Result<u64>;

    /// Gives back the space of a span whose keys were deleted.
    fn reclaim(&self, span: &Span) -> Result<()>;

    /// Gives back the space of all that was removed or replaced.
    fn compact(&self) -> Result<()>;

    /// Refuses all further calls, waits for the running ones, and closes.
    fn close(&self) -> Result<()>;
}

/// Reads bytes: as of now, or as of a snapshot.
pub(crate) trait Reader: Send + Sync {
    /// Hands the value of a key to `visit`, once, and tells whether there was one.
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool>;

    /// Fills a page with the first keys of a span, or the last where the page is reversed.
    fn page(&self, span: &Span, page: &mut Page) -> Result<()>;
}

/// How the tables of a database get into a copy of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// As hard links on the same file system: both then have them in common.
    Linked,
    /// As files of the copy's own.
    Copied,
}

/// What a commit does to one key or span.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Op<'a> {
    Put { key: &'a [u8], value: &'a [u8] },
    Delete { key: &'a [u8] },
    DeleteSpan { span: &'a Span },
}

/// A condition on which a commit is applied: the key has exactly this value, or none.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expect<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
}

/// Operations applied as a whole.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Commit<'a> {
    pub(crate) ops: &'a [Op<'a>],
    /// The locks that cover the operations; a stale one refuses the commit.
    pub(crate) tokens: &'a [&'a Token],
    pub(crate) expect: &'a [Expect<'a>],
    /// Whether it must survive power loss before the call returns, whatever the database's durability.
    pub(crate) sync: bool,
    /// Whether a thread of the database asks for it, and no call of the program.
    pub(crate) background: bool,
}

/// Why a commit failed, and whether it took effect.
#[derive(Debug)]
pub(crate) enum CommitFailure {
    /// A precondition was not met; nothing was written.
    Unexpected,
    /// A token was stale; nothing was written.
    Stale(KeyBuf),
    /// The engine failed.
    Failed(Error, Outcome),
}

impl From<Error> for CommitFailure {
    /// Failures before anything was written.
    fn from(error: Error) -> Self {
        Self::Failed(error, Outcome::NotApplied)
    }
}

/// Why a lock was not taken.
#[derive(Debug)]
pub(crate) enum LockFailure {
    Refused(LockRefused),
    Failed(Error),
}

/// Keys and values copied out of a reader, in order; filled again and again by a scan.
#[derive(Debug)]
pub(crate) struct Page {
    /// Whether to run from the end of the span to its start.
    pub(crate) reversed: bool,
    /// Whether to leave out the values.
    pub(crate) keys_only: bool,
    /// Set by the reader: whether the span may have more than the page.
    pub(crate) more: bool,
    max_rows: usize,
    bytes: Vec<u8>,
    /// Of each row the end of its key and the end of its value, in `bytes`.
    rows: Vec<(usize, usize)>,
}

/// A page ends with the row that takes it over this size.
const PAGE_BYTES: usize = 256 * 1024;

impl Page {
    pub(crate) fn new() -> Self {
        Self { reversed: false, keys_only: false, more: false, max_rows: 1, bytes: Vec::new(), rows: Vec::new() }
    }

    /// Empties the page, to hold at most so many rows, and at least one.
    pub(crate) fn clear(&mut self, max_rows: usize) {
        self.bytes.clear();
        self.rows.clear();
        self.more = false;
        self.max_rows = max_rows.max(1);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= self.max_rows || self.bytes.len() >= PAGE_BYTES
    }

    pub(crate) fn push(&mut self, key: &[u8], value: &[u8]) {
        self.bytes.extend_from_slice(key);
        let key_end = self.bytes.len();
        if !self.keys_only {
            self.bytes.extend_from_slice(value);
        }
        self.rows.push((key_end, self.bytes.len()));
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    /// The key and the value of a row.
    pub(crate) fn row(&self, index: usize) -> Option<(&[u8], &[u8])> {
        let (key_end, value_end) = *self.rows.get(index)?;
        let start = index.checked_sub(1).and_then(|before| self.rows.get(before)).map_or(0, |row| row.1);
        Some((self.bytes.get(start..key_end)?, self.bytes.get(key_end..value_end)?))
    }
}
