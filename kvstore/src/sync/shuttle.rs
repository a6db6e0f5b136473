//! The threads of [shuttle](https://docs.rs/shuttle): random schedules, each of which a seed finds again.

pub(crate) use shuttle::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use shuttle::sync::{Condvar, Mutex, MutexGuard, RwLock, RwLockReadGuard};
pub(crate) use shuttle::thread::{Builder as ThreadBuilder, JoinHandle, Thread, ThreadId, current as current_thread};

use std::cell::Cell;
use std::time::Duration;

use shuttle::rand::Rng;

use super::Instant;

shuttle::thread_local! {
    /// How long the thread has waited so far.
    pub(super) static CLOCK: Cell<Duration> = Cell::new(Duration::ZERO);
}

/// Gives a mutex up for a moment, and lets chance decide whether the time is over then. Otherwise the thread wakes without
/// a reason, as threads do, and waits again.
pub(crate) fn wait_timeout<'a, T>(
    _condition: &Condvar,
    mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    at_most: Duration,
) -> MutexGuard<'a, T> {
    drop(guard);
    shuttle::thread::yield_now();
    if shuttle::rand::thread_rng().gen_ratio(1, 4) {
        Instant::advance(at_most);
    }
    super::locked(mutex)
}
