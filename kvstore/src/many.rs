//! Calls about many entries of a store: counting, reading and removing them.

use std::ops::ControlFlow;
use std::panic::Location;

use crate::engine::Page;
use crate::error::{Error, Result};
use crate::guard::Entry;
use crate::key::hidden::KeyBuf;
use crate::key::{KeyArg, KeyRange};
use crate::map_store::MapStore;
use crate::namespace::{Change, Write, apply};
use crate::queue::first_where;
use crate::rows::Rows;
use crate::scan::span_of_range;
use crate::store::Store;

/// Entries that `remove_range` removes in one commit, at most.
const REMOVED_AT_ONCE: usize = 256;

impl<T: Store> MapStore<T> {
    /// Counts the entries, as of one moment. Reads all keys, and no values; takes no lock.
    /// [`NamespaceInfo::estimated_entries`](crate::NamespaceInfo::estimated_entries) is an estimate that costs little.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// assert!(names.is_empty()?);
    /// names.put(1, "Ada".into())?;
    /// assert_eq!(names.count()?, 1);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`MapStore`].
    pub fn count(&self) -> Result<u64> {
        let namespace = self.namespace();
        let mut rows = Rows::new(namespace.instance.engine.snapshot()?, namespace.span());
        rows.keys_only();
        let mut count = 0;
        while rows.advance()? {
            count += 1;
        }
        Ok(count)
    }

    /// Returns whether there are no entries. Takes no lock, and stays cheap as [`first`](Self::first) does.
    ///
    /// # Errors
    /// See [`MapStore`].
    pub fn is_empty(&self) -> Result<bool> {
        let namespace = self.namespace();
        Ok(first_where(namespace, namespace.span(), true, |_, _| Ok(Some(())))?.is_none())
    }

    /// Returns copies of the values of several entries, in the order of the keys given, with `None` for an entry that is
    /// not there. Takes no lock.
    ///
    /// Each is read by itself, as [`get`](Self::get) reads it, so that they may be of different moments.
    /// [`MapView::get_many`](crate::MapView::get_many) reads all as of one.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// names.put(1, "Ada".into())?;
    /// names.put(3, "Grace".into())?;
    /// assert_eq!(names.get_many([3, 2, 1])?, [Some("Grace".into()), None, Some("Ada".into())]);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// See [`MapStore`].
    pub fn get_many(&self, keys: impl IntoIterator<Item: KeyArg<T::Key>>) -> Result<Vec<Option<T::Value>>> {
        keys.into_iter().map(|key| self.get(key)).collect()
    }

    /// Removes the entries within a range with their elements, and returns how many it removed. What was there is not
    /// decoded.
    ///
    /// The entries are removed in commits of at most 256, each under the locks of its entries: readers may see some of
    /// them gone and others not. An entry that somebody holds is waited for after the rest of its commit. An entry that
    /// is created in the range meanwhile may stay.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// # for key in 0..1000 { names.put(key, "Ada".into())?; }
    /// assert_eq!(names.remove_range(10..)?, 990);
    /// assert_eq!(names.count()?, 10);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::InvalidRange`], and those of [`remove`](Self::remove). What was removed before stays removed, so that the
    /// call can be repeated.
    ///
    /// # Locking
    /// Takes the locks of at most 256 entries without waiting, then of those that somebody held one by one, waiting for
    /// each: see [`MapStore`].
    #[track_caller]
    pub fn remove_range(&self, range: impl KeyRange<T::Key>) -> Result<u64> {
        self.remove_rows(&range, Location::caller(), |_| ControlFlow::Continue(()))
    }

    /// Removes the entries within a range, as [`remove_range`](Self::remove_range) does, and calls a function after at
    /// most 256 of them with the number of entries removed so far. The function may end the work; what was removed stays removed.
    ///
    /// ```
    /// # use kvstore::Database;
    /// use std::ops::ControlFlow;
    ///
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// # for key in 0..1000 { names.put(key, "Ada".into())?; }
    /// let removed = names.remove_range_with(.., |removed| {
    ///     println!("{removed} removed");
    ///     if removed < 500 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    /// })?;
    /// assert!((500..1000).contains(&removed));
    /// # assert_eq!(names.count()?, 1000 - removed);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`remove_range`](Self::remove_range).
    ///
    /// # Locking
    /// As [`remove_range`](Self::remove_range). No lock is held while the function runs.
    #[track_caller]
    pub fn remove_range_with(
        &self,
        range: impl KeyRange<T::Key>,
        progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<u64> {
        self.remove_rows(&range, Location::caller(), progress)
    }

    fn remove_rows(
        &self,
        range: &impl KeyRange<T::Key>,
        taken_at: &'static Location<'static>,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<u64> {
        let engine = &self.namespace().instance.engine;
        let mut span = span_of_range(self.namespace(), range)?;
        let (mut page, mut removed) = (Page::new(), 0);
        page.keys_only = true;
        while !span.is_empty() {
            page.clear(REMOVED_AT_ONCE);
            engine.page(&span, &mut page)?;
            let keys: Vec<_> =
                (0..page.len()).filter_map(|row| page.row(row)).map(|(key, _)| KeyBuf::from_bytes(key)).collect();
            let Some(last) = keys.last() else { break };
            span.start = last.clone();
            span.start.push(0);
            removed += self.remove_keys(keys, taken_at)?;
            if progress(removed).is_break() || !page.more {
                break;
            }
        }
        Ok(removed)
    }

    /// Removes the entries that nobody holds in one commit, then the others one by one.
    fn remove_keys(&self, keys: Vec<KeyBuf>, taken_at: &'static Location<'static>) -> Result<u64> {
        let (mut free, mut held) = (Vec::new(), Vec::new());
        for key in keys {
            match self.lock_if_free(key.clone(), taken_at)? {
                Some(entry) => free.push(entry),
                None => held.push(key),
            }
        }
        let mut removed = remove_all::<T>(free)?;
        for key in held {
            let entry = self.lock_key(key, self.timeout(), taken_at)?;
            removed += remove_all::<T>(vec![entry])?;
        }
        Ok(removed)
    }
}

/// Deletes those of the entries that are there, in one commit, and returns how many they were.
fn remove_all<T: Store>(mut entries: Vec<Entry>) -> Result<u64> {
    let mut there = Vec::with_capacity(entries.len());
    for entry in &mut entries {
        there.push(entry.find::<T>()?);
    }
    let found = entries.iter().zip(&there).filter(|(_, there)| **there);
    let writes: Vec<_> = found.map(|(entry, _)| Write { entry, change: Change::Delete }).collect();
    apply(&writes).map_err(Error::of_commit)?;
    Ok(writes.len() as u64)
}
