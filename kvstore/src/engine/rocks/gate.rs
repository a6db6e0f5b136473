//! A lock for what many threads use all the time and one thread takes away once.

use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::error::{Error, Result};
use crate::thread_number::thread_number;

/// Slots: more than the threads that are likely to run at a time.
const SLOTS: usize = 64;

/// Holds a `T` until it is shut. A thread that enters locks its own slot only, so that threads share no cache line that
/// is written; shutting locks every slot, and thus waits for all who are inside.
#[derive(Debug)]
pub(super) struct Gate<T> {
    slots: Box<[Slot<T>]>,
    /// What was in the slots, from the shutting on.
    shut: Mutex<Option<Arc<T>>>,
}

/// Padded to two cache lines, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Slot<T>(RwLock<Option<Arc<T>>>);

impl<T> Gate<T> {
    pub(super) fn new(inside: T) -> Self {
        let inside = Arc::new(inside);
        let slots = (0..SLOTS).map(|_| Slot(RwLock::new(Some(Arc::clone(&inside)))));
        Self { slots: slots.collect(), shut: Mutex::new(None) }
    }

    /// Runs a call inside.
    ///
    /// # Errors
    /// `Closed` once shut, and also while a thread shuts: nobody else ever locks a slot for writing, so who does not
    /// get in at once never will. Nothing blocks here, not even a call within a call.
    pub(super) fn enter<R>(&self, call: impl FnOnce(&Arc<T>) -> Result<R>) -> Result<R> {
        let slot =
            self.slots.get(thread_number() % SLOTS).ok_or(Error::Closed)?.0.try_read().map_err(|_| Error::Closed)?;
        call(slot.as_ref().ok_or(Error::Closed)?)
    }

    /// Lets nobody in from now on, and waits for those who are inside.
    ///
    /// # Errors
    /// `Closed` if it was shut before.
    pub(super) fn shut(&self) -> Result<()> {
        // Held all the while, so that of two threads one shuts and the other finds it shut.
        let mut shut = self.shut.lock().unwrap_or_else(PoisonError::into_inner);
        let mut found = None;
        for slot in &self.slots {
            found = slot.0.write().unwrap_or_else(PoisonError::into_inner).take().or(found);
        }
        *shut = Some(found.ok_or(Error::Closed)?);
        Ok(())
    }

    /// What was inside when it was shut; once.
    pub(super) fn take(&self) -> Option<Arc<T>> {
        self.shut.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn shutting_waits_for_who_is_inside_and_nobody_gets_in_after() {
        let gate = Gate::new(AtomicUsize::new(0));
        let inside = AtomicUsize::new(0);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    while gate
                        .enter(|count| {
                            inside.fetch_add(1, Ordering::SeqCst);
                            count.fetch_add(1, Ordering::SeqCst);
                            inside.fetch_sub(1, Ordering::SeqCst);
                            Ok(())
                        })
                        .is_ok()
                    {}
                });
            }
            while gate.enter(|count| Ok(count.load(Ordering::SeqCst))).unwrap() < 1_000 {}
            gate.shut().unwrap();
            assert_eq!(inside.load(Ordering::SeqCst), 0);
        });
        assert!(matches!(gate.enter(|_| Ok(())), Err(Error::Closed)));
        assert!(matches!(gate.shut(), Err(Error::Closed)));
        assert!(Arc::into_inner(gate.take().unwrap()).is_some());
        assert!(gate.take().is_none());
    }

    #[test]
    fn a_call_within_a_call_is_let_in() {
        let gate = Gate::new(7);
        assert_eq!(gate.enter(|_| gate.enter(|inside| Ok(**inside))).unwrap(), 7);
    }
}
