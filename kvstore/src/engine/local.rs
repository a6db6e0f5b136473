//! An engine of this process alone: a storage, and the lock table.

use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{
    Commit, CommitFailure, Engine, Expect, Holding, LockFailure, LockRefused, Op, Page, Reader, Tables, Token, Visit,
    Wait, Watch,
};
use crate::error::{Error, Outcome, Result};
use crate::key::Span;
use crate::key::hidden::KeyBuf;
use crate::lock::LockTable;
use crate::process::Process;
use crate::sync::{Arc, Condvar, Instant, Mutex, OnceLock, locked, wait_timeout};

/// Keeps bytes under ordered keys; knows nothing of locks.
pub(crate) trait Storage: Reader + 'static {
    /// Checks that calls are still taken: `Closed` if not.
    fn check_open(&self) -> Result<()>;

    /// Returns the failure that a test asked for in the place of the next write.
    fn next_fault(&self) -> Option<(Error, Outcome)> {
        None
    }

    /// A consistent view of all that is written now.
    fn snapshot(&self) -> Result<Arc<dyn Reader>>;

    /// Writes all operations or none. A failure says whether they may be there after all.
    fn write(&self, ops: &[Op<'_>], sync: bool) -> Result<(), (Error, Outcome)>;

    /// See [`Engine::sync`].
    fn sync(&self) -> Result<()>;

    /// See [`Engine::checkpoint`].
    fn checkpoint(&self, to: &Path, tables: Tables) -> Result<()>;

    /// See [`Engine::estimated_keys`].
    fn estimated_keys(&self, span: &Span) -> Result<u64>;

    /// See [`Engine::reclaim`].
    fn reclaim(&self, span: &Span) -> Result<()>;

    /// See [`Engine::compact`].
    fn compact(&self) -> Result<()>;

    /// Refuses all further calls with [`Error::Closed`], and waits for the running ones. Snapshots go on.
    fn refuse(&self) -> Result<()>;

    /// Closes, after [`refuse`](Self::refuse); where snapshots live, the last of them does so when it is dropped.
    fn finish(&self) -> Result<()>;
}

/// How long `close` waits for scans and snapshots.
const SNAPSHOT_WAIT: Duration = Duration::from_secs(1);

/// A storage with in-process locks.
#[derive(Debug)]
pub(crate) struct Local<S> {
    storage: S,
    path: PathBuf,
    /// The process that opened the directory, which no other may use. None in memory: a forked child has a copy of its own.
    process: Option<Process>,
    locks: LockTable,
    /// Held from the check of a precondition to the end of its write. Only catalog rows have preconditions, and only
    /// writes with preconditions change them, so other writes need not wait here.
    conditional: Mutex<()>,
    /// Why writes are refused.
    failed: OnceLock<String>,
    snapshots: Arc<Live>,
}

/// Counts the snapshots that are alive.
#[derive(Debug)]
struct Live {
    count: Mutex<usize>,
    none: Condvar,
    process: Process,
    /// The directory, which a forked child may not read; empty in memory.
    path: PathBuf,
}

impl Live {
    fn new(path: PathBuf) -> Self {
        Self { count: Mutex::default(), none: Condvar::default(), process: Process::current(), path }
    }

    /// Refuses a forked child, in which the engine may be locked for ever.
    fn check_process(&self) -> Result<()> {
        if self.path.as_os_str().is_empty() || self.process.is_current_at(Instant::now()) {
            return Ok(());
        }
        Err(Error::Forked { path: self.path.clone() })
    }

    /// Waits until none is alive, and returns how many still are when the time is over.
    fn wait_for_none(&self, at_most: Duration) -> usize {
        let began = Instant::now();
        let mut count = locked(&self.count);
        while *count > 0
            && let Some(left) = at_most.checked_sub(began.elapsed()).filter(|left| !left.is_zero())
        {
            count = wait_timeout(&self.none, &self.count, count, left);
        }
        *count
    }
}

/// A snapshot that is counted. The fields are dropped in this order: who waits for none finds the engine released.
struct Counted {
    view: Arc<dyn Reader>,
    alive: Alive,
}

struct Alive(Arc<Live>);

impl Alive {
    fn new(live: &Arc<Live>) -> Self {
        *locked(&live.count) += 1;
        Self(Arc::clone(live))
    }
}

impl Drop for Alive {
    fn drop(&mut self) {
        // In a forked child the count may be locked for ever, and nobody waits for it.
        if !self.0.process.is_current_at(Instant::now()) {
            return;
        }
        let mut count = locked(&self.0.count);
        *count -= 1;
        if *count == 0 {
            self.0.none.notify_all();
        }
    }
}

impl Reader for Counted {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        self.alive.0.check_process()?;
        self.view.read(key, visit)
    }

    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        self.alive.0.check_process()?;
        self.view.page(span, page)
    }
}

impl<S: Storage> Local<S> {
    pub(crate) fn new(storage: S) -> Self {
        Self {
            storage,
            path: PathBuf::new(),
            process: None,
            locks: LockTable::default(),
            conditional: Mutex::default(),
            failed: OnceLock::new(),
            snapshots: Arc::new(Live::new(PathBuf::new())),
        }
    }

    /// The same, for a storage in a directory.
    #[cfg(feature = "rocksdb")]
    pub(crate) fn at(self, path: &Path) -> Self {
        let snapshots = Arc::new(Live::new(path.to_owned()));
        Self { path: path.to_owned(), process: Some(Process::current()), snapshots, ..self }
    }

