//! Batches: several guards, committed as a whole.

use std::any::Any;
use std::fmt;
use std::panic::Location;

use crate::commit_error::CommitError;
use crate::error::{Error, Outcome, Result};
use crate::guard::{Entry, Guard, check_key_field, encode_new_value, encode_value, with_buffer};
use crate::key::KeyArg;
use crate::key::hidden::KeyBuf;
use crate::map_store::{MapStore, value_of};
use crate::namespace::{Change, Write, apply};
use crate::store::{Initialize, Store};
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
    action: Action,
}

/// What the commit does to an entry.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Action {
    /// It writes the guard's value, if there is anything to write.
    Write,
    /// It writes the guard's value in the place of the whole entry.
    Insert,
    Delete,
}

/// A guard of any store, or the lock of an entry that is to be deleted.
trait AnyGuard: Send {
    fn entry(&self) -> &Entry;
    fn into_entry(self: Box<Self>) -> Entry;
    fn encode(&self, action: Action, buf: &mut Vec<u8>) -> Result<()>;
    fn discard(&mut self);
    fn as_any(&self) -> &dyn Any;
    fn into_any(self: Box<Self>) -> Box<dyn Any>;
}

impl<T: Store> AnyGuard for Guard<T> {
    fn entry(&self) -> &Entry {
        Guard::entry(self)
    }
    fn into_entry(self: Box<Self>) -> Entry {
        Guard::into_entry(*self)
    }
    fn encode(&self, action: Action, buf: &mut Vec<u8>) -> Result<()> {
        match action {
            Action::Write => encode_value::<T>(Guard::entry(self), self.value(), buf),
            Action::Insert => encode_new_value::<T>(Guard::entry(self), self.value(), buf),
            Action::Delete => Ok(()),
        }
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

impl AnyGuard for Entry {
    fn entry(&self) -> &Entry {
        self
    }
    fn into_entry(self: Box<Self>) -> Entry {
        *self
    }
    fn encode(&self, _action: Action, _buf: &mut Vec<u8>) -> Result<()> {
        Ok(())
    }
    fn discard(&mut self) {
        Entry::discard(self);
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
    pub fn write<T: Store>(mut self, guard: Guard<T>) -> Self {
        self.add_write(guard);
        self
    }

    /// Adds a guard whose entry the commit deletes.
    pub fn delete<T: Store>(mut self, guard: Guard<T>) -> Self {
        self.add_delete(guard);
        self
    }

    /// Adds a guard whose value the commit writes, as [`write`](Self::write) does: for loops.
    ///
    /// ```
    /// # use kvstore::{Batch, Database};
    /// # let counts = Database::in_memory()?.map::<u64, u64>("counts")?;
    /// # for key in 1..4 { counts.put(key, 0)?; }
    /// let mut batch = Batch::new();
    /// for mut count in counts.lock_all([1, 2, 3])?.into_iter().flatten() {
    ///     *count += 1;
    ///     batch.add_write(count);
    /// }
    /// batch.commit()?;
    /// # assert_eq!(counts.get(3)?, Some(1));
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    pub fn add_write<T: Store>(&mut self, guard: Guard<T>) {
        self.members.push(Member { guard: Box::new(guard), action: Action::Write });
    }

    /// Adds a guard whose entry the commit deletes, as [`delete`](Self::delete) does: for loops.
    pub fn add_delete<T: Store>(&mut self, guard: Guard<T>) {
        self.members.push(Member { guard: Box::new(guard), action: Action::Delete });
    }

    /// Locks an entry, which the commit creates or replaces as [`MapStore::insert`] does.
    ///
    /// If the batch has the entry already, by a guard or by an earlier call, this takes its place: the last word counts.
    ///
    /// ```
    /// # use kvstore::{Batch, Database};
    /// # let db = Database::in_memory()?;
    /// # let (names, numbers) = (db.map::<u64, String>("names")?, db.map::<String, u64>("numbers")?);
    /// # names.put(1, "Ada".into())?;
    /// # numbers.put("Ada", 1)?;
    /// let mut batch = Batch::new();
    /// batch.insert(&names, 1, "Grace".to_owned())?;
    /// batch.insert(&numbers, "Grace", 1)?;
    /// batch.remove(&numbers, "Ada")?;
    /// batch.commit()?; // all three, or none
    /// # assert!(numbers.contains("Grace")? && !numbers.contains("Ada")?);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::KeyChanged`] if `init` is a whole value with another key in its key field; those of locking, see
    /// [`MapStore`]. The batch is as it was then.
    ///
    /// # Locking
    /// Waits for the entry's lock, unless the batch has it, and holds it until the batch is committed or dropped. The
    /// locks of several calls are taken in the order of the calls:
    /// [`lock_together`](crate::Database::lock_together) takes them in one that suits all threads.
    #[track_caller]
    pub fn insert<T: Store>(
        &mut self,
        store: &MapStore<T>,
        key: impl KeyArg<T::Key>,
        init: impl Initialize<T>,
    ) -> Result<()> {
        let namespace = store.namespace();
        let key = namespace.key(&key)?;
        let value = value_of::<T>(namespace, &key, init)?;
        check_key_field::<T>(namespace, &key, &value)?;
        let entry = match self.take_member(store, &key) {
            Some(member) => member.guard.into_entry(),
            None => lock_and_find(store, key, Location::caller())?,
        };
        let guard = entry.into_replacing_guard::<T>(value);
        self.members.push(Member { guard: Box::new(guard), action: Action::Insert });
        Ok(())
    }

    /// Locks an entry, which the commit removes as [`MapStore::remove`] does, and returns whether there is one. It stays
    /// locked if there is none, too, so that it is not there after the commit.
    ///
    /// If the batch has the entry already, by a guard or by an earlier call, this takes its place: the last word counts.
    ///
    /// # Errors
    /// Those of locking: see [`MapStore`]. The batch is as it was then.
    ///
    /// # Locking
    /// As [`insert`](Self::insert).
    #[track_caller]
    pub fn remove<T: Store>(&mut self, store: &MapStore<T>, key: impl KeyArg<T::Key>) -> Result<bool> {
        let key = store.namespace().key(&key)?;
        let (entry, there) = if let Some(Member { guard, action }) = self.take_member(store, &key) {
            (guard.into_entry(), action != Action::Delete)
        } else {
            let entry = lock_and_find(store, key, Location::caller())?;
            let there = entry.stored;
            (entry, there)
        };
        self.members.push(Member { guard: Box::new(entry), action: Action::Delete });
        Ok(there)
    }

    fn position<T: Store>(&self, store: &MapStore<T>, key: &KeyBuf) -> Option<usize> {
        self.members.iter().position(|member| {
            let entry = member.guard.entry();
            Arc::ptr_eq(&entry.namespace().instance, &store.namespace().instance) && entry.key() == key
        })
    }

    fn take_member<T: Store>(&mut self, store: &MapStore<T>, key: &KeyBuf) -> Option<Member> {
        self.position(store, key).map(|place| self.members.remove(place))
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
                if member.action == Action::Insert || member.guard.entry().record_needs_write() {
                    member.guard.encode(member.action, buffer).map_err(not_applied)?;
                }
                ends.push((member, buffer.len()));
            }
            let mut start = 0;
            let mut writes = Vec::with_capacity(ends.len());
            for (member, end) in ends {
                let entry = member.guard.entry();
                let record = buffer.get(start..end).unwrap_or_default();
                let change = match member.action {
                    Action::Delete => Change::Delete,
                    Action::Insert => Change::Replace(record),
                    Action::Write if entry.record_needs_write() => Change::Put(record),
                    Action::Write => Change::Keep,
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

    /// Takes a guard back out, for example from a batch whose commit failed; `None` if it was given no guard of this key,
    /// or if [`insert`](Self::insert) or [`remove`](Self::remove) took its place.
    pub fn take<T: Store>(&mut self, store: &MapStore<T>, key: impl KeyArg<T::Key>) -> Option<Guard<T>> {
        let key = store.namespace().key(&key).ok()?;
        let place = self.position(store, &key)?;
        let Member { guard, action } = self.members.get(place)?;
        if *action == Action::Insert || !guard.as_any().is::<Guard<T>>() {
            return None;
        }
        self.members.remove(place).guard.into_any().downcast().ok().map(|guard| *guard)
    }
}

/// Locks an entry, and looks whether it is there.
fn lock_and_find<T: Store>(store: &MapStore<T>, key: KeyBuf, taken_at: &'static Location<'static>) -> Result<Entry> {
    let mut entry = store.lock_key(key, store.timeout(), taken_at)?;
    entry.stored = entry.find::<T>()?;
    Ok(entry)
}

impl Member {
    fn has_effect(&self) -> bool {
        match self.action {
            Action::Write => self.guard.entry().needs_write(),
            Action::Insert => true,
            Action::Delete => self.guard.entry().stored,
        }
    }
}

impl fmt::Debug for Batch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = f.debug_list();
        for member in &self.members {
            let verb = match member.action {
                Action::Write => "write",
                Action::Insert => "insert",
                Action::Delete => "delete",
            };
            let entry = member.guard.entry();
            let namespace = entry.namespace();
            list.entry(&format_args!("{verb} {}[{}]", namespace.name, namespace.render(entry.key())));
        }
        list.finish()
    }
}
