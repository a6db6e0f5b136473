//! Guards: a held lock on one entry, with its value.

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};
use std::panic::Location;
// Not that of `sync`: every thread decodes the same key, see `Guard::key`.
use std::sync::OnceLock;

use crate::commit_error::CommitError;
use crate::elements::{ElementPath, Elements, Held, HeldElements};
use crate::engine::{Token, Visit};
use crate::error::{Error, Outcome, Result};
use crate::key::hidden::{KeyBuf, KeyCodec};
use crate::namespace::{Change, Handle, Namespace, Write, apply};
use crate::record;
use crate::store::Store;
use crate::sync::Arc;

/// An exclusive lock on one entry, with its decoded value, which it derefs to.
///
/// The value is a working copy: [`save`](Self::save) and [`commit`](Self::commit) write it, and whatever else ends the
/// guard, dropping it, [`release`](Self::release), or a panic, writes nothing and frees the lock. Dropping a guard whose
/// value was changed logs a warning with the place where the lock was taken.
///
/// The guard's methods hide those of the value that have the same name: `(*guard).key()` calls the value's.
///
/// A guard has no lifetime: it may be kept in a struct or sent to another thread, and keeps its database open.
///
/// # Locking
/// Who holds a guard must not lock the same entry again: the second lock waits for the first until its deadline.
#[must_use = "dropping a guard releases the lock and writes nothing: end it with `commit`, `delete` or `release`"]
pub struct Guard<T: Store> {
    value: T::Value,
    entry: Entry,
    /// Decoded when it is first asked for, to the same key in every thread.
    key: OnceLock<T::Key>,
}

/// The lock of an entry, and what became of the entry so far. Dropping it releases the lock.
#[derive(Debug)]
pub(crate) struct Entry {
    namespace: Handle,
    token: Token,
    taken_at: &'static Location<'static>,
    /// Whether the entry was created under this lock.
    pub(crate) is_new: bool,
    /// Whether the engine has a record of it.
    pub(crate) stored: bool,
    /// Whether the value was borrowed mutably since it was read or written.
    pub(crate) changed: bool,
    /// What is known of its elements, once it has an incarnation.
    elements: Option<Box<HeldElements>>,
}

impl Entry {
    pub(crate) fn new(namespace: Handle, token: Token, taken_at: &'static Location<'static>) -> Self {
        Self { namespace, token, taken_at, is_new: false, stored: false, changed: false, elements: None }
    }

    pub(crate) fn namespace(&self) -> &Namespace {
        &self.namespace
    }

    pub(crate) fn shared_namespace(&self) -> &Arc<Namespace> {
        self.namespace.namespace()
    }

    pub(crate) fn token(&self) -> &Token {
        &self.token
    }

    /// The database key.
    pub(crate) fn key(&self) -> &KeyBuf {
        self.token.key()
    }

    /// Whether a commit has anything to write.
    pub(crate) fn needs_write(&self) -> bool {
        self.record_needs_write() || self.has_element_changes()
    }

    /// Whether it has to write the record: for the value, or for the incarnation under which first elements are put.
    pub(crate) fn record_needs_write(&self) -> bool {
        self.changed
            || !self.stored
            || self.elements.as_ref().is_some_and(|elements| elements.has_changes() && !elements.is_stored())
    }

    fn has_element_changes(&self) -> bool {
        self.elements.as_ref().is_some_and(|elements| elements.has_changes())
    }

    /// What is known of the elements, where the entry has an incarnation.
    pub(crate) fn elements(&self) -> Option<&HeldElements> {
        self.elements.as_deref()
    }

    pub(crate) fn elements_mut(&mut self) -> Option<&mut HeldElements> {
        self.elements.as_deref_mut()
    }

