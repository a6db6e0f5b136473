//! How a database is opened.

use std::time::Duration;

#[cfg(feature = "rocksdb")]
use std::path::Path;

use crate::database::Database;
use crate::error::Result;
use crate::record::ReadBack;

/// What a commit survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Durability {
    /// When a commit returns, it is with the operating system: it survives a killed process. After power loss the database
    /// has a consistent prefix of the commits: the last ones may be gone, the older ones are all there. The default.
    #[default]
    Buffered,
    /// When a commit returns, it is on disk: it survives power loss. Commits of several threads share one fsync.
    Sync,
}

/// What is done with a damaged log when a database is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Recovery {
    /// What a crash can leave behind is repaired, and a warning says what was dropped; other damage is
    /// [`Error::Corrupt`](crate::Error::Corrupt). The default.
    #[default]
    Auto,
    /// The commits before the damage are kept, and those behind it dropped.
    Prefix,
}

/// Opens a database with settings of the program's choice. From [`Database::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `open` or `in_memory`"]
pub struct DatabaseBuilder {
    pub(crate) lock_timeout: Duration,
    pub(crate) read_cache_bytes: usize,
    pub(crate) read_back: ReadBack,
    #[cfg(feature = "rocksdb")]
    pub(crate) durability: Durability,
    #[cfg(feature = "rocksdb")]
    pub(crate) recover: Recovery,
    #[cfg(feature = "rocksdb")]
    pub(crate) cache_bytes: usize,
    #[cfg(feature = "rocksdb")]
    pub(crate) write_buffer_bytes: usize,
    #[cfg(feature = "rocksdb")]
    pub(crate) create_if_missing: bool,
}

impl Default for DatabaseBuilder {
    fn default() -> Self {
        Self {
            lock_timeout: Duration::from_secs(30),
            read_cache_bytes: 32 << 20,
            read_back: ReadBack::default(),
            #[cfg(feature = "rocksdb")]
            durability: Durability::default(),
            #[cfg(feature = "rocksdb")]
            recover: Recovery::default(),
            #[cfg(feature = "rocksdb")]
            cache_bytes: 128 << 20,
            #[cfg(feature = "rocksdb")]
            write_buffer_bytes: 16 << 20,
            #[cfg(feature = "rocksdb")]
            create_if_missing: true,
        }
    }
}

impl DatabaseBuilder {
    /// Sets how long a lock is waited for. By default 30 seconds; not at all with [`Duration::ZERO`], and for ever with
    /// [`Duration::MAX`].
    pub fn lock_timeout(mut self, timeout: Duration) -> Self {
        self.lock_timeout = timeout;
        self
    }

    /// How many bytes of entries are kept as they were read or decoded last, so that what is read often costs its decoding
    /// alone, and with [`get_shared`](crate::MapStore::get_shared) not even that. By default 32 MiB; 0 switches it off, and
    /// `usize::MAX` keeps all that was read.
    ///
    /// A decoded value is charged about what it takes in memory, which is estimated while it is read: for values of common
    /// types from half of it to twice as much. What lies behind a skipped field, or is made by a `Deserialize` by hand, is
    /// not seen. An entry that would take the most of a shard, of which there are four for each core, is not kept.
    pub fn read_cache_bytes(mut self, bytes: usize) -> Self {
        self.read_cache_bytes = bytes;
        self
    }

    /// Sets which records are decoded, encoded again and compared before they are committed. By default all of them in builds
    /// with debug assertions, and otherwise the first 1,000 of each store and of each of its element-wise collections.
    ///
    /// What can't be read back, or comes back as another value, is [`Error::Encode`](crate::Error::Encode), and nothing is
    /// written. It costs a decoding and an encoding more, and the value once more in memory while it lasts.
    pub fn read_back(mut self, records: ReadBack) -> Self {
        self.read_back = records;
        self
    }

    /// Opens a database in memory, which is gone when the last handle is. Durability, recovery, cache and creation have no
    /// meaning for it.
    ///
    /// # Errors
    /// None today.
    pub fn in_memory(self) -> Result<Database> {
        Database::build_in_memory(&self, crate::engine::memory::Faults::default())
    }
}

/// A path to a database on disk, which this build of kvstore can't open. None is.
#[cfg(not(feature = "rocksdb"))]
#[diagnostic::on_unimplemented(
    message = "databases on disk need the feature `rocksdb` of kvstore",
    label = "kvstore was built without it",
    note = "it is a default feature: remove `default-features = false` from the dependency in Cargo.toml, or add `features = [\"rocksdb\"]`; for tests there is `Database::in_memory`"
)]
pub trait OnDisk {}

#[cfg(not(feature = "rocksdb"))]
impl DatabaseBuilder {
    /// Needs the feature `rocksdb`.
    ///
    /// # Errors
    /// None: it can't be called.
    #[doc(hidden)]
    pub fn open<P: OnDisk>(self, _: P) -> Result<Database> {
        self.in_memory()
    }
}

#[cfg(feature = "rocksdb")]
impl DatabaseBuilder {
    /// What a commit survives. By default [`Durability::Buffered`].
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = durability;
        self
    }

    /// What is done with a damaged log. By default [`Recovery::Auto`].
    pub fn recover(mut self, recover: Recovery) -> Self {
        self.recover = recover;
        self
    }

    /// Sets the size of the engine's block cache, in bytes. By default 128 MiB. With 0 there is none: each read of a table
    /// then asks the operating system, and the filters and indices of all open tables stay in memory. A size for which the
    /// system has no memory is [`Error::InvalidOption`](crate::Error::InvalidOption) when the database is opened.
    pub fn cache_bytes(mut self, bytes: usize) -> Self {
        self.cache_bytes = bytes;
        self
    }

    /// Sets how many bytes of commits the engine collects in memory before it writes a table of them, and begins a new log.
    /// By default 16 MiB: a larger buffer makes fewer and larger tables, a smaller one takes less memory and has less log to
    /// read after a crash. Less than 64 KiB counts as 64 KiB; more than 4 GiB is
    /// [`Error::InvalidOption`](crate::Error::InvalidOption) when the database is opened.
    ///
    /// At most three such buffers are in memory at a time. On disk, an open database keeps 1.1 times this size ready for its
    /// log, however little is written: 17.6 MiB by default, 4.4 GiB at most. Closing gives it back.
    pub fn write_buffer_bytes(mut self, bytes: usize) -> Self {
        self.write_buffer_bytes = bytes;
        self
    }

    /// Whether to create the directory and the database where there is none. By default yes.
    pub fn create_if_missing(mut self, create: bool) -> Self {
        self.create_if_missing = create;
        self
    }

    /// Opens the database in a directory.
    ///
    /// # Errors
    /// As [`Database::open`].
    pub fn open(self, path: impl AsRef<Path>) -> Result<Database> {
        Database::build_on_disk(&self, path.as_ref(), None)
    }
}
