//! The typed handle to all entries of one store.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::time::Duration;

use crate::elements::{Committed, CommittedView, ElementPath, Elements};
use crate::engine::{Page, Wait};
use crate::error::{Error, Result};
use crate::guard::{Entry, Guard, read_value, replace_value};
use crate::instance::Instance;
use crate::key::hidden::{KeyBuf, NextKeyCodec};
use crate::key::{Key, KeyArg, KeyPrefix, KeyRange, NextKey};
use crate::namespace::{Change, Handles, Namespace, Write, apply};
use crate::record;
use crate::scan::{Scan, View, decode_row};
use crate::snapshot::{MapView, Snapshot};
use crate::store::{Initialize, Map, MapValue, Store};
use crate::sync::Arc;
use crate::together::{Wanted, WantedOrCreate, lock_all};

/// All entries of the store `T`, in a namespace of their own. A cheap clone of a shared handle.
///
/// `T` is a struct with `#[derive(Store)]`, whose handle is also named `JobStore` for a struct `Job`, or
/// [`Map<K, V>`](Map). From [`Database::store`](crate::Database::store) and [`Database::map`](crate::Database::map).
///
/// Reads take no lock and see the last commit. Every write goes through the lock of its entry.
///
/// # Errors
/// Besides those that a method names, every method can fail with [`Error::TooLarge`] for a key over 64 KiB,
/// [`Error::Engine`] and [`Error::Closed`]; what decodes a value with [`Error::Decode`] and [`Error::Unsupported`]; what
/// locks with [`Error::Failed`] once a write has failed, and, where it stores an entry or makes a guard, with
/// [`Error::InvalidKey`] for a key that the conversion of `#[key(as = "..")]` does not read back.
///
/// # Locking
/// What locks waits in line for at most the database's lock timeout, 30 seconds by default, then fails with
/// [`Error::LockTimeout`]. The calling thread must not hold a guard of the same entry.
#[doc(alias = "table")]
#[doc(alias = "column_family")]
pub struct MapStore<T> {
    namespace: Arc<Handles>,
    store: PhantomData<fn() -> T>,
}

impl<T: Store> MapStore<T> {
    pub(crate) fn new(namespace: Arc<Handles>) -> Self {
        Self { namespace, store: PhantomData }
    }

    pub(crate) fn namespace(&self) -> &Arc<Handles> {
        &self.namespace
    }

    /// How long a lock is waited for.
    pub(crate) fn timeout(&self) -> Wait {
        Wait::AtMost(self.namespace.instance.lock_timeout)
    }

    pub(crate) fn lock_entry(
        &self,
        key: &impl KeyArg<T::Key>,
        wait: Wait,
        taken_at: &'static Location<'static>,
    ) -> Result<Entry> {
        self.lock_key(self.namespace.key(key)?, wait, taken_at)
    }

    pub(crate) fn lock_key(&self, key: KeyBuf, wait: Wait, taken_at: &'static Location<'static>) -> Result<Entry> {
        self.namespace.lock(key, wait, taken_at).map_err(|failure| self.namespace.lock_error(failure))
    }

    pub(crate) fn lock_existing(
        &self,
        key: &impl KeyArg<T::Key>,
        wait: Wait,
        taken_at: &'static Location<'static>,
    ) -> Result<Option<Guard<T>>> {
        let mut entry = self.lock_entry(key, wait, taken_at)?;
        entry.read::<T>()?.map(|value| entry.into_guard(value)).transpose()
    }

    /// Creates an entry and locks it. It is there for others once the guard is saved or committed.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`]; [`Error::KeyChanged`] where `init` is a whole value with another key in its key field.
    ///
    /// # Locking
    /// Waits for the entry's lock: see [`MapStore`].
    #[track_caller]
    pub fn create(&self, key: impl KeyArg<T::Key>, init: impl Initialize<T>) -> Result<Guard<T>> {
        let entry = self.lock_entry(&key, self.timeout(), Location::caller())?;
        if !entry.is_absent()? {
            return Err(Error::AlreadyExists {
                namespace: self.namespace.name.clone(),
                key: self.namespace.render(entry.key()),
            });
        }
        create_in(entry, init)
    }

    /// Creates an entry under a generated key and locks it; its key is [`Guard::key`].
    ///
    /// Keys are unique and increasing, across threads, restarts and crashes: if one call returns before another begins,
    /// its key is smaller. Numbers may be left out. Keys that exist already are skipped. A key field of a whole value
    /// given as `init` is filled.
    ///
    /// # Errors
    /// [`Error::KeysExhausted`].
    #[track_caller]
    pub fn create_next(&self, init: impl Initialize<T>) -> Result<Guard<T>>
    where
        T::Key: NextKey,
    {
        let taken_at = Location::caller();
        loop {
            let key = self.namespace.key(&self.next_number()?)?;
            // Whoever holds it made the key by hand, and is about to create it.
            let Some(entry) = self.lock_if_free(key, taken_at)? else { continue };
            if entry.is_absent()? {
                let value = init.into_value(entry.key().key(), true);
                let value = value.map_err(|error| entry.namespace().decode_error(entry.key(), error))?;
                return entry.into_new_guard(value);
            }
        }
    }

