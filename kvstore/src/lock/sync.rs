//! What the lock table asks of threads: one place to exchange it for a model checker's.

pub(super) use std::sync::{Arc, Condvar, Mutex, MutexGuard};
pub(super) use std::thread::{Thread, ThreadId};

/// Locks a mutex whose data is consistent whenever it is unlocked, so that a panic elsewhere does not spoil it.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

pub(super) fn current_thread() -> Thread {
    std::thread::current()
}
