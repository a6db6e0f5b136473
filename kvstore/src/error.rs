//! Every way in which an operation can fail.

use std::fmt;
use std::io;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The result of an operation of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed. Where an entry is concerned, the namespace and the key are named, the key as text: `"a"`,
/// `7`, `("acme", 7)`.
///
/// Its text says in one line what failed, where and why, with all causes, so that it can be logged or sent to a client as
/// it is. [`source`](std::error::Error::source) returns the direct cause for programs that look for a certain one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// `create` met an entry that is there already.
    #[error("{namespace}[{key}] already exists")]
    AlreadyExists {
        /// The namespace of the store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
    },
    /// `try_lock` met an entry that somebody holds.
    #[error("{namespace}[{key}] is locked: {holder}")]
    Locked {
        /// The namespace of the store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
        /// Who holds it.
        holder: Box<Holder>,
    },
    /// A lock was not free before the deadline.
    #[error("waited {waited:?} in vain for {namespace}[{key}]: {holder}")]
    LockTimeout {
        /// The namespace of the store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
        /// How long was waited.
        waited: Duration,
        /// Who held it when the wait ended.
        holder: Box<Holder>,
    },
    /// The key field of a value differs from the key under which it is to be stored.
    #[error("the key field of {namespace}[{key}] was changed to {found}")]
    KeyChanged {
        /// The namespace of the store.
        namespace: String,
        /// The key of the entry, as text.
        key: String,
        /// The key in the value's field, as text.
        found: String,
    },
    /// One call named the same entry twice, and would wait for itself.
    #[error("{namespace}[{key}] was asked for twice in one call")]
    DuplicateKey {
        /// The namespace of the store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
    },
    /// A range starts after its end, or a bound of a prefix scan lies outside the prefix.
    #[error("invalid range in {namespace}: {reason}")]
    InvalidRange {
        /// The namespace of the store.
        namespace: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A key is not read as one of the store's type: stored bytes, or, of a key with `#[key(as = "..")]`, what was to be
    /// stored or locked.
    #[error("the key {key} of {namespace} can't be read: {reason}")]
    InvalidKey {
        /// The namespace of the store.
        namespace: String,
        /// The bytes, as text.
        key: String,
        /// Why they are not a key.
        reason: String,
    },
    /// A key, record or batch is larger than what can be stored.
    #[error("the {what} of {namespace}[{key}] is too large: {size} bytes, at most {limit} are possible")]
    TooLarge {
        /// The namespace of the store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
        /// What is too large: `key`, `record`, `element key`, `element` or `batch`.
        what: &'static str,
        /// Its size in bytes; of a record, as far as it was encoded.
        size: usize,
        /// The largest possible size in bytes.
        limit: usize,
    },
    /// The program's schema of a store does not fit what the catalog says its records are.
    #[error("the schema of namespace `{namespace}` does not fit the stored one: {}", differences.join("; "))]
    SchemaMismatch {
        /// The namespace of the store.
        namespace: String,
        /// Each difference, readable on its own.
        differences: Vec<String>,
    },
    /// The namespace belongs to another type in this process, or is to be dropped or renamed while it is in use.
    #[error("namespace `{namespace}` is in use by {held_by}, so {wanted} can't have it: {}", remedy(wanted))]
    NamespaceInUse {
        /// The namespace.
        namespace: String,
        /// The type that has it.
        held_by: String,
        /// Who else asked for it.
        wanted: String,
    },
    /// A namespace was to be renamed to the name of another one.
    #[error("there is a namespace `{namespace}` already")]
    NamespaceExists {
        /// The new name.
        namespace: String,
    },
    /// A namespace can't have this name: names are 1 to 128 bytes without control characters.
    #[error("`{}` can't be the name of a namespace: {reason}", name.escape_debug())]
    InvalidNamespace {
        /// The name.
        name: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A setting of the builder has a value that is not possible, here or anywhere.
    #[error("the option `{option}` can't be set so: {reason}")]
    InvalidOption {
        /// The method of [`DatabaseBuilder`](crate::DatabaseBuilder).
        option: &'static str,
        /// What is wrong with the value, and what is possible.
        reason: String,
    },
    /// A guard or request of another database in one batch or call.
    #[error("{namespace}[{key}] belongs to another database than the rest")]
    ForeignGuard {
        /// The namespace of the guard's store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
    },
    /// A view through a snapshot of another database.
    #[error("the snapshot was taken of another database than that of {namespace}")]
    ForeignSnapshot {
        /// The namespace of the store.
        namespace: String,
    },
    /// A value did not serialize, or what it serialized to could not be read back.
    #[error("{namespace}[{key}] can't be encoded: {reason}")]
    Encode {
        /// The namespace of the store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
        /// What its serializer said, with the field.
        reason: String,
    },
    /// Stored bytes are not a record of the store's type.
    #[error("{namespace}[{key}] can't be decoded: {reason}")]
    Decode {
        /// The namespace of the store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
        /// What is wrong with the record, with the field.
        reason: String,
    },
    /// The store has given out every key it can generate.
    #[error("the generated keys of {namespace} are used up")]
    KeysExhausted {
        /// The namespace of the store.
        namespace: String,
    },
    /// The directory is open already, in this process or another.
    #[error("the database at {} is in use: {by}", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
        /// Who has it open.
        by: &'static str,
    },
    /// This process was forked from the one that opened the database, or that had RocksDB running. It has none of its
    /// threads, and the files are the other's.
    #[error(
        "the database at {} can't be used by this process, which was forked from the one that opened databases: open them \
         after the fork, or let the child execute a program of its own",
        path.display()
    )]
    Forked {
        /// The directory.
        path: PathBuf,
    },
    /// The path is no database, and no place where one could be created.
    #[error("{} is not a database: {reason}", path.display())]
    NotADatabase {
        /// The path.
        path: PathBuf,
        /// What was found there.
        reason: String,
    },
    /// A file operation of our own failed.
    #[error("can't {action} {}{}", path.display(), Causes(Some(.source)))]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// Why it failed.
        source: io::Error,
    },
    /// Stored data is damaged.
    #[error("the database {} is damaged: {reason}{}", place(path), Causes(.source.as_ref().map(|source| &**source as _)))]
    Corrupt {
        /// The directory or file; empty in memory.
        path: PathBuf,
        /// What is damaged, and what can be done.
        reason: String,
        /// What the engine said, where it did.
        source: Option<Box<dyn std::error::Error + Send + Sync>>,
    },
    /// An earlier write or sync failed, so that writes and write locks are refused until the database is reopened. Reads
    /// go on.
    #[error("the database refuses writes until it is reopened, since a write failed: {reason}")]
    Failed {
        /// What the failed write or sync said.
        reason: String,
    },
    /// The database was closed while scans or snapshots were alive; the engine closes with the last of them.
    #[error("{open} {} still open: the database closes when the last of them is dropped", if *open == 1 { "scan or snapshot is" } else { "scans or snapshots are" })]
    Busy {
        /// How many.
        open: usize,
    },
    /// The database is closed.
    #[error("the database is closed")]
    Closed,
    /// Data or a request that this version does not know.
    #[error("not supported by this version of kvstore: {what}")]
    Unsupported {
        /// What was met, and where.
        what: String,
    },
    /// The engine failed.
    #[error("the storage engine failed to {action}{}", Causes(Some(&**source)))]
    Engine {
        /// What it was asked to do.
        action: &'static str,
        /// What it said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The lock was lost before the commit. Not from the engines of this version, whose locks last as long as the guard.
    #[error("the lock of {namespace}[{key}] was lost")]
    LockLost {
        /// The namespace of the store.
        namespace: String,
        /// The entry's key, as text.
        key: String,
    },
    /// A write failed, and may have taken effect nevertheless: the next open of the database shows it. Until then writes
    /// are refused with [`Error::Failed`].
    #[error("the database must be reopened to see whether this was written: {reason}")]
    OutcomeUnknown {
        /// What happened.
        reason: String,
        /// The failure itself, mostly an [`Error::Engine`].
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The snapshot is too old to be read. Not from the engines of this version.
    #[error("the snapshot has expired")]
    SnapshotExpired,
    /// The engine can't be reached. Not from the engines of this version.
    #[error("the storage engine is unavailable: {reason}")]
    Unavailable {
        /// What happened.
        reason: String,
    },
}

/// The causes of an error, each after a colon.
struct Causes<'a>(Option<&'a (dyn std::error::Error + 'static)>);

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (mut cause, mut shown) = (self.0, String::new());
        while let Some(error) = cause {
            let text = error.to_string();
            // Some errors show their causes themselves.
            if !shown.contains(&text) {
                write!(f, ": {text}")?;
                shown = text;
            }
            cause = error.source();
        }
        Ok(())
    }
}

