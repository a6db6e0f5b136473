//! fjall: a log-structured merge tree in Rust.

use std::marker::PhantomData;

use fjall::{
    Iter, KeyspaceCreateOptions, PersistMode, Readable, SingleWriterTxDatabase, SingleWriterTxKeyspace,
    SingleWriterWriteTx,
};

use super::{Codec, Opening, Peer, Promise, Record, Setting, Span, Visit, encoded};
use crate::Result;

/// fjall with an encoding. Its transactional database, for only there can a write depend on what was read.
pub(crate) struct Fjall<C> {
    db: SingleWriterTxDatabase,
    entries: SingleWriterTxKeyspace,
    sync: bool,
    codec: PhantomData<C>,
}

impl<C: Codec> Fjall<C> {
    pub(crate) fn open(opening: &Opening<'_>) -> Result<Self> {
        let db = SingleWriterTxDatabase::builder(opening.dir).cache_size(opening.cache_bytes as u64).open()?;
        let entries = db.keyspace("entries", KeyspaceCreateOptions::default)?;
        Ok(Self { db, entries, sync: opening.sync(), codec: PhantomData })
    }

    fn write(&self) -> SingleWriterWriteTx<'_> {
        let mode = if self.sync { PersistMode::SyncData } else { PersistMode::Buffer };
        self.db.write_tx().durability(Some(mode))
    }

    fn insert<R: Record>(&self, transaction: &mut SingleWriterWriteTx<'_>, key: String, value: &R) -> Result<()> {
        encoded::<C, R, _>(value, |bytes| {
            transaction.insert(&self.entries, key, bytes);
            Ok(())
        })
    }
}

impl<R: Record, C: Codec> Peer<R> for Fjall<C> {
    fn setting(&self) -> Setting {
        Setting {
            promise: Promise::Same,
            durability: if self.sync {
                "`PersistMode::SyncData`: fdatasync of the journal at commit"
            } else {
                "`PersistMode::Buffer`: the journal's buffer written to the operating system at commit"
            },
            cache: "block cache",
            exclusion: "the write transaction (`SingleWriterTxDatabase`), of which there is one at a time",
        }
    }

    fn create(&self, key: String, value: R) -> Result<bool> {
        let mut transaction = self.write();
        if transaction.contains_key(&self.entries, &key)? {
            return Ok(false);
        }
        self.insert(&mut transaction, key, &value)?;
        transaction.commit()?;
        Ok(true)
    }

    fn read(&self, key: String, see: &mut dyn FnMut(&R)) -> Result<bool> {
        let Some(bytes) = self.entries.get(&key)? else { return Ok(false) };
        see(&C::decode(&bytes)?);
        Ok(true)
    }

    fn change(&self, key: String, change: &mut dyn FnMut(&mut R)) -> Result<bool> {
        let mut transaction = self.write();
        let Some(bytes) = transaction.get(&self.entries, &key)? else { return Ok(false) };
        let mut value = C::decode(&bytes)?;
        change(&mut value);
        self.insert(&mut transaction, key, &value)?;
        transaction.commit()?;
        Ok(true)
    }

    fn put(&self, key: String, value: R) -> Result<()> {
        let mut transaction = self.write();
        self.insert(&mut transaction, key, &value)?;
        Ok(transaction.commit()?)
    }

    fn batch(&self, entries: Vec<(String, R)>) -> Result<bool> {
        let mut transaction = self.write();
        for (key, value) in entries {
            if transaction.contains_key(&self.entries, &key)? {
                return Ok(false);
            }
            self.insert(&mut transaction, key, &value)?;
        }
        transaction.commit()?;
        Ok(true)
    }

    fn remove(&self, key: String) -> Result<bool> {
        let mut transaction = self.write();
        if !transaction.contains_key(&self.entries, &key)? {
            return Ok(false);
        }
        transaction.remove(&self.entries, key);
        transaction.commit()?;
        Ok(true)
    }

    fn scan(&self, span: Span<'_>, limit: usize, visit: &mut Visit<'_, R>) -> Result<()> {
        let snapshot = self.db.read_tx();
        let entries: Iter = match span {
            Span::All => snapshot.iter(&self.entries),
            Span::From(key) => snapshot.range(&self.entries, key..),
            Span::Prefix(prefix) => snapshot.prefix(&self.entries, prefix),
        };
        for entry in entries.take(limit) {
            let (key, bytes) = entry.into_inner()?;
            visit(String::from_utf8(key.to_vec())?, C::decode(&bytes)?);
        }
        Ok(())
    }
}
