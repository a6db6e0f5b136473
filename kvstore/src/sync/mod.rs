//! What the crate uses to share data between threads, and what it uses of time and chance: one place to exchange it for a
//! model checker's. Nothing else in the crate may use `std::sync` or `std::thread`, except what `scripts/check-sync` lists.
//!
//! The packages in `tests/schedules` compile this crate on loom and on shuttle. These run the threads of a program one at
//! a time, and at each operation of a mutex or condition variable they choose which one goes on. Neither knows time, so a
//! timed wait is modelled: its deadline may pass at every such moment.

#[cfg(feature = "loom")]
mod loom;
#[cfg(any(feature = "loom", feature = "shuttle"))]
mod model;
#[cfg(feature = "shuttle")]
mod shuttle;
#[cfg(not(any(feature = "loom", feature = "shuttle")))]
mod std;

#[cfg(feature = "loom")]
pub(crate) use self::loom::*;
#[cfg(any(feature = "loom", feature = "shuttle"))]
pub(crate) use self::model::*;
#[cfg(feature = "shuttle")]
pub(crate) use self::shuttle::*;
#[cfg(not(any(feature = "loom", feature = "shuttle")))]
pub(crate) use self::std::*;

/// Locks a mutex whose data is consistent whenever it is unlocked, so that a panic elsewhere does not spoil it.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Gives a mutex up until the condition is notified.
pub(crate) fn wait<'a, T>(condition: &Condvar, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
    condition.wait(guard).unwrap_or_else(PoisonError::into_inner)
}
