//! redb: a copy-on-write B-tree in one file, one writer at a time.

use std::marker::PhantomData;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition, WriteTransaction};

use super::{Codec, Opening, Peer, Promise, Record, Setting, Span, Visit, encoded};
use crate::Result;

const ENTRIES: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("entries");

/// redb with an encoding.
pub(crate) struct Redb<C> {
    db: Database,
    sync: bool,
    codec: PhantomData<C>,
}

impl<C: Codec> Redb<C> {
    pub(crate) fn open(opening: &Opening<'_>) -> Result<Self> {
        let db = Database::builder().set_cache_size(opening.cache_bytes).create(opening.dir.join("redb"))?;
        let first = db.begin_write()?;
        first.open_table(ENTRIES)?;
        first.commit()?;
        Ok(Self { db, sync: opening.sync(), codec: PhantomData })
    }

    fn write(&self) -> Result<WriteTransaction> {
        let mut transaction = self.db.begin_write()?;
        transaction.set_durability(if self.sync { Durability::Immediate } else { Durability::None })?;
        Ok(transaction)
    }

    /// Commits, or takes everything back.
    fn end(transaction: WriteTransaction, commit: bool) -> Result<bool> {
        if commit {
            transaction.commit()?;
        } else {
            transaction.abort()?;
        }
        Ok(commit)
    }
}

impl<R: Record, C: Codec> Peer<R> for Redb<C> {
    fn setting(&self) -> Setting {
        let (promise, durability) = if self.sync {
            (Promise::Same, "`Durability::Immediate`: one fsync at commit (one-phase commit)")
        } else {
            (Promise::Weaker, "`Durability::None`: kept in memory, lost when the process is killed")
        };
        Setting {
            promise,
            durability,
            cache: "page cache of its own",
            exclusion: "the write transaction, of which there is one at a time",
        }
    }

    fn create(&self, key: String, value: R) -> Result<bool> {
        let transaction = self.write()?;
        let absent = {
            let mut table = transaction.open_table(ENTRIES)?;
            encoded::<C, R, _>(&value, |bytes| Ok(table.insert(&*key, bytes)?.is_none()))?
        };
        Self::end(transaction, absent)
    }

    fn read(&self, key: String, see: &mut dyn FnMut(&R)) -> Result<bool> {
        let table = self.db.begin_read()?.open_table(ENTRIES)?;
        let Some(bytes) = table.get(&*key)? else { return Ok(false) };
        see(&C::decode(bytes.value())?);
        Ok(true)
    }

    fn change(&self, key: String, change: &mut dyn FnMut(&mut R)) -> Result<bool> {
        let transaction = self.write()?;
        let found = {
            let mut table = transaction.open_table(ENTRIES)?;
            let old = table.get(&*key)?.map(|bytes| C::decode::<R>(bytes.value())).transpose()?;
            match old {
                Some(mut value) => {
                    change(&mut value);
                    encoded::<C, R, _>(&value, |bytes| Ok(table.insert(&*key, bytes)?.is_some()))?
                }
                None => false,
            }
        };
        transaction.commit()?;
        Ok(found)
    }

    fn put(&self, key: String, value: R) -> Result<()> {
        let transaction = self.write()?;
        {
            let mut table = transaction.open_table(ENTRIES)?;
            encoded::<C, R, _>(&value, |bytes| Ok(table.insert(&*key, bytes).map(drop)?))?;
        }
        Ok(transaction.commit()?)
    }

    fn batch(&self, entries: Vec<(String, R)>) -> Result<bool> {
        let transaction = self.write()?;
        let mut absent = true;
        {
            let mut table = transaction.open_table(ENTRIES)?;
            for (key, value) in entries {
                absent &= encoded::<C, R, _>(&value, |bytes| Ok(table.insert(&*key, bytes)?.is_none()))?;
            }
        }
        Self::end(transaction, absent)
    }

    fn remove(&self, key: String) -> Result<bool> {
        let transaction = self.write()?;
        let found = transaction.open_table(ENTRIES)?.remove(&*key)?.is_some();
        transaction.commit()?;
        Ok(found)
    }

    fn scan(&self, span: Span<'_>, limit: usize, visit: &mut Visit<'_, R>) -> Result<()> {
        let table = self.db.begin_read()?.open_table(ENTRIES)?;
        let (entries, prefix) = match span {
            Span::All => (table.iter()?, ""),
            Span::From(key) => (table.range(key..)?, ""),
            Span::Prefix(prefix) => (table.range(prefix..)?, prefix),
        };
        for entry in entries.take(limit) {
            let (key, bytes) = entry?;
            if !key.value().starts_with(prefix) {
                break;
            }
            visit(key.value().to_owned(), C::decode(bytes.value())?);
        }
        Ok(())
    }
}
