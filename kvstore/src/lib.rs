//! A typed, durable, thread-safe store of structs in embedded RocksDB, with an exclusive lock on each entry.
//!
//! Annotate a struct with [`#[derive(Store)]`](derive@Store), and get a map of such structs: a key namespace of its own
//! in one database, initializers that leave no collection uninitialised, and a typed [`Guard`] that holds the lock on one
//! entry while it is read, changed and committed. What is wrong does not compile, and says why.
//!
//! ```
//! use std::collections::BTreeMap;
//! use kvstore::{Database, Store};
//!
//! /// A transfer job; one entry per path.
//! #[derive(Store)]
//! #[store(key = String)]
//! pub struct Job {
//!     pub owner: String,                    // required: JobInit asks for it
//!     pub attempts: BTreeMap<u32, String>,  // a collection: starts empty
//!     pub error: Option<String>,            // starts None
//!     #[store(default = 3)]
//!     pub retries: u8,                      // starts 3
//! }
//!
//! # fn main() -> kvstore::Result<()> {
//! let db = Database::in_memory()?;          // Database::open("data")? for RocksDB in a directory
//! let jobs: JobStore = db.store::<Job>()?;
//!
//! let mut job = jobs.create("/a", JobInit { owner: "me".into() })?;
//! job.attempts.insert(1, "started".into());
//! job.save()?;                              // written now, still locked
//! job.retries -= 1;
//! job.commit()?;                            // written and released
//!
//! assert_eq!(jobs.get("/a")?.map(|job| job.retries), Some(2));   // a copy, takes no lock
//! for entry in jobs.prefix("/")? {
//!     let (path, job) = entry?;
//!     println!("{path}: {} attempts", job.attempts.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # The pieces
//!
//! - [`Database`]: one opened directory, or one in memory. A cheap clone of a shared handle.
//! - [`MapStore<T>`](MapStore): the typed handle to all entries of `T`; [`Map<K, V>`](Map) where the values need no struct.
//! - [`Guard<T>`](Guard): a held lock on one entry, with its value. Dropping it writes nothing.
//! - [`Batch`]: several guards of any stores, committed all or nothing.
//! - [`Snapshot`] and [`Scan`]: consistent reads, of all stores and of one.
//! - [`ElementMap`], [`ElementSet`], [`ElementDeque`]: fields whose [`Elements`] are stored one by one, for entries that
//!   would be too large to be read and written as a whole.
//! - [`Key`](trait@Key): what orders and names the entries; with [`#[derive(Key)]`](derive@Key) for types of your own.
//! - [`Error`]: every way in which an operation can fail, with the namespace and the key.
//!
//! # Locks
//!
//! Writes are linearizable for each key: all of them go through the entry's lock, and waiters are served first come, first
//! served. Reads take no lock and see the last commit. A thread that holds one guard and waits for another can deadlock
//! with a thread that does the opposite; every wait has a deadline, whose error names who holds the lock and where it was
//! taken. To hold several, take them in one call: [`MapStore::lock_all`] and [`Database::lock_together`] never wait for
//! each other.
//!
//! # Features
//!
//! - `rocksdb` (default): databases on disk. Without it there are databases in memory only, and nothing in C++ is
//!   compiled.
//! - `uuid`: `uuid::Uuid` as a key, and as a field or a value, by the feature `serde` of that crate.

mod batch;
mod cache;
mod catalog;
mod changes;
mod commit_error;
mod database;
mod elements;
mod engine;
mod error;
mod field;
mod guard;
mod info;
mod instance;
mod key;
mod lock;
mod low_water;
mod many;
mod map_store;
mod namespace;
mod options;
mod process;
mod queue;
mod record;
mod rows;
mod scan;
mod schema;
mod sequence;
mod snapshot;
mod store;
mod sync;
mod thread_number;
mod together;

#[doc(hidden)]
#[path = "bench.rs"]
pub mod __bench;
#[cfg(any(feature = "loom", feature = "shuttle"))]
#[doc(hidden)]
#[path = "model.rs"]
pub mod __model;
#[doc(hidden)]
#[path = "private.rs"]
pub mod __private;

pub use crate::batch::Batch;
pub use crate::changes::FailedUpdate;
pub use crate::commit_error::CommitError;
pub use crate::database::Database;
pub use crate::elements::{
    Access, Committed, ElementCollection, ElementDeque, ElementMap, ElementPath, ElementScan, ElementSet, ElementValue,
    Elements, Held,
};
pub use crate::engine::memory::Faults;
pub use crate::error::{Error, Holder, Outcome, Result};
pub use crate::guard::Guard;
pub use crate::info::{HeldLock, NamespaceInfo};
pub use crate::key::{Key, KeyArg, KeyField, KeyPrefix, KeyRange, KeyVariant, NextKey, Prefix, Shape, Variant};
pub use crate::map_store::MapStore;
pub use crate::options::{DatabaseBuilder, Durability, Recovery};
pub use crate::record::{IgnoreUnknown, ReadBack};
pub use crate::scan::{Keys, Scan};
pub use crate::snapshot::{MapView, Snapshot};
pub use crate::store::{Initialize, Map, MapValue, Store};
pub use crate::together::{LockRequest, LockRequests, Wanted, WantedOrCreate};