/// A database's directory or file, in a sentence.
fn place(path: &Path) -> String {
    if path.as_os_str().is_empty() { "in memory".to_owned() } else { format!("at {}", path.display()) }
}

/// What to do about a namespace that `wanted` can't have: a type, or a method of `Database` in backticks.
fn remedy(wanted: &str) -> &'static str {
    if wanted.starts_with('`') {
        "drop its stores, guards and scans first"
    } else {
        "give one of them a namespace of its own, as by `#[store(namespace = \"..\")]`"
    }
}

impl Error {
    /// The error of a failed write for callers that get no [`Outcome`]: it says so itself if the outcome is unknown.
    pub(crate) fn of_commit((error, outcome): (Self, Outcome)) -> Self {
        match outcome {
            Outcome::NotApplied => error,
            Outcome::Unknown => Self::OutcomeUnknown { reason: error.to_string(), source: Box::new(error) },
        }
    }
}

/// Who holds the lock on an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The place in the source that took the lock.
    pub taken_at: &'static Location<'static>,
    /// The thread that took it: its name, or its number if it has none. The guard may have been sent to another thread
    /// since.
    pub thread: String,
    /// How long ago.
    pub held_for: Duration,
    /// Whether the thread that took it is the one that asks for it now. Unless the guard was sent to another thread, or is
    /// held across an `.await` by another task of this thread, the caller waits for itself.
    pub is_caller: bool,
    /// The entry for which the thread that took it is itself waiting, as `namespace[key]`. A guard that was sent to
    /// another thread is not held up by this.
    pub waits_for: Option<String>,
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "held for {:?}, taken at {} on thread `{}`", self.held_for, self.taken_at, self.thread)?;
        if self.is_caller {
            f.write_str(", the same thread that asks for it now")
        } else if let Some(entry) = &self.waits_for {
            write!(f, ", which now waits for {entry}")
        } else {
            Ok(())
        }
    }
}

/// Whether a failed commit took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Nothing was written. The guard is still locked: it may be corrected and committed again.
    NotApplied,
    /// It can't be told until the database is reopened.
    Unknown,
}
