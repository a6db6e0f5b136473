//! kvstore itself.

use kvstore::{Batch, Database, Durability, Error, Map, MapStore};

use super::{Opening, Peer, Promise, Record, Setting, Span, Visit};
use crate::Result;

/// Of the memory for caches, so much is for entries, as kvstore divides it where it is not told.
const READ_CACHE_PART: usize = 5;

/// kvstore, with its own records.
pub(crate) struct Kvstore<R: Record> {
    map: MapStore<Map<String, R>>,
    sync: bool,
    /// Whether entries are read by `get_shared`.
    shared: bool,
}

impl<R: Record> Kvstore<R> {
    pub(crate) fn open(opening: &Opening<'_>) -> Result<Self> {
        let durability = if opening.sync() { Durability::Sync } else { Durability::Buffered };
        let entries = opening.cache_bytes / READ_CACHE_PART;
        let builder = Database::builder().cache_bytes(opening.cache_bytes - entries).read_cache_bytes(entries);
        Self::new(&builder.durability(durability).open(opening.dir)?, opening.sync())
    }

    /// The same, in which entries are read by `get_shared`.
    pub(crate) fn open_shared(opening: &Opening<'_>) -> Result<Self> {
        Ok(Self { shared: true, ..Self::open(opening)? })
    }

    /// In a database that was opened with that durability.
    pub(crate) fn new(db: &Database, sync: bool) -> Result<Self> {
        Ok(Self { map: db.map("entries")?, sync, shared: false })
    }
}

impl<R: Record> Peer<R> for Kvstore<R> {
    fn setting(&self) -> Setting {
        Setting {
            promise: Promise::Same,
            durability: if self.sync {
                "`Durability::Sync`: RocksDB's log synced before the commit returns"
            } else {
                "`Durability::Buffered`: written to RocksDB's log, which is not synced"
            },
            cache: "RocksDB's block cache, and a fifth for the read cache",
            exclusion: "the guard's lock on the entry",
        }
    }

    fn create(&self, key: String, value: R) -> Result<bool> {
        match self.map.create(key, value) {
            Ok(guard) => {
                guard.commit()?;
                Ok(true)
            }
            Err(Error::AlreadyExists { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&self, key: String, see: &mut dyn FnMut(&R)) -> Result<bool> {
        if self.shared {
            return Ok(self.map.get_shared(key)?.as_deref().map(see).is_some());
        }
        Ok(self.map.get(key)?.as_ref().map(see).is_some())
    }

    fn change(&self, key: String, change: &mut dyn FnMut(&mut R)) -> Result<bool> {
        let Some(mut guard) = self.map.lock(key)? else { return Ok(false) };
        change(&mut guard);
        guard.commit()?;
        Ok(true)
    }

    fn put(&self, key: String, value: R) -> Result<()> {
        Ok(self.map.put(key, value)?)
    }

    fn batch(&self, entries: Vec<(String, R)>) -> Result<bool> {
        let mut batch = Batch::new();
        for (key, value) in entries {
            match self.map.create(key, value) {
                Ok(guard) => batch = batch.write(guard),
                Err(Error::AlreadyExists { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        batch.commit()?;
        Ok(true)
    }

    fn remove(&self, key: String) -> Result<bool> {
        Ok(self.map.remove(key)?)
    }

    fn scan(&self, span: Span<'_>, limit: usize, visit: &mut Visit<'_, R>) -> Result<()> {
        let entries = match span {
            Span::All => self.map.iter()?,
            Span::From(key) => self.map.range(key..)?,
            Span::Prefix(prefix) => self.map.prefix(prefix)?,
        };
        for entry in entries.take(limit) {
            let (key, value) = entry?;
            visit(key, value);
        }
        Ok(())
    }
}