/// Makes a struct the entry type of a store.
///
/// For a struct `Job` it generates, with the struct's visibility:
/// - `impl Store for Job`;
/// - `struct JobInit` with the required fields only, which `create` and its friends turn into a `Job`; it has `Default`
///   when nothing is required;
/// - `impl From<JobInit> for Job`, for a value without a database; with a key field `From<(Key, JobInit)>`;
/// - `type JobStore = MapStore<Job>` and `type JobGuard = Guard<Job>`;
/// - for each element-wise collection an [`ElementPath`], named for the field and as visible as it: `Job::ATTEMPTS`.
///
/// The struct has named fields and no type or lifetime parameters. It needs no serde derive of its own, only its field
/// types are `Serialize + DeserializeOwned + Send + 'static`; a serde derive that it has for other uses, and its
/// `#[serde(..)]` attributes, have no say in the record.
///
/// Fields whose type is written as `Vec`, `VecDeque`, `BTreeMap`, `HashMap`, `BTreeSet`, `HashSet`, `BinaryHeap`,
/// `LinkedList` or `Option` of the standard library start empty, also in records written before the field existed. All
/// other fields without `default` are required. An alias of a collection is not seen to be one, so such a field is required
/// too, as is a type of another crate with the same name, such as `heapless::Vec<u8, 4>`.
///
/// Fields whose type is written as [`ElementMap`], [`ElementSet`] or [`ElementDeque`] have their elements stored one by one,
/// beside the record. They start without elements, and take no attribute but `type`.
///
/// # On the struct
///
/// | Attribute | Meaning |
/// |---|---|
/// | `#[store(key = Type)]` | The key lies beside the value. This, or `key` on one field. |
/// | `#[store(namespace = "jobs")]` | The namespace; otherwise the type's name in `snake_case`. 1 to 128 bytes, no control characters. |
/// | `#[store(version = 1)]` | The version of the schema. Only 1 for now. |
/// | `#[store(init = Name, store = Name, guard = Name)]` | Other names for the generated items. |
/// | `#[store(init_derive(Clone, Debug))]` | What `JobInit` derives. Paths too: `serde::Deserialize`. |
/// | `#[store(crate = "path")]` | Where this crate is, for re-exports and renames. In macros `crate = $crate::kvstore`. |
///
/// # On a field
///
/// | Attribute | Meaning |
/// |---|---|
/// | `#[store(key)]` | The field is the key. It is filled from the key, and not stored twice. |
/// | `#[store(default)]`, `#[store(default = expr)]` | The initial value, also for records written before the field existed. |
/// | `#[store(with = "module")]` | serde's `with` for the record. |
/// | `#[store(skip)]` | Not stored: starts, and is read back, as its initial value. |
/// | `#[store(type = "name")]` | The type's name in the catalog: with the old name, a renamed or a wider type stays the same field. |
///
/// # Changing the struct
///
/// The names and types of the fields are kept in the catalog, and compared when the store is opened. New fields with an
/// initial value are accepted. Removed or re-typed fields, new required fields and another key are
/// [`Error::SchemaMismatch`], before any data is touched. Types are compared as they are written, each path cut to its
/// last segment; what lies inside them is not seen.
///
/// # Examples
///
/// ```
/// use kvstore::{Database, Store};
///
/// #[derive(Store)]
/// #[store(namespace = "pending_work")]
/// struct Work {
///     #[store(key)]
///     id: (String, u64),
///     path: String,
///     #[store(default = Self::PATIENCE)]
///     patience: u32,
///     tags: Vec<String>,
/// }
///
/// impl Work {
///     const PATIENCE: u32 = 10;
/// }
///
/// # fn main() -> kvstore::Result<()> {
/// let work = Database::in_memory()?.store::<Work>()?;
/// let unit = work.create(("acme", 7), WorkInit { path: "/a".into() })?;
/// assert_eq!(unit.id, ("acme".to_string(), 7));
/// assert_eq!((unit.patience, unit.tags.len(), unit.path.as_str()), (10, 0, "/a"));
/// # unit.commit()?;
/// # Ok(())
/// # }
/// ```
pub use kvstore_derive::Store;

/// Makes a type a key, so that a `JobId` is never taken for a `UserId`.
///
/// | Type | Its bytes |
/// |---|---|
/// | a struct of one field | those of the field; it takes generated keys and prefixes as the field does |
/// | a struct of several fields | the fields in order, as `derive(Ord)` compares; tuples of the leading fields are prefixes |
/// | an enum | the number of the variant in two bytes, then its fields; it may only grow at its end; each variant with fields is a prefix, by a [constant](KeyVariant) |
///
/// The type needs derive nothing else, for the bytes are compared. If it derives `Ord`, the order is the same, without
/// explicit discriminants. Type parameters are for fields of type `PhantomData`, which are no part of the key:
/// `struct Id<T>(u64, PhantomData<fn() -> T>)`.
///
/// | Attribute | Where | Meaning |
/// |---|---|---|
/// | `#[key(as = "u64")]` | type | Kept as that key: needs `Clone`, `Into`, and a `TryFrom` that reads back what `Into` writes. |
/// | `#[key(crate = "path")]` | type | Where this crate is, for re-exports and renames. |
/// | `#[key(alias = "old")]` | field | A name that the field had before. |
/// | `#[key(prefix = NAME)]` | variant | Another name for its constant. |
///
/// ```
/// use kvstore::{Database, Key};
///
/// #[derive(Key)]
/// struct JobId(u64);
///
/// #[derive(Key)]
/// enum Place {
///     Everywhere,
///     Site { name: String, rack: u16 },
/// }
///
/// # fn main() -> kvstore::Result<()> {
/// let db = Database::in_memory()?;
/// let jobs = db.map::<JobId, String>("jobs")?;
/// jobs.create_next("first".to_string())?.commit()?;
/// let places = db.map::<Place, u32>("places")?;
/// places.put(Place::Site { name: "north".into(), rack: 7 }, 1)?;
/// assert!(!places.contains(Place::Everywhere)?);
/// # Ok(())
/// # }
/// ```
pub use kvstore_derive::Key;