    /// Locks an entry, or creates it: [`Guard::is_new`] tells which. An entry that is there is left as it is.
    ///
    /// # Errors
    /// As [`create`](Self::create), but for [`Error::AlreadyExists`].
    ///
    /// # Locking
    /// Waits for the entry's lock: see [`MapStore`].
    #[track_caller]
    pub fn lock_or_create(&self, key: impl KeyArg<T::Key>, init: impl Initialize<T>) -> Result<Guard<T>> {
        let mut entry = self.lock_entry(&key, self.timeout(), Location::caller())?;
        match entry.read::<T>()? {
            Some(value) => entry.into_guard(value),
            None => create_in(entry, init),
        }
    }

    /// Locks an entry; `None` where there is none.
    ///
    /// # Errors
    /// See [`MapStore`].
    ///
    /// # Locking
    /// Waits for the entry's lock: see [`MapStore`].
    #[track_caller]
    pub fn lock(&self, key: impl KeyArg<T::Key>) -> Result<Option<Guard<T>>> {
        self.lock_existing(&key, self.timeout(), Location::caller())
    }

    /// Locks an entry at once or not at all; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::Locked`] where somebody holds it.
    ///
    /// # Locking
    /// Does not wait.
    #[track_caller]
    pub fn try_lock(&self, key: impl KeyArg<T::Key>) -> Result<Option<Guard<T>>> {
        self.lock_existing(&key, Wait::No, Location::caller())
    }

    /// Locks an entry, waiting at most this long, for ever with [`Duration::MAX`]; `None` where there is none.
    ///
    /// # Errors
    /// [`Error::LockTimeout`].
    ///
    /// # Locking
    /// Waits for the entry's lock as long as told.
    #[track_caller]
    pub fn lock_for(&self, key: impl KeyArg<T::Key>, wait: Duration) -> Result<Option<Guard<T>>> {
        self.lock_existing(&key, Wait::AtMost(wait), Location::caller())
    }

    /// Locks several entries, in sorted order so that two calls never wait for each other, and answers in the order
    /// given, with `None` where there is no entry. Where one can't be locked, none is.
    ///
    /// # Errors
    /// [`Error::DuplicateKey`] where a key is given twice.
    ///
    /// # Locking
    /// Waits for all of them under one deadline: see [`MapStore`].
    #[track_caller]
    pub fn lock_all<K: KeyArg<T::Key>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<Option<Guard<T>>>> {
        let taken_at = Location::caller();
        let keys = keys.into_iter().map(|key| Ok((&self.namespace, self.namespace.key(&key)?)));
        let entries = lock_all(keys.collect::<Result<_>>()?, taken_at)?;
        let guards =
            entries.into_iter().map(|mut entry| entry.read::<T>()?.map(|value| entry.into_guard(value)).transpose());
        guards.collect()
    }

    /// `None` if somebody holds it.
    pub(crate) fn lock_if_free(&self, key: KeyBuf, taken_at: &'static Location<'static>) -> Result<Option<Entry>> {
        self.namespace.lock_if_free(key, taken_at).map_err(|failure| self.namespace.lock_error(failure))
    }

    /// A copy of the value of an entry; `None` where there is none. Takes no lock.
    ///
    /// # Errors
    /// See [`MapStore`].
    pub fn get(&self, key: impl KeyArg<T::Key>) -> Result<Option<T::Value>> {
        let key = self.namespace.key(&key)?;
        self.namespace.instance.engine.check_process()?;
        read_value::<T>(&self.namespace, &key, |key, visit| self.namespace.instance.read(key, visit))
    }

    /// The value of an entry, not copied but shared with all who ask for it until it is written again; `None` where there is
    /// none. Takes no lock.
    ///
    /// An entry that is read often is neither read from the engine nor decoded: see
    /// [`read_cache_bytes`](crate::DatabaseBuilder::read_cache_bytes).
    ///
    /// A change inside the value by interior mutability is seen by all who share it, and is never stored.
    ///
    /// # Errors
    /// See [`MapStore`].
    pub fn get_shared(&self, key: impl KeyArg<T::Key>) -> Result<Option<Arc<T::Value>>>
    where
        T::Value: Sync,
    {
        let key = self.namespace.key(&key)?;
        let Instance { cache, engine, .. } = &*self.namespace.instance;
        engine.check_process()?;
        cache.share(&**engine, &key, |record| {
            record::decode_owner::<T::Key, T::Value, T>(key.key(), record)
                .map_err(|error| self.namespace.decode_error(&key, error))
        })
    }