    /// The same, where need be with a new incarnation, which the next commit stores.
    pub(crate) fn elements_or_new(&mut self) -> Result<&mut HeldElements> {
        let elements = if let Some(elements) = self.elements.take() {
            elements
        } else {
            let spaces = &self.namespace.elements;
            let incarnation = spaces.next_incarnation(&*self.namespace.instance.engine)?;
            let used_up = || Error::KeysExhausted { namespace: self.namespace.name.clone() };
            Box::new(HeldElements::new(spaces, incarnation.ok_or_else(used_up)?, false))
        };
        Ok(self.elements.insert(elements))
    }

    /// The incarnation that the record is to have.
    fn incarnation(&self) -> Option<u64> {
        let elements = self.elements.as_ref()?;
        (elements.is_stored() || elements.has_changes()).then(|| elements.incarnation())
    }

    /// All that was to be written is written.
    pub(crate) fn mark_written(&mut self) {
        self.stored = true;
        self.changed = false;
        if let Some(elements) = &mut self.elements {
            elements.mark_written();
        }
    }

    /// Nothing is to be written any more.
    pub(crate) fn discard(&mut self) {
        self.changed = false;
        self.elements = None;
    }

    /// Fails a commit that has nothing to write, once the database is closed or has failed.
    pub(crate) fn check_open(&self) -> Result<()> {
        self.namespace.instance.engine.check_open()
    }

    /// Whether no record is stored, where that is likely: the cache is not asked.
    pub(crate) fn is_absent(&self) -> Result<bool> {
        Ok(!self.namespace.instance.engine.read(self.key().as_slice(), &mut |_| {})?)
    }

    /// Whether a record is stored, looking no further into it than to find the entry's elements, where it can have any.
    pub(crate) fn find<T: Store>(&mut self) -> Result<bool> {
        if T::ELEMENTS.is_empty() {
            return self.namespace.instance.contains(self.key());
        }
        let mut incarnation = None;
        let engine = &*self.namespace.instance.engine;
        let found = self.namespace.read_incarnation(self.key(), engine, &mut incarnation)?;
        self.has_stored_elements(incarnation);
        Ok(found)
    }

    /// Reads and decodes the record.
    pub(crate) fn read<T: Store>(&mut self) -> Result<Option<T::Value>> {
        let mut incarnation = None;
        let instance = &self.namespace.instance;
        let value =
            read_owner::<T>(&self.namespace, self.key(), &mut incarnation, |key, visit| instance.read(key, visit))?;
        self.has_stored_elements(incarnation);
        Ok(value)
    }

    fn has_stored_elements(&mut self, incarnation: Option<u64>) {
        if let Some(incarnation) = incarnation {
            self.elements = Some(Box::new(HeldElements::new(&self.namespace.elements, incarnation, true)));
        }
    }

    /// Makes a guard of a value that was read, unless its key can't be.
    pub(crate) fn into_guard<T: Store>(mut self, value: T::Value) -> Result<Guard<T>> {
        self.namespace.read_key_back::<T::Key>(self.key())?;
        self.stored = true;
        Ok(Guard { value, entry: self, key: OnceLock::new() })
    }

    /// Makes a guard of the first value of an entry that does not exist; checks the key field.
    pub(crate) fn into_new_guard<T: Store>(mut self, value: T::Value) -> Result<Guard<T>> {
        check_key_field::<T>(&self.namespace, self.key(), &value)?;
        self.is_new = true;
        Ok(Guard { value, entry: self, key: OnceLock::new() })
    }

    /// Makes a guard of a value that is to replace the one that is stored, if any.
    pub(crate) fn into_replacing_guard<T: Store>(mut self, value: T::Value) -> Guard<T> {
        self.is_new = !self.stored;
        self.changed = true;
        Guard { value, entry: self, key: OnceLock::new() }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // First, since a subscriber of `tracing` is code of the program's, and may panic.
        self.namespace.instance.engine.unlock(&self.token);
        if self.changed || self.has_element_changes() {
            tracing::warn!(
                namespace = self.namespace.name,
                key = self.namespace.render(self.key()),
                taken_at = %self.taken_at,
                "a changed guard was dropped without commit: the change is lost"
            );
        }
    }
}

