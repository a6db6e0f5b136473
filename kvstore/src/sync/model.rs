//! What the model checkers have in common: nothing is left to chance, and time is theirs.
//!
//! `Arc` is the system's. Nothing in the crate decides by a reference count, and a value is dropped by a thread that the
//! checker has chosen to run.

pub(crate) use std::sync::{Arc, PoisonError};

use std::hash::{BuildHasherDefault, DefaultHasher};
use std::time::Duration;

use super::{AtomicBool, CLOCK, Mutex, MutexGuard, Ordering};
use crate::process::Process;

/// The same in every run, so that a key is always in the same shard.
pub(crate) type RandomState = BuildHasherDefault<DefaultHasher>;

/// Some keys share a shard, and some don't.
pub(crate) fn shards() -> usize {
    2
}

/// A value that is set once. The checkers have none of their own: they interleave the flag that says that it is set.
#[derive(Debug, Default)]
pub(crate) struct OnceLock<T> {
    is_set: AtomicBool,
    value: std::sync::OnceLock<T>,
}

impl<T> OnceLock<T> {
    pub(crate) fn new() -> Self {
        Self { is_set: AtomicBool::new(false), value: std::sync::OnceLock::new() }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        if self.is_set.load(Ordering::Acquire) { self.value.get() } else { None }
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.value.set(value)?;
        self.is_set.store(true, Ordering::Release);
        Ok(())
    }
}

/// Locks a mutex: no model forks.
#[expect(clippy::unnecessary_wraps, reason = "outside of models it may return `None`")]
pub(crate) fn locked_unless_forked<T>(mutex: &Mutex<T>, _process: Process) -> Option<MutexGuard<'_, T>> {
    Some(super::locked(mutex))
}

/// A moment on the clock of a thread.
///
/// Each thread has its own, which stands still but for the thread's timed waits: that one thread waited says nothing of
/// when another's deadline passes, so that all combinations are tried.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Instant(Duration);

/// As far as the system's clock reaches.
const LAST: Duration = Duration::from_secs(i64::MAX as u64);

impl Instant {
    pub(crate) fn now() -> Self {
        CLOCK.with(|clock| Self(clock.get()))
    }

    /// So long passes for the calling thread.
    pub(super) fn advance(by: Duration) {
        CLOCK.with(|clock| clock.set(clock.get().saturating_add(by)));
    }

    pub(crate) fn checked_add(self, duration: Duration) -> Option<Self> {
        self.0.checked_add(duration).filter(|moment| *moment <= LAST).map(Self)
    }

    pub(crate) fn saturating_duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    pub(crate) fn elapsed(self) -> Duration {
        Self::now().saturating_duration_since(self)
    }
}
