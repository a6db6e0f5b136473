//! RocksDB alone, with kvstore's settings, bytes and records: the limit of what kvstore can reach.

use kvstore::__bench as bench;
use rocksdb::{DBWithThreadMode, Options, ReadOptions, SingleThreaded, WriteBatch, WriteOptions};

use super::{Codec, Opening, Ours, Peer, Promise, Record, Setting, Span, Visit, encoded};
use crate::Result;

/// The namespace that kvstore's first store has, and the one behind it.
const NAMESPACE: [u8; 4] = [0, 0, 0, 1];
const BEHIND: [u8; 4] = [0, 0, 0, 2];

/// RocksDB alone.
pub(crate) struct Raw {
    db: DBWithThreadMode<SingleThreaded>,
    write: WriteOptions,
    sync: bool,
}

impl Raw {
    pub(crate) fn open(opening: &Opening<'_>) -> Result<Self> {
        Self::open_with(opening, &bench::raw_options(opening.cache_bytes))
    }

    /// Opens with options made from `raw_options`.
    pub(crate) fn open_with(opening: &Opening<'_>, options: &Options) -> Result<Self> {
        let mut write = WriteOptions::default();
        write.set_sync(opening.sync());
        Ok(Self { db: DBWithThreadMode::open(options, opening.dir)?, write, sync: opening.sync() })
    }

    /// The database key: four bytes of a namespace, then the string.
    fn database_key(key: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(NAMESPACE.len() + key.len());
        bytes.extend_from_slice(&NAMESPACE);
        bytes.extend_from_slice(key.as_bytes());
        bytes
    }

    fn write<R: Record>(&self, key: &[u8], value: &R) -> Result<()> {
        encoded::<Ours, R, _>(value, |record| Ok(self.db.put_opt(key, record, &self.write)?))
    }
}

impl<R: Record> Peer<R> for Raw {
    fn setting(&self) -> Setting {
        Setting {
            promise: Promise::Same,
            durability: if self.sync {
                "`WriteOptions::set_sync(true)`: the log synced before the write returns"
            } else {
                "`WriteOptions::set_sync(false)`: written to the log, which is not synced"
            },
            cache: "RocksDB's block cache",
            exclusion: "nothing: it is the limit",
        }
    }

    fn create(&self, key: String, value: R) -> Result<bool> {
        let key = Self::database_key(&key);
        if self.db.get_pinned(&key)?.is_some() {
            return Ok(false);
        }
        self.write(&key, &value)?;
        Ok(true)
    }

    fn read(&self, key: String, see: &mut dyn FnMut(&R)) -> Result<bool> {
        let Some(record) = self.db.get_pinned(Self::database_key(&key))? else { return Ok(false) };
        see(&Ours::decode(&record)?);
        Ok(true)
    }

    fn change(&self, key: String, change: &mut dyn FnMut(&mut R)) -> Result<bool> {
        let key = Self::database_key(&key);
        let Some(record) = self.db.get_pinned(&key)? else { return Ok(false) };
        let mut value = Ours::decode(&record)?;
        drop(record);
        change(&mut value);
        self.write(&key, &value)?;
        Ok(true)
    }

    fn put(&self, key: String, value: R) -> Result<()> {
        self.write(&Self::database_key(&key), &value)
    }

    fn batch(&self, entries: Vec<(String, R)>) -> Result<bool> {
        let mut batch = WriteBatch::default();
        for (key, value) in entries {
            let key = Self::database_key(&key);
            if self.db.get_pinned(&key)?.is_some() {
                return Ok(false);
            }
            encoded::<Ours, R, _>(&value, |record| {
                batch.put(&key, record);
                Ok(())
            })?;
        }
        self.db.write_opt(batch, &self.write)?;
        Ok(true)
    }

    fn remove(&self, key: String) -> Result<bool> {
        let key = Self::database_key(&key);
        if self.db.get_pinned(&key)?.is_none() {
            return Ok(false);
        }
        self.db.delete_opt(&key, &self.write)?;
        Ok(true)
    }

    fn scan(&self, span: Span<'_>, limit: usize, visit: &mut Visit<'_, R>) -> Result<()> {
        let (start, end) = match span {
            Span::All => (NAMESPACE.to_vec(), BEHIND.to_vec()),
            Span::From(key) => (Self::database_key(key), BEHIND.to_vec()),
            Span::Prefix(prefix) => {
                let start = Self::database_key(prefix);
                let mut end = start.clone();
                // The prefixes asked for end in an ASCII character.
                if let Some(last) = end.last_mut() {
                    *last += 1;
                }
                (start, end)
            }
        };
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(end);
        let mut rows = self.db.raw_iterator_opt(options);
        rows.seek(start);
        for _ in 0..limit {
            let Some((key, record)) = rows.item() else { break };
            visit(String::from_utf8(key[NAMESPACE.len()..].to_vec())?, Ours::decode(record)?);
            rows.next();
        }
        Ok(rows.status()?)
    }
}