/// Reads a record by `read`, and decodes it where it lies.
pub(crate) fn read_value<T: Store>(
    namespace: &Namespace,
    key: &KeyBuf,
    read: impl FnOnce(&KeyBuf, Visit<'_>) -> Result<bool>,
) -> Result<Option<T::Value>> {
    read_owner::<T>(namespace, key, &mut None, read)
}

/// As [`read_value`], with the incarnation of an entry that has elements.
fn read_owner<T: Store>(
    namespace: &Namespace,
    key: &KeyBuf,
    incarnation: &mut Option<u64>,
    read: impl FnOnce(&KeyBuf, Visit<'_>) -> Result<bool>,
) -> Result<Option<T::Value>> {
    let mut value = None;
    read(key, &mut |bytes| {
        value = Some(record::decode_owner::<T::Key, T::Value, T>(key.key(), bytes));
    })?;
    let decoded = value.transpose().map_err(|error| namespace.decode_error(key, error))?;
    Ok(decoded.map(|decoded| {
        *incarnation = decoded.incarnation;
        decoded.value
    }))
}

/// A value's key field, where it has one, must be the key of its entry.
pub(crate) fn check_key_field<T: Store>(namespace: &Namespace, key: &KeyBuf, value: &T::Value) -> Result<()> {
    let Some(field) = T::key_field(value) else { return Ok(()) };
    let mut found = KeyBuf::in_namespace(namespace.id);
    field.encode_last(&mut found);
    if found == *key { Ok(()) } else { Err(namespace.key_changed(key, &found)) }
}

/// Appends the record of a value to `buf`, for an entry that has no elements yet.
pub(crate) fn encode_new_value<T: Store>(entry: &Entry, value: &T::Value, buf: &mut Vec<u8>) -> Result<()> {
    encode_owner::<T>(entry, value, None, buf)
}

/// Appends the record of a value to `buf`.
pub(crate) fn encode_value<T: Store>(entry: &Entry, value: &T::Value, buf: &mut Vec<u8>) -> Result<()> {
    encode_owner::<T>(entry, value, entry.incarnation(), buf)
}

fn encode_owner<T: Store>(entry: &Entry, value: &T::Value, incarnation: Option<u64>, buf: &mut Vec<u8>) -> Result<()> {
    check_key_field::<T>(&entry.namespace, entry.key(), value)?;
    let start = buf.len();
    let mut encoded = record::encode_owner::<T::Key, T::Value, T>(value, incarnation, buf);
    if encoded.is_ok() && entry.namespace.read_back.takes_one() {
        let record = buf.get(start..).unwrap_or_default();
        encoded = record::read_back::<T::Key, T::Value, T>(entry.key().key(), record, value);
    }
    encoded.map_err(|error| entry.namespace.encode_error(entry.key(), error))
}

/// Calls `use_buffer` with an empty buffer of this thread, which keeps its memory for the next record.
pub(crate) fn with_buffer<R>(use_buffer: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    /// A buffer that grew larger is given back to the allocator.
    const KEPT: usize = 1 << 20;
    thread_local!(static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) });
    // A `Serialize` that itself uses a store finds an empty buffer in the place of this one. A thread that is ending has
    // none left: its last commits, from destructors of its thread-locals, use a new one each.
    let mut buffer = BUFFER.try_with(Cell::take).unwrap_or_default();
    buffer.clear();
    let result = use_buffer(&mut buffer);
    if buffer.capacity() <= KEPT {
        let _ = BUFFER.try_with(|kept| kept.set(buffer));
    }
    result
}

/// Encodes and writes one value. Nothing is written where it can't be encoded.
pub(crate) fn put_value<T: Store>(entry: &Entry, value: &T::Value) -> Result<(), (Error, Outcome)> {
    with_buffer(|buffer| {
        encode_value::<T>(entry, value, buffer).map_err(|error| (error, Outcome::NotApplied))?;
        apply(&[Write { entry, change: Change::Put(buffer) }])
    })
}

