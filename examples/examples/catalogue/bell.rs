//! How workers learn that there is more to do, or that there will be no more.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// Rung by the walker once for each entry that it puts into the journal.
///
/// A worker remembers what it [`heard`](Self::heard) *before* it looks into the journal, and waits for more than that
/// if it found nothing. So an entry that comes between the look and the wait is not slept through, and nobody has to look
/// again and again.
#[derive(Debug)]
pub(crate) struct Bell {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    rings: u64,
    closed: bool,
    failed: bool,
}

/// How often the bell had rung.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Heard(u64);

impl Bell {
    pub(crate) fn new() -> Self {
        Self { state: Mutex::new(State { rings: 0, closed: false, failed: false }), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another entry is in the journal.
    pub(crate) fn ring(&self) {
        self.state().rings += 1;
        self.changed.notify_one();
    }

    pub(crate) fn heard(&self) -> Heard {
        Heard(self.state().rings)
    }

    /// Waits until the bell has rung again; `false` where it will not ring any more.
    pub(crate) fn wait(&self, heard: Heard) -> bool {
        let waiting = |state: &mut State| state.rings == heard.0 && !state.closed && !state.failed;
        let state = self.changed.wait_while(self.state(), waiting).unwrap_or_else(PoisonError::into_inner);
        state.rings != heard.0 && !state.failed
    }

    /// Closes the bell when what is returned is dropped, on whichever way: the workers must not wait for a walker that
    /// is gone.
    pub(crate) fn close_on_drop(&self) -> impl Drop + use<'_> {
        struct Close<'a>(&'a Bell);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                self.0.state().closed = true;
                self.0.changed.notify_all();
            }
        }
        Close(self)
    }

    /// Tells everybody to stop, since one of them can't go on.
    pub(crate) fn fail(&self) {
        self.state().failed = true;
        self.changed.notify_all();
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.state().failed
    }
}