    /// Whether there is an entry. Takes no lock.
    ///
    /// # Errors
    /// See [`MapStore`].
    pub fn contains(&self, key: impl KeyArg<T::Key>) -> Result<bool> {
        let key = self.namespace.key(&key)?;
        self.namespace.instance.engine.check_process()?;
        self.namespace.instance.contains(&key)
    }

    /// Creates or replaces an entry. What was there is not decoded, and its elements are gone with it.
    ///
    /// # Errors
    /// As [`Guard::commit`], and [`Error::KeyChanged`] as [`create`](Self::create).
    ///
    /// # Locking
    /// Waits for the entry's lock: see [`MapStore`].
    #[track_caller]
    pub fn insert(&self, key: impl KeyArg<T::Key>, init: impl Initialize<T>) -> Result<()> {
        let mut entry = self.lock_entry(&key, self.timeout(), Location::caller())?;
        let value = value_of(&self.namespace, entry.key(), init)?;
        if !T::ELEMENTS.is_empty() {
            entry.find::<T>()?;
        }
        replace_value::<T>(&entry, &value).map_err(Error::of_commit)
    }

    /// Changes an entry by a function, commits it, and returns what the function returned; `None` if there is no entry.
    ///
    /// It commits whatever the function returns, an `Err` too: a function that may fail goes to
    /// [`try_update`](Self::try_update), which writes nothing then.
    ///
    /// # Errors
    /// As [`Guard::commit`].
    ///
    /// # Locking
    /// Waits for the entry's lock, and holds it while the function runs: see [`MapStore`].
    #[track_caller]
    pub fn update<R>(&self, key: impl KeyArg<T::Key>, change: impl FnOnce(&mut T::Value) -> R) -> Result<Option<R>> {
        let Some(mut guard) = self.lock_existing(&key, self.timeout(), Location::caller())? else {
            return Ok(None);
        };
        let result = change(&mut guard);
        guard.commit()?;
        Ok(Some(result))
    }

    /// Removes an entry with its elements, and tells whether it was there. What was there is not decoded.
    ///
    /// # Errors
    /// As [`Guard::delete`].
    ///
    /// # Locking
    /// Waits for the entry's lock: see [`MapStore`].
    #[track_caller]
    pub fn remove(&self, key: impl KeyArg<T::Key>) -> Result<bool> {
        let mut entry = self.lock_entry(&key, self.timeout(), Location::caller())?;
        let there = entry.find::<T>()?;
        if there {
            apply(&[Write { entry: &entry, change: Change::Delete }]).map_err(Error::of_commit)?;
        }
        Ok(there)
    }

    /// Asks [`Database::lock_together`](crate::Database::lock_together) for an entry, if there is one.
    pub fn wanted(&self, key: impl KeyArg<T::Key>) -> Wanted<T> {
        Wanted::new(self, &key)
    }

    /// Asks [`Database::lock_together`](crate::Database::lock_together) for an entry, to be created if there is none.
    pub fn wanted_or_create<I: Initialize<T>>(&self, key: impl KeyArg<T::Key>, init: I) -> WantedOrCreate<T, I> {
        WantedOrCreate::new(self, &key, init)
    }

    /// A generated key, as [`create_next`](Self::create_next) would take. Nobody else gets it, but an entry may be created
    /// under it by hand.
    ///
    /// # Errors
    /// [`Error::KeysExhausted`].
    pub fn next_key(&self) -> Result<T::Key>
    where
        T::Key: NextKey,
    {
        loop {
            let key = self.next_number()?;
            if !self.contains(&key)? {
                return Ok(key);
            }
        }
    }

    /// Leaves out all generated keys up to and including `key`: those given out later are greater, in every later session
    /// too. For entries that were moved here with their keys. It never goes back: if keys as great were given out before,
    /// nothing changes.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// names.put(5000, "Ada".into())?;
    /// assert_eq!(names.next_key()?, 1); // generated keys only skip what is there
    /// names.skip_keys_to(5000)?;
    /// assert_eq!(names.next_key()?, 5001);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::KeysExhausted`] if no generated key is greater, and nothing is left out then;
    /// [`Error::OutcomeUnknown`] if the engine failed.
    pub fn skip_keys_to(&self, key: impl KeyArg<T::Key>) -> Result<()>
    where
        T::Key: NextKey,
    {
        let key = self.namespace.key(&key)?;
        let is_greater = |number| self.namespace.key(&T::Key::from_number(number)).map(|generated| generated > key);
        // A greater number has a greater key: the first greater one is found by halving. The last is never given out.
        let (mut first, mut end) = (1, u64::MAX);
        while first < end {
            let middle = first + (end - first) / 2;
            if is_greater(middle)? {
                end = middle;
            } else {
                first = middle + 1;
            }
        }
        if first == u64::MAX {
            return Err(Error::KeysExhausted { namespace: self.namespace.name.clone() });
        }
        self.namespace.sequence.skip_to(&*self.namespace.instance.engine, self.namespace.id, first)
    }