/// Encodes and writes the value of a new entry in the place of the one that was found there, if any.
pub(crate) fn replace_value<T: Store>(entry: &Entry, value: &T::Value) -> Result<(), (Error, Outcome)> {
    with_buffer(|buffer| {
        encode_new_value::<T>(entry, value, buffer).map_err(|error| (error, Outcome::NotApplied))?;
        apply(&[Write { entry, change: Change::Replace(buffer) }])
    })
}

impl<T: Store> Guard<T> {
    pub(crate) fn entry(&self) -> &Entry {
        &self.entry
    }

    pub(crate) fn into_entry(self) -> Entry {
        self.entry
    }

    pub(crate) fn value(&self) -> &T::Value {
        &self.value
    }

    /// The key of the entry.
    pub fn key(&self) -> &T::Key {
        #[expect(clippy::expect_used, reason = "see below")]
        self.key.get_or_init(|| {
            // Every guard's bytes were written by a `KeyArg<T::Key>`, or decoded when a scan found them, and
            // `decode_last` reads whatever `encode_last` writes. What the program itself converts was read back.
            T::Key::decode_last(self.entry.key().key()).expect("a key was encoded from its own type")
        })
    }

    /// Whether the entry was created by the call that made this guard. Never changes in a guard's life.
    pub fn is_new(&self) -> bool {
        self.entry.is_new
    }

    /// Counts the value as changed, so that it will be written: for values with interior mutability. Every mutable borrow
    /// does this by itself.
    pub fn mark_changed(&mut self) {
        self.entry.changed = true;
    }

