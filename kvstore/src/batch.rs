//! Batches: several guards, committed as a whole.

use std::any::Any;
use std::fmt;

use crate::error::{Error, Outcome, Result};
use crate::guard::{CommitError, Entry, Guard, encode_value, with_buffer};
use crate::key::KeyArg;
use crate::map_store::MapStore;
use crate::namespace::{Change, Write, apply};
use crate::store::Store;
use crate::sync::Arc;

/// Guards of any stores of one database, to be committed all or nothing.
///
/// ```
/// # use kvstore::{Batch, Database, Error};
/// # let db = Database::in_memory()?;
/// # let accounts = db.map::<String, i64>("accounts")?;
/// # for (name, sum) in [("from", 10), ("to", 0)] { accounts.put(name, sum)?; }
/// let (from, to) = db.lock_together((accounts.wanted("from"), accounts.wanted("to")))?;
/// if let (Some(mut from), Some(mut to)) = (from, to) {
///     *from -= 5;
///     *to += 5;
///     Batch::new().write(from).write(to).commit()?;
/// }
/// # assert_eq!(accounts.get("to")?, Some(5));
/// # Ok::<(), Error>(())
/// ```
#[derive(Default)]
#[must_use = "a batch that is dropped writes nothing: end it with `commit`"]
pub struct Batch {
    members: Vec<Member>,
}

struct Member {
    guard: Box<dyn AnyGuard>,
    delete: bool,
}

/// A guard of any store.
trait AnyGuard: Send {
    fn entry(&self) -> &Entry;
    fn encode(&self, buf: &mut Vec<u8>) -> Result<()>;
    fn discard(&mut self);
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Store> AnyGuard for Guard<T> {
    fn entry(&self) -> &Entry {
        Guard::entry(self)
    }
    fn encode(&self, buf: &mut Vec<u8>) -> Result<()> {
        encode_value::<T>(Guard::entry(self), self.value(), buf)
    }
    fn discard(&mut self) {
        Guard::discard(self);
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn into_any(self: Box<Self>) -> Box<dyn Any> {
        self
    }
}

impl Batch {
    /// An empty batch.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a guard whose value the commit writes, unless it is neither new nor changed.
    pub fn write<T: Store>(self, guard: Guard<T>) -> Self {
        self.with(guard, false)
    }

    /// Adds a guard whose entry the commit deletes.
    pub fn delete<T: Store>(self, guard: Guard<T>) -> Self {
        self.with(guard, true)
    }

    fn with<T: Store>(mut self, guard: Guard<T>, delete: bool) -> Self {
        self.members.push(Member { guard: Box::new(guard), delete });
        self
    }

    /// Writes all or nothing, and releases every lock.
    ///
    /// # Errors
    /// As [`Guard::commit`] of its guards, and [`Error::ForeignGuard`] for guards of two databases. The locks are
    /// released on failure, too: [`try_commit`](Self::try_commit) keeps them.
    pub fn commit(mut self) -> Result<()> {
        let written = self.write_all();
        // If that failed, the error reports it: there is no warning of a lost change.
        self.discard();
        written.map_err(Error::of_commit)
    }

    /// Writes all or nothing and releases every lock, as [`commit`](Self::commit) does, but returns the batch with the
    /// error if that fails.
    ///
    /// # Errors
    /// Those of [`commit`](Self::commit) in a [`CommitError`], which has the batch, still locked, for another try.
    /// [`take`](Self::take) gets single guards back out of it.
    pub fn try_commit(mut self) -> Result<(), CommitError<Self>> {
        match self.write_all() {
            Ok(()) => {
                self.discard();
                Ok(())
            }
            Err((error, outcome)) => Err(CommitError::new(error, outcome, self)),
        }
    }

    /// Nothing is to be written any more.
    fn discard(&mut self) {
        self.members.iter_mut().for_each(|member| member.guard.discard());
    }

    fn write_all(&self) -> Result<(), (Error, Outcome)> {
        let not_applied = |error| (error, Outcome::NotApplied);
        self.check_one_database().map_err(not_applied)?;
        if let Some(first) = self.members.first() {
            first.guard.entry().check_open().map_err(not_applied)?;
        }
        with_buffer(|buffer| {
            // All records lie behind each other in one buffer: first the ends of each, then the slices.
            let mut ends = Vec::with_capacity(self.members.len());
            for member in self.members.iter().filter(|member| member.has_effect()) {
                if !member.delete && member.guard.entry().record_needs_write() {
                    member.guard.encode(buffer).map_err(not_applied)?;
                }
                ends.push((member, buffer.len()));
            }
            let mut start = 0;
            let mut writes = Vec::with_capacity(ends.len());
            for (member, end) in ends {
                let entry = member.guard.entry();
                let change = if member.delete {
                    Change::Delete
                } else if entry.record_needs_write() {
                    Change::Put(buffer.get(start..end).unwrap_or_default())
                } else {
                    Change::Keep
                };
                writes.push(Write { entry, change });
                start = end;
            }
            apply(&writes)
        })
    }

    fn check_one_database(&self) -> Result<()> {
        let mut entries = self.members.iter().map(|member| member.guard.entry());
        let Some(first) = entries.next() else { return Ok(()) };
        match entries.find(|entry| !Arc::ptr_eq(&entry.namespace().instance, &first.namespace().instance)) {
            None => Ok(()),
            Some(foreign) => {
                let namespace = foreign.namespace();
                Err(Error::ForeignGuard { namespace: namespace.name.clone(), key: namespace.render(foreign.key()) })
            }
        }
    }

    /// Takes a guard back out, for example from a batch whose commit failed; `None` where it has no guard of this key.
    pub fn take<T: Store>(&mut self, store: &MapStore<T>, key: impl KeyArg<T::Key>) -> Option<Guard<T>> {
        let key = store.namespace().key(&key).ok()?;
        let index = self.members.iter().position(|member| {
            let entry = member.guard.entry();
            Arc::ptr_eq(&entry.namespace().instance, &store.namespace().instance)
                && *entry.key() == key
                && member.guard.as_any().is::<Guard<T>>()
        })?;
        self.members.remove(index).guard.into_any().downcast().ok().map(|guard| *guard)
    }
}

impl Member {
    fn has_effect(&self) -> bool {
        if self.delete { self.guard.entry().stored } else { self.guard.entry().needs_write() }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for member in &self.members {
            let (entry, verb) = (member.guard.entry(), if member.delete { "delete" } else { "write" });
            let namespace = entry.namespace();
            list.entry(&format_args!("{verb} {}[{}]", namespace.name, namespace.render(entry.key())));
        }
        list.finish()
    }
}
