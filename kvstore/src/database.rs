//! The handle to one opened database.

use std::any::{TypeId, type_name};
use std::collections::HashMap;
use std::fmt;
use std::panic::Location;
use std::path::Path;
#[cfg(feature = "rocksdb")]
use std::path::PathBuf;

use crate::catalog::{self, NamespaceRow};
use crate::elements::ElementSpaces;
use crate::elements::sweep::Orphans;
use crate::engine::local::{Local, Storage};
use crate::engine::memory::{Faults, Memory};
use crate::engine::{Engine, Op, Tables};
use crate::error::{Error, Result};
use crate::info::{HeldLock, NamespaceInfo};
use crate::instance::Instance;
use crate::key::{Key, Shape, Span};
use crate::map_store::MapStore;
use crate::namespace::{GrownRow, Growth, Handles, Namespace};
use crate::options::DatabaseBuilder;
#[cfg(not(feature = "rocksdb"))]
use crate::options::OnDisk;
use crate::schema;
use crate::snapshot::Snapshot;
use crate::store::{ElementSchema, Map, MapValue, Schema, Store, StoreCodec};
use crate::sync::{Arc, Mutex, locked};
use crate::together::LockRequests;
use crate::together::hidden::Owner;

/// One opened database: a directory, or one in memory. A cheap clone of a shared handle.
///
/// It closes when the last handle, store, guard, scan and snapshot is dropped, and logs what failed then; [`close`]
/// closes at once and returns what failed.
///
/// [`close`]: Self::close
#[derive(Clone)]
pub struct Database {
    instance: Arc<Instance>,
    opened: Arc<Mutex<HashMap<String, Opened>>>,
}

/// A namespace that was opened, and by which type.
struct Opened {
    namespace: Arc<Handles>,
    type_id: TypeId,
    type_name: &'static str,
}

impl Opened {
    /// Whether anything outside has the namespace: a handle of its store, a guard, scan or view. If not, nothing can get
    /// it while `Database::opened` is locked.
    fn is_used(&self) -> bool {
        Arc::strong_count(&self.namespace) > 1 || self.namespace.are_used()
    }
}

/// What opening a store asks of its type.
struct StoreType {
    id: TypeId,
    name: &'static str,
    key: Shape,
    schema: Schema,
    elements: &'static [ElementSchema],
}

impl StoreType {
    fn of<T: Store>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
            key: T::Key::SHAPE,
            schema: <T as StoreCodec<T::Key, T::Value>>::SCHEMA,
            elements: <T as StoreCodec<T::Key, T::Value>>::ELEMENTS,
        }
    }
}

