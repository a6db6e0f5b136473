//! A storage in memory: for tests, and for programs without a need to keep anything.
//!
//! An ordered map behind a counted pointer. A snapshot keeps the map it saw; the first write after it copies the map.

use std::collections::{BTreeMap, btree_map};
use std::ops::Bound;
use std::path::{Path, PathBuf};

use super::local::Storage;
use super::{Op, Page, Reader, Tables, Visit};
use crate::error::{Error, Outcome, Result};
use crate::key::Span;
use crate::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, locked};

type Rows = BTreeMap<Box<[u8]>, Arc<[u8]>>;

/// Rows in memory.
#[derive(Debug)]
pub(crate) struct Memory {
    /// `None` once closed.
    rows: RwLock<Option<Arc<Rows>>>,
    faults: Faults,
}

/// Makes writes of an in-memory database fail, to test what a program does then.
///
/// From [`Database::in_memory_with_faults`](crate::Database::in_memory_with_faults).
#[derive(Debug, Clone, Default)]
pub struct Faults {
    next: Arc<Mutex<Option<Fault>>>,
}

#[derive(Debug, Clone, Copy)]
struct Fault {
    writes: usize,
    outcome: Outcome,
}

impl Faults {
    /// Lets the next `writes` writes of the program fail, instead of what was asked for before. Writes of the
    /// database's own threads, such as the one that deletes the elements of removed entries, do not count.
    ///
    /// With [`Outcome::NotApplied`] the disk is full, so to say: the commit may be tried again. With
    /// [`Outcome::Unknown`] the database refuses all writes from then on with [`Error::Failed`].
    pub fn fail_next_writes(&self, writes: usize, outcome: Outcome) {
        *locked(&self.next) = Some(Fault { writes, outcome });
    }

    fn take(&self) -> Option<Outcome> {
        let mut next = locked(&self.next);
        let fault = next.as_mut()?;
        fault.writes = fault.writes.checked_sub(1)?;
        Some(fault.outcome)
    }
}

impl Memory {
    pub(crate) fn new(faults: Faults) -> Self {
        Self { rows: RwLock::new(Some(Arc::default())), faults }
    }

    fn rows(&self) -> RwLockReadGuard<'_, Option<Arc<Rows>>> {
        self.rows.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The rows as they are now; a write that comes meanwhile copies them.
    fn now(&self) -> Result<Arc<Rows>> {
        self.rows().clone().ok_or(Error::Closed)
    }
}

impl Reader for Memory {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        // The value alone is kept alive while it is visited, so that a write meanwhile copies nothing.
        let value = self.rows().as_ref().ok_or(Error::Closed)?.get(key).cloned();
        Ok(value.map(|value| visit(&value)).is_some())
    }

    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        fill(self.rows().as_ref().ok_or(Error::Closed)?, span, page);
        Ok(())
    }
}

impl Reader for Rows {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        Ok(self.get(key).map(|value| visit(value)).is_some())
    }

    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        fill(self, span, page);
        Ok(())
    }
}

fn within<'a>(rows: &'a Rows, span: &'a Span) -> btree_map::Range<'a, Box<[u8]>, Arc<[u8]>> {
    // A range that ends before its start would panic.
    let end = span.end.as_slice().max(span.start.as_slice());
    rows.range::<[u8], _>((Bound::Included(span.start.as_slice()), Bound::Excluded(end)))
}

fn fill(rows: &Rows, span: &Span, page: &mut Page) {
    let mut rows = within(rows, span);
    while let Some((key, value)) = if page.reversed { rows.next_back() } else { rows.next() } {
        page.push(key, value);
        if page.is_full() {
            page.more = true;
            return;
        }
    }
}

impl Storage for Memory {
    fn check_open(&self) -> Result<()> {
        if self.rows().is_some() { Ok(()) } else { Err(Error::Closed) }
    }

    fn next_fault(&self) -> Option<(Error, Outcome)> {
        self.check_open().ok()?;
        let outcome = self.faults.take()?;
        Some((Error::Engine { action: "write", source: "the write was told to fail".into() }, outcome))
    }

    fn snapshot(&self) -> Result<Arc<dyn Reader>> {
        Ok(self.now()?)
    }

    fn write(&self, ops: &[Op<'_>], _sync: bool) -> Result<(), (Error, Outcome)> {
        let mut rows = self.rows.write().unwrap_or_else(PoisonError::into_inner);
        let rows = rows.as_mut().ok_or((Error::Closed, Outcome::NotApplied))?;
        let rows = Arc::make_mut(rows);
        for op in ops {
            match op {
                Op::Put { key, value } => {
                    rows.insert((*key).into(), (*value).into());
                }
                Op::Delete { key } => {
                    rows.remove(*key);
                }
                Op::DeleteSpan { span } => {
                    let keys: Vec<_> = within(rows, span).map(|(key, _)| key.clone()).collect();
                    for key in keys {
                        rows.remove(&key);
                    }
                }
            }
        }
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        self.check_open()
    }

    fn checkpoint(&self, to: &Path, _tables: Tables) -> Result<()> {
        self.now()?;
        Err(Error::Unsupported {
            what: format!("a checkpoint of an in-memory database, to {}", PathBuf::from(to).display()),
        })
    }

    fn estimated_keys(&self, span: &Span) -> Result<u64> {
        let rows = self.now()?;
        Ok(within(&rows, span).count() as u64)
    }

    fn reclaim(&self, _span: &Span) -> Result<()> {
        self.now().map(|_| ())
    }

    fn compact(&self) -> Result<()> {
        self.now().map(|_| ())
    }

    fn refuse(&self) -> Result<()> {
        let rows = self.rows.write().unwrap_or_else(PoisonError::into_inner).take();
        rows.map(drop).ok_or(Error::Closed)
    }

    fn finish(&self) -> Result<()> {
        Ok(())
    }
}