    /// As [`check_process`](Engine::check_process), for a caller that has just looked at the clock.
    fn check_process_at(&self, now: Instant) -> Result<()> {
        match self.process {
            Some(process) if !process.is_current_at(now) => Err(Error::Forked { path: self.path.clone() }),
            _ => Ok(()),
        }
    }

    fn check_usable(&self) -> Result<()> {
        match self.failed.get() {
            Some(reason) => Err(Error::Failed { reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// From now on writes are refused: only the next open can tell what is on disk.
    fn set_failed(&self, error: &Error) {
        // First, since a subscriber of `tracing` may panic, or write into the database.
        if self.failed.set(error.to_string()).is_ok() {
            tracing::error!(%error, "a write failed: the database refuses further writes until it is reopened");
        }
    }

    fn is_met(&self, expect: &Expect<'_>) -> Result<bool> {
        let mut same = false;
        let there = self.storage.read(expect.key, &mut |value| same = expect.value == Some(value))?;
        Ok(if there { same } else { expect.value.is_none() })
    }
}

impl<S: Storage> Reader for Local<S> {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        self.storage.read(key, visit)
    }

    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        self.check_process()?;
        self.storage.page(span, page)
    }
}

impl<S: Storage> Engine for Local<S> {
    fn path(&self) -> &Path {
        &self.path
    }

    fn check_open(&self) -> Result<()> {
        self.check_process()?;
        self.storage.check_open()?;
        self.check_usable()
    }

    fn check_process(&self) -> Result<()> {
        if self.process.is_some() { self.check_process_at(Instant::now()) } else { Ok(()) }
    }

    fn snapshot(&self) -> Result<Arc<dyn Reader>> {
        self.check_process()?;
        let alive = Alive::new(&self.snapshots);
        Ok(Arc::new(Counted { view: self.storage.snapshot()?, alive }))
    }

    fn lock(&self, key: KeyBuf, wait: Wait, taken_at: &'static Location<'static>) -> Result<Token, LockFailure> {
        let now = Instant::now();
        self.check_process_at(now).and_then(|()| self.check_usable()).map_err(LockFailure::Failed)?;
        self.locks.lock_at(key, wait, taken_at, now).map_err(lock_failure)
    }

    fn lock_if_free(&self, key: KeyBuf, taken_at: &'static Location<'static>) -> Result<Option<Token>, LockFailure> {
        let now = Instant::now();
        self.check_process_at(now).and_then(|()| self.check_usable()).map_err(LockFailure::Failed)?;
        self.locks.lock_if_free(key, taken_at, now).map_err(lock_failure)
    }

    fn watch(&self, span: Span) -> Watch<'_> {
        self.locks.watch(span)
    }

    fn unlock(&self, token: &Token) {
        self.locks.unlock(token);
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), CommitFailure> {
        self.check_process()?;
        self.check_usable()?;
        if let Some(stale) = commit.tokens.iter().find(|token| !self.locks.holds(token)) {
            return Err(CommitFailure::Stale(stale.key().clone()));
        }
        let conditional = if commit.expect.is_empty() {
            None
        } else {
            let held = locked(&self.conditional);
            for expect in commit.expect {
                if !self.is_met(expect)? {
                    return Err(CommitFailure::Unexpected);
                }
            }
            Some(held)
        };
        let fault = if commit.background { None } else { self.storage.next_fault() };
        let written = fault.map_or_else(|| self.storage.write(commit.ops, commit.sync), Err);
        drop(conditional);
        written.map_err(|(error, outcome)| {
            if outcome == Outcome::Unknown {
                self.set_failed(&error);
            }
            CommitFailure::Failed(error, outcome)
        })
    }

    fn is_held(&self, key: &KeyBuf) -> bool {
        self.locks.is_held(key)
    }

    fn held(&self) -> Vec<Holding> {
        // A child holds none, and the table may be locked in it for ever.
        if self.check_process().is_err() {
            return Vec::new();
        }
        self.locks.held()
    }

    #[cfg(any(feature = "loom", feature = "shuttle"))]
    fn lock_table(&self) -> &LockTable {
        &self.locks
    }

    /// A sync that failed is not tried again: the system may have dropped what it could not write, and then says yes.
    fn sync(&self) -> Result<()> {
        self.check_process()?;
        self.check_usable()?;
        self.storage.sync().inspect_err(|error| {
            if !matches!(error, Error::Closed) {
                self.set_failed(error);
            }
        })
    }

    fn checkpoint(&self, to: &Path, tables: Tables) -> Result<()> {
        self.check_process()?;
        self.storage.checkpoint(to, tables)
    }

    fn estimated_keys(&self, span: &Span) -> Result<u64> {
        self.check_process()?;
        self.storage.estimated_keys(span)
    }

    fn reclaim(&self, span: &Span) -> Result<()> {
        self.check_process()?;
        self.storage.reclaim(span)
    }

    fn compact(&self) -> Result<()> {
        self.check_process()?;
        self.check_usable()?;
        self.storage.compact()
    }

    fn close(&self) -> Result<()> {
        self.check_process()?;
        self.locks.close();
        self.storage.refuse()?;
        let open = self.snapshots.wait_for_none(SNAPSHOT_WAIT);
        let finished = self.storage.finish();
        if open > 0 {
            return Err(Error::Busy { open });
        }
        // Of a database that has failed nobody can say that all is on disk, whatever the engine answers.
        self.check_usable().and(finished)
    }
}

fn lock_failure(refused: LockRefused) -> LockFailure {
    match refused {
        LockRefused::Closed => LockFailure::Failed(Error::Closed),
        refused => LockFailure::Refused(refused),
    }
}