    fn next_number(&self) -> Result<T::Key>
    where
        T::Key: NextKey,
    {
        let number = self.namespace.sequence.next(&*self.namespace.instance.engine, self.namespace.id)?;
        let number = number.ok_or_else(|| Error::KeysExhausted { namespace: self.namespace.name.clone() })?;
        Ok(T::Key::from_number(number))
    }

    /// The entry with the greatest key. Takes no lock.
    ///
    /// # Errors
    /// See [`MapStore`]. If the entry can't be decoded, returns its error, not the entry before it: [`iter`](Self::iter),
    /// reversed, goes on after such an entry.
    pub fn last(&self) -> Result<Option<(T::Key, T::Value)>> {
        let mut page = Page::new();
        page.reversed = true;
        page.clear(1);
        self.namespace.instance.engine.page(&self.namespace.span(), &mut page)?;
        page.row(0).map(|(key, record)| decode_row::<T>(&self.namespace, key, record)).transpose()
    }

    /// All entries, in the order of their keys. Takes no lock.
    ///
    /// # Errors
    /// See [`MapStore`].
    #[expect(clippy::iter_not_returning_iterator, reason = "making the scan can fail")]
    pub fn iter(&self) -> Result<Scan<T>> {
        Scan::of_all(Arc::clone(self.namespace.namespace()), View::Now)
    }

    /// The entries within a range, in the order of their keys. Takes no lock.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] where the range starts after its end.
    pub fn range(&self, range: impl KeyRange<T::Key>) -> Result<Scan<T>> {
        Scan::of_range(Arc::clone(self.namespace.namespace()), View::Now, &range)
    }

    /// The entries whose keys begin with a prefix, in the order of their keys. Takes no lock.
    ///
    /// A string prefix is one of characters: `"/a"` is the beginning of `"/ab"`. Composite keys have prefixes of whole
    /// parts: `("acme",)`.
    ///
    /// # Errors
    /// See [`MapStore`].
    pub fn prefix(&self, prefix: impl KeyPrefix<T::Key>) -> Result<Scan<T>> {
        Scan::of_prefix(Arc::clone(self.namespace.namespace()), View::Now, &prefix)
    }

    /// The elements of an entry in one of its element-wise collections, as committed last. Takes no lock. What is wrong with
    /// the key is told by the reads.
    pub fn elements<C>(&self, path: ElementPath<T, C>, key: impl KeyArg<T::Key>) -> Elements<C, Committed<'_>> {
        let owner = self.namespace.unchecked_key(&key);
        Elements::new(Committed::new(self.namespace.namespace(), owner, CommittedView::Now), path.index())
    }

    /// This store as a snapshot saw it. A snapshot of another database is found out by the view's reads.
    pub fn at<'s>(&self, snapshot: &'s Snapshot) -> MapView<'s, T> {
        MapView::new(Arc::clone(self.namespace.namespace()), snapshot)
    }
}

impl<K: Key, V: MapValue> MapStore<Map<K, V>> {
    /// Creates or replaces an entry: [`insert`](Self::insert) with the type of the value known, so that `"x".into()` will
    /// do.
    ///
    /// # Errors
    /// As [`Guard::commit`].
    ///
    /// # Locking
    /// Waits for the entry's lock: see [`MapStore`].
    #[track_caller]
    pub fn put(&self, key: impl KeyArg<K>, value: V) -> Result<()> {
        self.insert(key, value)
    }
}

/// The first value of an entry, whose key must be one that can be read back.
pub(crate) fn value_of<T: Store>(namespace: &Namespace, key: &KeyBuf, init: impl Initialize<T>) -> Result<T::Value> {
    namespace.read_key_back::<T::Key>(key)?;
    init.into_value(key.key(), false).map_err(|error| namespace.decode_error(key, error))
}

/// Makes a guard of an entry that does not exist.
pub(crate) fn create_in<T: Store>(entry: Entry, init: impl Initialize<T>) -> Result<Guard<T>> {
    let value = value_of(entry.namespace(), entry.key(), init)?;
    entry.into_new_guard(value)
}

impl<T: Store> Clone for MapStore<T> {
    fn clone(&self) -> Self {
        Self::new(Arc::clone(&self.namespace))
    }
}

impl<T: Store> fmt::Debug for MapStore<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapStore").field("namespace", &self.namespace.name).finish_non_exhaustive()
    }
}
