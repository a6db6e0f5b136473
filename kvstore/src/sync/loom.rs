//! The threads of [loom](https://docs.rs/loom): every interleaving of a few threads.

pub(crate) use loom::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use loom::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard};
pub(crate) use loom::thread::{Builder as ThreadBuilder, JoinHandle, Thread, ThreadId, current as current_thread};

use std::cell::Cell;
use std::time::Duration;

use super::Instant;

loom::thread_local! {
    /// How long the thread has waited so far.
    pub(super) static CLOCK: Cell<Duration> = Cell::new(Duration::ZERO);
}

/// Gives a mutex up until the time is over, which it is when this thread has the mutex again: loom tries all moments.
pub(crate) fn wait_timeout<'a, T>(
    _condition: &Condvar,
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    at_most: Duration,
) -> MutexGuard<'a, T> {
    drop(guard);
    Instant::advance(at_most);
    super::locked(mutex)
}
