//! The threads of the operating system.

pub(crate) use std::hash::RandomState;
pub(crate) use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
pub(crate) use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard};
pub(crate) use std::thread::{Builder as ThreadBuilder, JoinHandle, Thread, ThreadId, current as current_thread};
pub(crate) use std::time::Instant;

use std::time::Duration;

use crate::process::Process;

/// More shards than threads are likely to be in the critical section of one, of some 50 ns, at a time. Not many more: those
/// that are not in the processor's cache take longer.
pub(crate) fn shards() -> usize {
    let cores = std::thread::available_parallelism().map_or(MANY_SHARDS, usize::from);
    cores.saturating_mul(4).clamp(8, MANY_SHARDS)
}

const MANY_SHARDS: usize = 256;

/// Locks a mutex as [`locked`](super::locked) does. Returns `None` if another thread has it and this is not the process of
/// `process`: then that thread was not copied by the fork, and will never unlock it.
pub(crate) fn locked_unless_forked<T>(mutex: &Mutex<T>, process: Process) -> Option<MutexGuard<'_, T>> {
    match mutex.try_lock() {
        Ok(guard) => Some(guard),
        Err(_) => process.is_current().then(|| super::locked(mutex)),
    }
}

/// Gives a mutex up until the condition is notified, or the time is over. Threads also wake without a reason.
pub(crate) fn wait_timeout<'a, T>(
    condition: &Condvar,
    _mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    at_most: Duration,
) -> MutexGuard<'a, T> {
    condition.wait_timeout(guard, at_most).unwrap_or_else(PoisonError::into_inner).0
}