    /// The elements of the entry in one of its element-wise collections, to be read and changed. Changes are seen by
    /// further reads through this guard, and are written by [`save`](Self::save) and [`commit`](Self::commit); where
    /// nothing else was changed, they alone.
    pub fn elements<C>(&mut self, path: ElementPath<T, C>) -> Elements<C, Held<'_>> {
        Elements::new(Held::new(&mut self.entry), path.index())
    }

    /// Writes the value and keeps the lock. A value that is neither new nor changed is not written again.
    ///
    /// # Errors
    /// As [`commit`](Self::commit); the guard stays as it was.
    pub fn save(&mut self) -> Result<()> {
        self.write().map_err(Error::of_commit)
    }

    fn write(&mut self) -> Result<(), (Error, Outcome)> {
        if self.entry.record_needs_write() {
            put_value::<T>(&self.entry, &self.value)?;
        } else if self.entry.has_element_changes() {
            apply(&[Write { entry: &self.entry, change: Change::Keep }])?;
        } else {
            return self.entry.check_open().map_err(|error| (error, Outcome::NotApplied));
        }
        self.entry.mark_written();
        Ok(())
    }

    /// Writes the value and releases the lock. A value that is neither new nor changed is not written again.
    ///
    /// When it returns, the value is as durable as the database's [`Durability`](crate::Durability) says.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let db = Database::in_memory()?;
    /// # let counts = db.map::<String, u64>("counts")?;
    /// let mut count = counts.lock_or_create("visits", 0)?;
    /// *count += 1;
    /// count.commit()?;
    /// assert_eq!(counts.get("visits")?, Some(1));
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// The lock is released on failure, too: [`try_commit`](Self::try_commit) keeps it. The causes:
    /// - [`Error::Encode`] if the value does not serialize;
    /// - [`Error::TooLarge`] if its record is over 1 GiB;
    /// - [`Error::KeyChanged`] if its key field differs from the key;
    /// - [`Error::Engine`] if the engine failed and nothing was written;
    /// - [`Error::OutcomeUnknown`] if the engine failed and may have written, and [`Error::Failed`] for every write
    ///   after that;
    /// - [`Error::Closed`] if the database was closed meanwhile.
    pub fn commit(mut self) -> Result<()> {
        let written = self.write();
        self.end(written)
    }

    /// Writes the value and releases the lock, as [`commit`](Self::commit) does, but returns the guard with the error if
    /// that fails.
    ///
    /// ```
    /// # use kvstore::{Database, Outcome};
    /// # let (db, faults) = Database::in_memory_with_faults()?;
    /// # let counts = db.map::<String, u64>("counts")?;
    /// let count = counts.create("visits", 1)?;
    /// # faults.fail_next_writes(1, Outcome::NotApplied);
    /// if let Err(failed) = count.try_commit() {
    ///     assert_eq!(failed.outcome(), Outcome::NotApplied);
    ///     let count = failed.into_held(); // still locked
    ///     count.commit()?;
    /// }
    /// assert_eq!(counts.get("visits")?, Some(1));
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`commit`](Self::commit) in a [`CommitError`], which has the guard, still locked, for another try.
    /// [`CommitError::outcome`] says whether the value may have been written nevertheless.
    pub fn try_commit(mut self) -> Result<(), CommitError<Self>> {
        self.write().map_err(|(error, outcome)| CommitError::new(error, outcome, self))
    }

    /// Deletes the entry and releases the lock. An entry that was never saved never existed.
    ///
    /// # Errors
    /// As [`commit`](Self::commit), without those of the value. The lock is released on failure, too:
    /// [`try_delete`](Self::try_delete) keeps it.
    pub fn delete(self) -> Result<()> {
        let deleted = self.delete_entry();
        self.end(deleted)
    }

    /// Deletes the entry and releases the lock, as [`delete`](Self::delete) does, but returns the guard with the error
    /// if that fails.
    ///
    /// # Errors
    /// Those of [`delete`](Self::delete) in a [`CommitError`], which has the guard, still locked, for another try.
    pub fn try_delete(mut self) -> Result<(), CommitError<Self>> {
        match self.delete_entry() {
            Ok(()) => {
                self.entry.discard();
                Ok(())
            }
            Err((error, outcome)) => Err(CommitError::new(error, outcome, self)),
        }
    }

    /// Deletes the entry, releases the lock, and returns the value as it was when the lock was taken or last saved, or as
    /// this guard has changed it since.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// names.put(1, "Ada".into())?;
    /// if let Some(name) = names.lock(1)? {
    ///     assert_eq!(name.delete_returning()?, "Ada");
    /// }
    /// assert!(!names.contains(1)?);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`delete`](Self::delete).
    pub fn delete_returning(mut self) -> Result<T::Value> {
        let deleted = self.delete_entry();
        self.entry.discard();
        deleted.map_err(Error::of_commit)?;
        Ok(self.value)
    }

    fn delete_entry(&self) -> Result<(), (Error, Outcome)> {
        if self.entry.stored {
            apply(&[Write { entry: &self.entry, change: Change::Delete }])
        } else {
            self.entry.check_open().map_err(|error| (error, Outcome::NotApplied))
        }
    }

    /// Ends the guard with the result of its last write. If that failed, the error reports it: there is no warning of a
    /// lost change.
    fn end(mut self, result: Result<(), (Error, Outcome)>) -> Result<()> {
        self.entry.discard();
        result.map_err(Error::of_commit)
    }

    /// Releases the lock without writing: the same as dropping the guard, but for the warning about a changed value.
    pub fn release(mut self) {
        self.entry.discard();
    }

    /// Nothing is to be written any more: nothing is lost when the guard is dropped.
    pub(crate) fn discard(&mut self) {
        self.entry.discard();
    }
}

impl<T: Store> Deref for Guard<T> {
    type Target = T::Value;

    fn deref(&self) -> &T::Value {
        &self.value
    }
}

impl<T: Store> DerefMut for Guard<T> {
    fn deref_mut(&mut self) -> &mut T::Value {
        self.entry.changed = true;
        &mut self.value
    }
}

impl<T: Store> fmt::Debug for Guard<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let namespace = &self.entry.namespace;
        f.debug_struct("Guard")
            .field("namespace", &namespace.name)
            .field("key", &format_args!("{}", namespace.render(self.entry.key())))
            .field("is_new", &self.entry.is_new)
            .field("changed", &(self.entry.changed || self.entry.has_element_changes()))
            .finish_non_exhaustive()
    }
}
