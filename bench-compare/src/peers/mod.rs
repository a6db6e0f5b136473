//! The stores that are compared, behind one trait of typed operations.

mod codec;
mod fjall;
mod heed;
mod kvstore;
mod native_db;
mod raw;
mod record;
mod redb;
mod sled;

use std::path::Path;

use clap::ValueEnum;

pub(crate) use self::codec::{Codec, Ours, Postcard, encoded};
pub(crate) use self::kvstore::Kvstore;
pub(crate) use self::raw::Raw;
pub(crate) use self::record::{Attempt, Job, Record, Ycsb};
use crate::Result;

/// When a commit is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Durability {
    /// With the operating system when the commit returns: survives a killed process.
    Buffered,
    /// Synced to the disk before the commit returns: survives a power loss.
    Sync,
}

/// How a store is opened.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening<'a> {
    /// An empty directory.
    pub(crate) dir: &'a Path,
    pub(crate) durability: Durability,
    /// For the store's own cache, where it has one.
    pub(crate) cache_bytes: usize,
}

impl Opening<'_> {
    fn sync(&self) -> bool {
        self.durability == Durability::Sync
    }
}

/// What a store promises of its commits, beside what was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    Same,
    Weaker,
    Stronger,
}

/// How a store was opened, in words.
#[derive(Clone, Debug)]
pub(crate) struct Setting {
    pub(crate) promise: Promise,
    /// What the code sets for durability, and what it does.
    pub(crate) durability: &'static str,
    pub(crate) cache: &'static str,
    /// How `change` keeps other writers of the entry out.
    pub(crate) exclusion: &'static str,
}

/// Which entries a scan reads, in the order of keys.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Span<'a> {
    All,
    From(&'a str),
    Prefix(&'a str),
}

/// What a scan calls for each entry.
pub(crate) type Visit<'a, R> = dyn FnMut(String, R) + 'a;

/// A store, open with values of one type. Each method that writes is one commit.
///
/// Keys and values are handed over owned, as kvstore takes them, so that none gains by being asked for less.
pub(crate) trait Peer<R: Record>: Send + Sync {
    /// How it was opened.
    fn setting(&self) -> Setting;
    /// Adds an entry; false, and nothing is written, where there is one.
    fn create(&self, key: String, value: R) -> Result<bool>;
    /// Reads an entry and shows its value; false where there is none.
    fn read(&self, key: String, see: &mut dyn FnMut(&R)) -> Result<bool>;
    /// Reads, changes and writes an entry, while no one else writes it; false where there is none.
    fn change(&self, key: String, change: &mut dyn FnMut(&mut R)) -> Result<bool>;
    /// Writes an entry, whether there was one or not.
    fn put(&self, key: String, value: R) -> Result<()>;
    /// Adds entries, all or, where one of them is there already, none: then false.
    fn batch(&self, entries: Vec<(String, R)>) -> Result<bool>;
    /// Removes an entry; false where there is none.
    fn remove(&self, key: String) -> Result<bool>;
    /// Reads at most so many entries.
    fn scan(&self, span: Span<'_>, limit: usize, visit: &mut Visit<'_, R>) -> Result<()>;
}

/// The stores by name, each a column or, with two encodings, two. Another way to use one of them is a variant of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Store {
    Kvstore,
    /// With `get_shared` in the place of `get`.
    KvstoreShared,
    Raw,
    Redb,
    Fjall,
    Heed,
    NativeDb,
    Sled,
}

/// The encodings by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Encoding {
    /// What the store's users use.
    Own,
    /// kvstore's records.
    Ours,
}

impl Store {
    /// The encodings that make sense.
    pub(crate) fn encodings(self) -> &'static [Encoding] {
        match self {
            Self::Kvstore | Self::KvstoreShared | Self::Raw => &[Encoding::Ours],
            Self::NativeDb => &[Encoding::Own],
            Self::Redb | Self::Fjall | Self::Heed | Self::Sled => &[Encoding::Own, Encoding::Ours],
        }
    }

    /// The heading of the store with that encoding.
    pub(crate) fn heading(self, encoding: Encoding) -> &'static str {
        match (self, encoding) {
            (Self::Kvstore, _) => "kvstore",
            (Self::KvstoreShared, _) => "kvstore (get_shared)",
            (Self::Raw, _) => "raw RocksDB",
            (Self::NativeDb, _) => "native_db (native_model)",
            (Self::Redb, Encoding::Own) => "redb (postcard)",
            (Self::Redb, Encoding::Ours) => "redb (our records)",
            (Self::Fjall, Encoding::Own) => "fjall (postcard)",
            (Self::Fjall, Encoding::Ours) => "fjall (our records)",
            (Self::Heed, Encoding::Own) => "heed (postcard)",
            (Self::Heed, Encoding::Ours) => "heed (our records)",
            (Self::Sled, Encoding::Own) => "sled (postcard)",
            (Self::Sled, Encoding::Ours) => "sled (our records)",
        }
    }

    /// Opens the store in an empty directory.
    pub(crate) fn open<R: Record>(self, encoding: Encoding, opening: &Opening<'_>) -> Result<Box<dyn Peer<R>>> {
        Ok(match (self, encoding) {
            (Self::Kvstore, _) => Box::new(Kvstore::<R>::open(opening)?),
            (Self::KvstoreShared, _) => Box::new(Kvstore::<R>::open_shared(opening)?),
            (Self::Raw, _) => Box::new(Raw::open(opening)?),
            (Self::NativeDb, _) => Box::new(native_db::NativeDb::open(opening)?),
            (Self::Redb, Encoding::Own) => Box::new(redb::Redb::<Postcard>::open(opening)?),
            (Self::Redb, Encoding::Ours) => Box::new(redb::Redb::<Ours>::open(opening)?),
            (Self::Fjall, Encoding::Own) => Box::new(fjall::Fjall::<Postcard>::open(opening)?),
            (Self::Fjall, Encoding::Ours) => Box::new(fjall::Fjall::<Ours>::open(opening)?),
            (Self::Heed, Encoding::Own) => Box::new(heed::Heed::<Postcard>::open(opening)?),
            (Self::Heed, Encoding::Ours) => Box::new(heed::Heed::<Ours>::open(opening)?),
            (Self::Sled, Encoding::Own) => Box::new(sled::Sled::<Postcard>::open(opening)?),
            (Self::Sled, Encoding::Ours) => Box::new(sled::Sled::<Ours>::open(opening)?),
        })
    }
}
