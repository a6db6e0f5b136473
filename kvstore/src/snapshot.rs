//! Snapshots: a consistent view of all stores of a database.

use std::fmt;
use std::marker::PhantomData;

use crate::elements::{Committed, CommittedView, ElementPath, Elements};
use crate::engine::Reader;
use crate::error::{Error, Result};
use crate::guard::read_value;
use crate::instance::Instance;
use crate::key::{KeyArg, KeyPrefix, KeyRange};
use crate::namespace::Namespace;
use crate::scan::{Scan, View};
use crate::store::Store;
use crate::sync::Arc;

/// All stores of a database as they were at one moment. From [`Database::snapshot`](crate::Database::snapshot); read
/// through [`MapStore::at`](crate::MapStore::at).
///
/// It takes no lock and stops nobody, but keeps what was deleted or replaced since from being cleared away.
pub struct Snapshot {
    instance: Arc<Instance>,
    view: Arc<dyn Reader>,
}

impl Snapshot {
    pub(crate) fn new(instance: Arc<Instance>) -> Result<Self> {
        let view = instance.engine.snapshot()?;
        Ok(Self { instance, view })
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").finish_non_exhaustive()
    }
}

/// One store as a snapshot saw it.
pub struct MapView<'s, T: Store> {
    namespace: Arc<Namespace>,
    snapshot: &'s Snapshot,
    store: PhantomData<fn() -> T>,
}

impl<'s, T: Store> MapView<'s, T> {
    pub(crate) fn new(namespace: Arc<Namespace>, snapshot: &'s Snapshot) -> Self {
        Self { namespace, snapshot, store: PhantomData }
    }

    fn view(&self) -> Result<&Arc<dyn Reader>> {
        if Arc::ptr_eq(&self.namespace.instance, &self.snapshot.instance) {
            Ok(&self.snapshot.view)
        } else {
            Err(Error::ForeignSnapshot { namespace: self.namespace.name.clone() })
        }
    }

    /// The value that an entry had; `None` where there was none.
    ///
    /// # Errors
    /// [`Error::ForeignSnapshot`] where the snapshot is of another database, and those of
    /// [`MapStore::get`](crate::MapStore::get).
    pub fn get(&self, key: impl KeyArg<T::Key>) -> Result<Option<T::Value>> {
        let (view, key) = (self.view()?, self.namespace.key(&key)?);
        read_value::<T>(&self.namespace, &key, |key, visit| view.read(key.as_slice(), visit))
    }

    /// Returns the value that an entry had, shared; `None` if there was none. It is decoded by each call, since the read
    /// cache has only what was committed last: [`MapStore::get_shared`](crate::MapStore::get_shared) is for reads that are
    /// repeated.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_shared(&self, key: impl KeyArg<T::Key>) -> Result<Option<Arc<T::Value>>>
    where
        T::Value: Sync,
    {
        Ok(self.get(key)?.map(Arc::new))
    }

    /// Returns the values that several entries had, in the order of the keys given, with `None` for an entry that was not
    /// there.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let db = Database::in_memory()?;
    /// # let names = db.map::<u64, String>("names")?;
    /// names.put(1, "Ada".into())?;
    /// let snapshot = db.snapshot()?;
    /// names.remove(1)?;
    /// assert_eq!(names.at(&snapshot).get_many([2, 1])?, [None, Some("Ada".into())]);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many(&self, keys: impl IntoIterator<Item: KeyArg<T::Key>>) -> Result<Vec<Option<T::Value>>> {
        keys.into_iter().map(|key| self.get(key)).collect()
    }

    /// Whether there was an entry.
    ///
    /// # Errors
    /// As [`get`](Self::get), but for those of decoding.
    pub fn contains(&self, key: impl KeyArg<T::Key>) -> Result<bool> {
        let (view, key) = (self.view()?, self.namespace.key(&key)?);
        view.read(key.as_slice(), &mut |_| {})
    }

    /// The elements that an entry had in one of its element-wise collections. What is wrong with the key or the snapshot is
    /// told by the reads.
    pub fn elements<C>(&self, path: ElementPath<T, C>, key: impl KeyArg<T::Key>) -> Elements<C, Committed<'_>> {
        let view = self.view().map_or(CommittedView::Foreign, CommittedView::Snapshot);
        Elements::new(Committed::new(&self.namespace, self.namespace.unchecked_key(&key), view), path.index())
    }

    /// All entries, in the order of their keys. The scan may outlive the snapshot.
    ///
    /// # Errors
    /// [`Error::ForeignSnapshot`].
    #[expect(clippy::iter_not_returning_iterator, reason = "making the scan can fail")]
    pub fn iter(&self) -> Result<Scan<T>> {
        Scan::of_all(Arc::clone(&self.namespace), View::Of(Arc::clone(self.view()?)))
    }

    /// The entries within a range, in the order of their keys.
    ///
    /// # Errors
    /// [`Error::ForeignSnapshot`], and those of [`MapStore::range`](crate::MapStore::range).
    pub fn range(&self, range: impl KeyRange<T::Key>) -> Result<Scan<T>> {
        Scan::of_range(Arc::clone(&self.namespace), View::Of(Arc::clone(self.view()?)), &range)
    }

    /// The entries whose keys begin with a prefix, in the order of their keys.
    ///
    /// # Errors
    /// [`Error::ForeignSnapshot`], and those of [`MapStore::prefix`](crate::MapStore::prefix).
    pub fn prefix(&self, prefix: impl KeyPrefix<T::Key>) -> Result<Scan<T>> {
        Scan::of_prefix(Arc::clone(&self.namespace), View::Of(Arc::clone(self.view()?)), &prefix)
    }
}

impl<T: Store> fmt::Debug for MapView<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MapView").field("namespace", &self.namespace.name).finish_non_exhaustive()
    }
}
