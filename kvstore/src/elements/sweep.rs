//! Deletes the elements of entries that are gone.
//!
//! Who removes an entry puts one row into the namespace of the store's orphans, in the same commit, and is done. A thread of
//! the database, which begins with the first such entry, then deletes the elements, in steps that are small enough not to
//! keep others waiting, and at the end the row. A row that is left when the database ends is found when the store is opened
//! again.

use std::collections::VecDeque;
use std::fmt;

use super::space::ElementSpaces;
use crate::engine::{Commit, CommitFailure, Engine, Op, Page};
use crate::error::{Error, Result};
use crate::key::hidden::KeyBuf;
use crate::key::{Span, bytes_as_text};
use crate::process::Process;
use crate::sync::{Arc, Condvar, JoinHandle, Mutex, MutexGuard, PoisonError, ThreadBuilder, locked, wait};

/// Elements that are deleted by one commit.
const STEP: usize = 1024;

/// Steps in which the elements of one collection are deleted one by one. Of a larger one the rest is deleted as a span:
/// that is one small write, but each such span makes reads slower until it is compacted away, so they must be few.
const STEPS_ONE_BY_ONE: usize = 8;

/// Whose elements are to be deleted.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Orphans {
    /// Those of one entry.
    One(u64),
    /// Those of every entry that has a row.
    All,
}

/// The thread that deletes elements, and what it is to do.
#[derive(Default)]
pub(crate) struct Sweeper {
    work: Arc<Work>,
    /// The thread, and the process in which it runs.
    thread: Mutex<Option<(JoinHandle<()>, Process)>>,
}

#[derive(Default)]
struct Work {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Arc<ElementSpaces>, Orphans)>,
    stopped: bool,
}

impl Sweeper {
    /// Has elements deleted, later.
    pub(crate) fn sweep(&self, engine: &Arc<dyn Engine>, spaces: &Arc<ElementSpaces>, orphans: Orphans) {
        self.work.state().queue.push_back((Arc::clone(spaces), orphans));
        let mut thread = locked(&self.thread);
        if thread.is_some() {
            self.work.changed.notify_one();
            return;
        }
        let (engine, work) = (Arc::clone(engine), Arc::clone(&self.work));
        let started = ThreadBuilder::new().name("kvstore-sweeper".to_owned()).spawn(move || work.run(&*engine));
        match started {
            Ok(started) => *thread = Some((started, Process::current())),
            Err(error) => {
                tracing::warn!(%error, "no thread to delete the elements of removed entries: tried again later");
            }
        }
    }
}

impl Drop for Sweeper {
    /// Waits for the step that is under way, so that the engine is not used after this.
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some((thread, process)) = thread else { return };
        if !process.is_current() {
            // A forked child does not have the thread, and it may have held the mutex of the state.
            std::mem::forget(thread);
            return;
        }
        self.work.state().stopped = true;
        self.work.changed.notify_all();
        // A panic in the thread was reported by it.
        let _ = thread.join();
    }
}

impl fmt::Debug for Sweeper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweeper").finish_non_exhaustive()
    }
}

impl Work {
    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    fn goes_on(&self) -> bool {
        !self.state().stopped
    }

    /// What is to be done next; waits for it. `None` when the database ends.
    fn next(&self) -> Option<(Arc<ElementSpaces>, Orphans)> {
        let mut state = self.state();
        while !state.stopped && state.queue.is_empty() {
            state = wait(&self.changed, state);
        }
        if state.stopped { None } else { state.queue.pop_front() }
    }

    fn run(&self, engine: &dyn Engine) {
        while let Some((spaces, orphans)) = self.next() {
            let swept = match orphans {
                Orphans::One(incarnation) => sweep_one(engine, &spaces, incarnation, &|| self.goes_on()),
                Orphans::All => sweep_all(engine, &spaces, &|| self.goes_on()),
            };
            match swept {
                Ok(()) | Err(Error::Closed) => {}
                Err(error) => tracing::warn!(
                    %error,
                    "elements of a removed entry could not be deleted: tried again when the store is opened"
                ),
            }
        }
    }
}

/// Deletes the elements of every entry that has a row, as long as `goes_on` says so.
pub(super) fn sweep_all(engine: &dyn Engine, spaces: &ElementSpaces, goes_on: &dyn Fn() -> bool) -> Result<()> {
    let (mut span, mut page) = (spaces.orphans(), Page::new());
    page.keys_only = true;
    while goes_on() {
        page.clear(STEP);
        engine.page(&span, &mut page)?;
        for (key, _) in (0..page.len()).filter_map(|index| page.row(index)) {
            // Nobody else writes here. What is no number belongs to no entry.
            let incarnation = key.get(4..).and_then(|number| number.try_into().ok()).map(u64::from_be_bytes);
            if let Some(incarnation) = incarnation {
                sweep_one(engine, spaces, incarnation, goes_on)?;
            }
        }
        match last_key(&page) {
            Some(last) if page.more => span.start = behind(last),
            _ => break,
        }
    }
    Ok(())
}

/// Deletes the elements of one entry, and then its row, as long as `goes_on` says so before each step.
pub(super) fn sweep_one(
    engine: &dyn Engine,
    spaces: &ElementSpaces,
    incarnation: u64,
    goes_on: &dyn Fn() -> bool,
) -> Result<()> {
    let (mut page, mut few) = (Page::new(), Vec::new());
    page.keys_only = true;
    for field in spaces.fields() {
        let mut span = Span::of_prefix(field.prefix(incarnation));
        for step in 0.. {
            if !goes_on() {
                return Ok(());
            }
            if step == STEPS_ONE_BY_ONE {
                write(engine, &[Op::DeleteSpan { span: &span }])?;
                break;
            }
            page.clear(STEP);
            engine.page(&span, &mut page)?;
            let keys = (0..page.len()).filter_map(|index| page.row(index)).map(|(key, _)| KeyBuf::from_bytes(key));
            few.extend(keys);
            if few.len() >= STEP {
                let ops: Vec<_> = few.iter().map(|key| Op::Delete { key: key.as_slice() }).collect();
                write(engine, &ops)?;
                few.clear();
            }
            match last_key(&page) {
                Some(last) if page.more => span.start = behind(last),
                _ => break,
            }
        }
    }
    let orphan = spaces.orphan_key(incarnation);
    let mut ops: Vec<_> = few.iter().map(|key| Op::Delete { key: key.as_slice() }).collect();
    ops.push(Op::Delete { key: orphan.as_slice() });
    write(engine, &ops)
}

fn last_key(page: &Page) -> Option<&[u8]> {
    page.len().checked_sub(1).and_then(|last| page.row(last)).map(|(key, _)| key)
}

fn behind(key: &[u8]) -> KeyBuf {
    let mut key = KeyBuf::from_bytes(key);
    key.push(0);
    key
}

fn write(engine: &dyn Engine, ops: &[Op<'_>]) -> Result<()> {
    engine.commit(&Commit { ops, background: true, ..Commit::default() }).map_err(|failure| match failure {
        CommitFailure::Failed(error, _) => error,
        // The commit has no preconditions and no locks.
        CommitFailure::Unexpected => {
            Error::Unavailable { reason: "a precondition was missed where none was set".into() }
        }
        CommitFailure::Stale(key) => {
            Error::LockLost { namespace: "elements".into(), key: bytes_as_text(key.as_slice()) }
        }
    })
}