impl Database {
    /// Opens the database in a directory, and creates both where there is none. See [`builder`](Self::builder) for other
    /// settings.
    ///
    /// # Errors
    /// - [`Error::NotADatabase`] where the path is a file, or a directory with something else in it;
    /// - [`Error::InUse`] where it is open already, in this process or another, by whatever path;
    /// - [`Error::Forked`] if this process was forked from one that had opened a database;
    /// - [`Error::Unsupported`] where it was made by a newer version;
    /// - [`Error::Corrupt`] where it is damaged in a way that no crash leaves behind;
    /// - [`Error::InvalidOption`] for a setting of the builder that is not possible;
    /// - [`Error::Io`] and [`Error::Engine`] where files can't be read or written, or the process can have no more threads.
    #[cfg(feature = "rocksdb")]
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::builder().open(path)
    }

    /// Needs the feature `rocksdb`.
    #[cfg(not(feature = "rocksdb"))]
    #[doc(hidden)]
    ///
    /// # Errors
    /// None: it can't be called.
    pub fn open<P: OnDisk>(_: P) -> Result<Self> {
        Self::in_memory()
    }

    /// Opens a database in memory, with everything but durability: for tests.
    ///
    /// # Errors
    /// None today.
    pub fn in_memory() -> Result<Self> {
        Self::builder().in_memory()
    }

    /// Opens a database in memory whose writes can be told to fail, to test what a program does then.
    ///
    /// # Errors
    /// None today.
    pub fn in_memory_with_faults() -> Result<(Self, Faults)> {
        let faults = Faults::default();
        Ok((Self::build_in_memory(&Self::builder(), faults.clone())?, faults))
    }

    /// Settings to open a database with.
    pub fn builder() -> DatabaseBuilder {
        DatabaseBuilder::default()
    }

    pub(crate) fn build_in_memory(builder: &DatabaseBuilder, faults: Faults) -> Result<Self> {
        Self::new(Arc::new(Local::new(Memory::new(faults))), builder)
    }

    /// A database in memory that finds these rows when it opens; each key has its namespace in front.
    pub(crate) fn of_rows(rows: &[(&[u8], &[u8])]) -> Result<Self> {
        let memory = Memory::new(Faults::default());
        let ops: Vec<_> = rows.iter().map(|&(key, value)| Op::Put { key, value }).collect();
        memory.write(&ops, false).map_err(|(error, _)| error)?;
        Self::new(Arc::new(Local::new(memory)), &DatabaseBuilder::default())
    }

    #[cfg(feature = "rocksdb")]
    pub(crate) fn build_on_disk(
        builder: &DatabaseBuilder,
        path: &Path,
        counters: Option<crate::engine::rocks::Counters>,
    ) -> Result<Self> {
        use crate::engine::rocks;
        let options = rocks::OpenOptions {
            sync: builder.durability == crate::Durability::Sync,
            cache_bytes: builder.cache_bytes,
            write_buffer_bytes: builder.write_buffer_bytes,
            prefix_recovery: builder.recover == crate::Recovery::Prefix,
            create_if_missing: builder.create_if_missing,
            counters,
        };
        let (storage, _id) = rocks::open(path, &options)?;
        Self::new(Arc::new(Local::new(storage).at(path)), builder)
    }

    pub(crate) fn new(engine: Arc<dyn Engine>, builder: &DatabaseBuilder) -> Result<Self> {
        catalog::open(&*engine)?;
        let instance = Arc::new(Instance::new(engine, builder));
        Ok(Self { instance, opened: Arc::default() })
    }

    pub(crate) fn engine(&self) -> &dyn Engine {
        &*self.instance.engine
    }

    /// Opens the store of a struct with `#[derive(Store)]`, and creates its namespace where there is none.
    ///
    /// # Errors
    /// - [`Error::SchemaMismatch`] where the stored records were written for another schema; nothing is touched;
    /// - [`Error::NamespaceInUse`] where another type has the namespace.
    pub fn store<T: Store<Value = T>>(&self) -> Result<MapStore<T>> {
        match <T as StoreCodec<T::Key, T::Value>>::NAMESPACE {
            Some(name) => self.open_namespace::<T>(name),
            // Only `Map` has none, and its values are of another type than itself.
            None => Err(Error::InvalidNamespace { name: String::new(), reason: "the type names none" }),
        }
    }

    /// Opens a store of bare values, and creates its namespace where there is none.
    ///
    /// # Errors
    /// As [`store`](Self::store), and [`Error::InvalidNamespace`] for a name that is not 1 to 128 bytes without control
    /// characters.
    pub fn map<K: Key, V: MapValue>(&self, namespace: &str) -> Result<MapStore<Map<K, V>>> {
        schema::check_name(namespace)?;
        self.open_namespace::<Map<K, V>>(namespace)
    }

    fn open_namespace<T: Store>(&self, name: &str) -> Result<MapStore<T>> {
        self.open_type(name, &StoreType::of::<T>()).map(MapStore::new)
    }

    /// The same for a type of which only this is asked. Not generic, so that a program has it once and not for each store.
    fn open_type(&self, name: &str, ty: &StoreType) -> Result<Arc<Handles>> {
        let mut opened = locked(&self.opened);
        // Asked even where the namespace is open, so that a closed database says so.
        let stored = catalog::namespace(self.engine(), name)?;
        if let Some(other) = opened.get(name) {
            if other.type_id == ty.id {
                return Ok(Arc::clone(&other.namespace));
            }
            if other.is_used() {
                return Err(in_use(name, other.type_name, ty.name));
            }
        }
        let namespace = Arc::new(Handles::new(Arc::new(self.make_namespace(name, ty, stored)?)));
        let opened_now = Opened { namespace: Arc::clone(&namespace), type_id: ty.id, type_name: ty.name };
        opened.insert(name.to_owned(), opened_now);
        Ok(namespace)
    }

    /// Checks the schema of a store against its row in the catalog, makes what is missing there, and all else that its
    /// handles share.
    fn make_namespace(&self, name: &str, ty: &StoreType, stored: Option<NamespaceRow>) -> Result<Namespace> {
        let engine = &self.instance.engine;
        let StoreType { key, schema, elements, .. } = ty;
        let wanted = schema::row(key, schema);
        let (mut grown, mut secondaries) = (Vec::new(), Vec::new());
        let row = match stored {
            None => catalog::create_namespace(&**engine, name, wanted)?,
            Some(stored) => {
                let mut differences = schema::differences(&stored, key, schema);
                if !elements.is_empty() {
                    secondaries = catalog::secondaries(&**engine, stored.id)?;
                    differences.extend(schema::element_differences(&stored, &secondaries, elements));
                }
                if !differences.is_empty() {
                    return Err(Error::SchemaMismatch { namespace: name.to_owned(), differences });
                }
                let new = NamespaceRow { id: stored.id, ..wanted };
                if schema::has_grown(&stored, &new) {
                    let (old, new) = (catalog::encode_row(&stored)?, catalog::encode_row(&new)?);
                    grown.push(GrownRow { key: catalog::namespace_key(name), old, new });
                }
                stored
            }
        };
        let read_back = self.instance.read_back;
        let (spaces, grown_elements) =
            ElementSpaces::open(&**engine, &row, &secondaries, schema.version, elements, read_back)?;
        grown.extend(grown_elements);
        let spaces = Arc::new(spaces);
        if spaces.has_orphans(&**engine)? {
            self.instance.sweeper.sweep(engine, &spaces, Orphans::All);
        }
        self.instance.add_name(row.id, name, *key);
        let growth = Growth::new(grown);
        Ok(Namespace::new(Arc::clone(&self.instance), row.id, name.to_owned(), *key, growth, spaces))
    }

    /// Locks entries of any stores at once: a tuple of two to six requests, each from [`MapStore::wanted`], for which it
    /// returns an `Option<Guard<T>>`, or from [`MapStore::wanted_or_create`], for which it returns a `Guard<T>`. A `Vec` of
    /// requests of one kind gives a `Vec` of guards, in the order of the requests.
    ///
    /// ```
    /// # use kvstore::{Batch, Database};
    /// # let db = Database::in_memory()?;
    /// # let counts = db.map::<String, u64>("counts")?;
    /// let words = ["one", "two", "one more"];
    /// let requests = words.iter().map(|word| counts.wanted_or_create(*word, 0)).collect::<Vec<_>>();
    /// let mut batch = Batch::new();
    /// for mut count in db.lock_together(requests)? {
    ///     *count += 1;
    ///     batch.add_write(count);
    /// }
    /// batch.commit()?;
    /// # assert_eq!(counts.get_many(words)?, [Some(1); 3]);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::DuplicateKey`] where two requests are for the same entry;
    /// - [`Error::ForeignGuard`] for a store of another database;
    /// - those of [`MapStore::lock`] and [`MapStore::create`].
    ///
    /// # Locking
    /// Waits for all of them under one deadline, in one global order: two calls never wait for each other. The calling
    /// thread should hold no other guard, since what it already holds is outside that order.
    #[track_caller]
    pub fn lock_together<R: LockRequests>(&self, requests: R) -> Result<R::Guards> {
        requests.lock(Location::caller(), Owner(&self.instance))
    }

    /// A consistent view of all stores as they are now.
    ///
    /// # Errors
    /// [`Error::Closed`].
    pub fn snapshot(&self) -> Result<Snapshot> {
        Snapshot::new(Arc::clone(&self.instance))
    }

    /// The namespaces in the database, by name, whether opened or not.
    ///
    /// # Errors
    /// [`Error::Corrupt`] where the catalog can't be read.
    pub fn namespaces(&self) -> Result<Vec<NamespaceInfo>> {
        let rows = catalog::namespaces(self.engine())?;
        rows.into_iter()
            .map(|(name, row)| {
                let estimated_entries = self.engine().estimated_keys(&Span::namespace(row.id))?;
                Ok(NamespaceInfo { name, row, estimated_entries })
            })
            .collect()
    }

    /// Deletes a namespace with all its entries, and returns whether there was one. Its number is never used again.
    ///
    /// ```
    /// # use kvstore::Database;
    /// let db = Database::in_memory()?;
    /// let names = db.map::<u64, String>("names")?;
    /// names.put(1, "Ada".into())?;
    /// drop(names); // the last handle
    /// assert!(db.drop_namespace("names")?);
    /// assert!(db.map::<u64, String>("names")?.is_empty()?);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::NamespaceInUse`] while a handle of its store, a guard, a scan or a view of it is alive;
    /// [`Error::OutcomeUnknown`] if the engine failed, and [`Error::Failed`] for every write after that.
    pub fn drop_namespace(&self, name: &str) -> Result<bool> {
        // Held until it is forgotten, so that nobody opens it meanwhile.
        let mut opened = locked(&self.opened);
        forget_unused(&mut opened, name, "`drop_namespace`")?;
        let forgotten = catalog::forget_namespace(self.engine(), name)?;
        drop(opened);
        let is_there = forgotten.is_some();
        catalog::delete_forgotten(self.engine(), forgotten.unwrap_or_default())?;
        Ok(is_there)
    }

    /// Gives a namespace another name, in one synced commit, and returns whether there was one of the old name. Its
    /// entries stay where they are, and generated keys go on where they were: none is given out again.
    ///
    /// The struct's `namespace` attribute has to say the new name from then on: a program that opens the old name makes a
    /// new, empty namespace.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let db = Database::in_memory()?;
    /// db.map::<u64, String>("names")?.put(1, "Ada".into())?;
    /// assert!(db.rename_namespace("names", "people")?);
    /// assert_eq!(db.map::<u64, String>("people")?.get(1)?.as_deref(), Some("Ada"));
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// - [`Error::NamespaceExists`] if there is a namespace of the new name, even if it is the same;
    /// - [`Error::NamespaceInUse`] as [`drop_namespace`](Self::drop_namespace);
    /// - [`Error::InvalidNamespace`] if the new name is not 1 to 128 bytes without control characters;
    /// - [`Error::OutcomeUnknown`] if the engine failed, and [`Error::Failed`] for every write after that.
    pub fn rename_namespace(&self, old: &str, new: &str) -> Result<bool> {
        schema::check_name(new)?;
        // Held to the end, so that nobody opens either of them meanwhile.
        let mut opened = locked(&self.opened);
        forget_unused(&mut opened, old, "`rename_namespace`")?;
        catalog::rename_namespace(self.engine(), old, new)
    }

    /// The locks that are held now.
    pub fn locks(&self) -> Vec<HeldLock> {
        let held = self.engine().held().into_iter();
        held.map(|holding| {
            let (namespace, key) = self.instance.describe(&holding.key);
            HeldLock { namespace, key, holding }
        })
        .collect()
    }

    /// Makes everything that was committed so far survive power loss.
    ///
    /// # Errors
    /// [`Error::Engine`], and from then on [`Error::Failed`] for this and for every write: what could not be synced may be
    /// gone, and another try would not tell.
    pub fn sync(&self) -> Result<()> {
        self.engine().sync()
    }

    /// Gives the space of what was removed and replaced back to the file system, all at once: rewrites every table. There is
    /// no need to call it: tables are merged as they grow, and what a program removes is given back when it is idle. It is
    /// of use before a copy is made, or after most of a large database was replaced.
    ///
    /// Reads and commits go on meanwhile. The call returns when it is done, a second for some 100 MiB, and `close` waits for
    /// it. Until then up to twice the space is taken. In memory it does nothing.
    ///
    /// ```
    /// # use kvstore::Database;
    /// # let db = Database::in_memory()?;
    /// let notes = db.map::<u64, String>("notes")?;
    /// for key in 0..100 {
    ///     notes.put(key, "long gone".into())?;
    ///     notes.remove(key)?;
    /// }
    /// db.compact()?;
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`Error::Engine`] if a table could not be written, now or before, on a full disk for one; [`Error::Failed`] and
    /// [`Error::Closed`].
    pub fn compact(&self) -> Result<()> {
        self.engine().compact()
    }

    /// Writes a copy of the database, as of one commit, to a place where nothing is. The copy is a database of its own, which
    /// can be opened while this one is in use.
    ///
    /// On the same file system this takes little time and space, since **the copy shares its tables with the database**, as
    /// hard links. Neither database ever writes to a table, so both are safe from each other; but a program that writes into
    /// the files of one, as `cp` does when it copies over them, destroys both. [`copy_to`](Self::copy_to) shares nothing, and
    /// `Database::restore` puts a copy back.
    ///
    /// # Errors
    /// - [`Error::Io`] if something is there, another call was first, or the place is inside the directory of a database;
    /// - [`Error::Unsupported`] in memory;
    /// - [`Error::Forked`] in a forked child;
    /// - [`Error::Engine`], [`Error::Closed`].
    pub fn checkpoint(&self, to: impl AsRef<Path>) -> Result<()> {
        self.engine().checkpoint(to.as_ref(), Tables::Linked)
    }

    /// Writes a copy of the database as [`checkpoint`](Self::checkpoint) does, with files that are all its own: nothing that
    /// happens to one of the two concerns the other. It takes the time and the space of a copy.
    ///
    /// # Errors
    /// As [`checkpoint`](Self::checkpoint).
    pub fn copy_to(&self, to: impl AsRef<Path>) -> Result<()> {
        self.engine().checkpoint(to.as_ref(), Tables::Copied)
    }

    /// Restores a database from a copy that [`checkpoint`](Self::checkpoint) or [`copy_to`](Self::copy_to) made, or from any
    /// database that was closed. Opens neither. The copy stays as it is.
    ///
    /// If `to` is a database, it is replaced as a whole, and moved to its name followed by `.replaced-1`: returns its new
    /// path. It must not be open, and may be damaged.
    ///
    /// The restored database has an id of its own. Its generated keys go on from where the copy was made: they repeat those
    /// that the original has given out since.
    ///
    /// # Errors
    /// Nothing is changed at `to` if this fails.
    /// - [`Error::NotADatabase`] if `copy` is none, or was not closed, or if something else is at `to`;
    /// - [`Error::InUse`] if either is open;
    /// - [`Error::Corrupt`] if files of the copy are missing, or its log is damaged;
    /// - [`Error::Io`] if files can't be read or written.
    #[cfg(feature = "rocksdb")]
    pub fn restore(copy: impl AsRef<Path>, to: impl AsRef<Path>) -> Result<Option<PathBuf>> {
        crate::engine::rocks::restore(copy.as_ref(), to.as_ref())
    }

    /// Closes the database: refuses new calls, wakes those who wait for locks, lets running calls end, and makes what was
    /// committed survive power loss. What handles and guards are left answer [`Error::Closed`]. The directory can be
    /// opened again at once.
    ///
    /// # Errors
    /// - [`Error::Busy`] where scans or snapshots are still alive after a second; the last of them then closes;
    /// - [`Error::Failed`] where a write or a sync has failed before: the next open finds out what was written;
    /// - [`Error::Engine`] and [`Error::Io`] for what failed;
    /// - [`Error::Closed`] where it was closed before.
    ///
    /// But for `Busy`, the database is closed all the same.
    pub fn close(self) -> Result<()> {
        self.instance.close()
    }
}

/// Forgets that a namespace was opened, so that it can be changed as a whole.
///
/// # Errors
/// [`Error::NamespaceInUse`], with `wanted` as who asks for it.
fn forget_unused(opened: &mut HashMap<String, Opened>, name: &str, wanted: &str) -> Result<()> {
    match opened.get(name) {
        Some(user) if user.is_used() => Err(in_use(name, user.type_name, wanted)),
        Some(_) => {
            opened.remove(name);
            Ok(())
        }
        None => Ok(()),
    }
}

fn in_use(namespace: &str, held_by: &str, wanted: &str) -> Error {
    Error::NamespaceInUse { namespace: namespace.to_owned(), held_by: held_by.to_owned(), wanted: wanted.to_owned() }
}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let opened = locked(&self.opened);
        f.debug_struct("Database").field("opened", &opened.keys().collect::<Vec<_>>()).finish_non_exhaustive()
    }
}

#[cfg(test)]
#[path = "database_tests.rs"]
mod tests;
