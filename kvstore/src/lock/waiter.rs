//! One place in the line for a key.

use std::panic::Location;

use crate::sync::{Condvar, Instant, Mutex, Thread, locked, wait, wait_timeout};

/// A thread in line. Woken exactly once: by a hand-over or by the close of the table.
#[derive(Debug)]
pub(super) struct Waiter {
    thread: Thread,
    taken_at: &'static Location<'static>,
    state: Mutex<Option<Woken>>,
    ready: Condvar,
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// The key is held now, under this fence.
    Granted(u64),
    /// The table is closed.
    Closed,
    /// Nothing happened until the deadline.
    TimedOut,
}

impl Waiter {
    pub(super) fn new(thread: Thread, taken_at: &'static Location<'static>) -> Self {
        Self { thread, taken_at, state: Mutex::new(None), ready: Condvar::new() }
    }

    pub(super) fn thread(&self) -> &Thread {
        &self.thread
    }

    pub(super) fn taken_at(&self) -> &'static Location<'static> {
        self.taken_at
    }

    pub(super) fn wake(&self, why: Woken) {
        *locked(&self.state) = Some(why);
        self.ready.notify_one();
    }

    /// What happened so far.
    pub(super) fn state(&self) -> Woken {
        locked(&self.state).unwrap_or(Woken::TimedOut)
    }

    /// Blocks until woken, or until the deadline where there is one.
    pub(super) fn wait(&self, deadline: Option<Instant>) -> Woken {
        let mut state = locked(&self.state);
        loop {
            if let Some(woken) = *state {
                return woken;
            }
            state = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => wait(&self.ready, state),
                Some(left) if left.is_zero() => return Woken::TimedOut,
                Some(left) => wait_timeout(&self.ready, &self.state, state, left),
            };
        }
    }
}
