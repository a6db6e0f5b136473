//! The threads of the operating system.

pub(in crate::lock) use std::hash::RandomState;
pub(in crate::lock) use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
pub(in crate::lock) use std::thread::{Thread, ThreadId, current as current_thread};
pub(in crate::lock) use std::time::Instant;

use std::time::Duration;

/// More than the threads that are likely to be in a shard's critical section, of some 50 ns, at a time.
pub(in crate::lock) const SHARDS: usize = 64;

/// Gives a mutex up until the condition is notified, or the time is over. Threads also wake without a reason.
pub(in crate::lock) fn wait_timeout<'a, T>(
    condition: &Condvar,
    _mutex: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    at_most: Duration,
) -> MutexGuard<'a, T> {
    condition.wait_timeout(guard, at_most).unwrap_or_else(PoisonError::into_inner).0
}
