//! Small numbers for threads, to spread them over slots of their own.

// Not those of `sync`: a number only chooses a slot, and any choice is right.
use std::sync::atomic::{AtomicUsize, Ordering};

static NEXT: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static NUMBER: usize = NEXT.fetch_add(1, Ordering::Relaxed);
}

/// The number of the calling thread: counted from 0 in the order in which threads first ask, or 0 while it ends.
#[inline]
pub(crate) fn thread_number() -> usize {
    NUMBER.try_with(|number| *number).unwrap_or_default()
}
