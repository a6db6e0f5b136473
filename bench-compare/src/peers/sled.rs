//! sled: a log-structured tree without locks for its users.

use std::marker::PhantomData;

use sled::transaction::{ConflictableTransactionError, TransactionError};
use sled::{Config, Db, IVec};

use super::{Codec, Opening, Peer, Promise, Record, Setting, Span, Visit, encoded};
use crate::Result;

/// sled with an encoding.
pub(crate) struct Sled<C> {
    db: Db,
    sync: bool,
    codec: PhantomData<C>,
}

impl<C: Codec> Sled<C> {
    pub(crate) fn open(opening: &Opening<'_>) -> Result<Self> {
        let db = Config::new().path(opening.dir).cache_capacity(opening.cache_bytes as u64).open()?;
        Ok(Self { db, sync: opening.sync(), codec: PhantomData })
    }

    fn encode<R: Record>(value: &R) -> Result<IVec> {
        encoded::<C, R, _>(value, |bytes| Ok(IVec::from(bytes)))
    }

    /// The end of each write.
    fn written(&self) -> Result<()> {
        if self.sync {
            self.db.flush()?;
        }
        Ok(())
    }
}

impl<R: Record, C: Codec> Peer<R> for Sled<C> {
    fn setting(&self) -> Setting {
        let (promise, durability) = if self.sync {
            (Promise::Same, "`flush` after each write: its log written and fsynced")
        } else {
            (
                Promise::Weaker,
                "written and synced by its own thread every 500 ms; what is younger is lost with the process",
            )
        };
        Setting {
            promise,
            durability,
            cache: "page cache of its own",
            exclusion: "nothing: `compare_and_swap` until it succeeds",
        }
    }

    fn create(&self, key: String, value: R) -> Result<bool> {
        let swapped = self.db.compare_and_swap(&key, None::<&[u8]>, Some(Self::encode(&value)?))?;
        self.written()?;
        Ok(swapped.is_ok())
    }

    fn read(&self, key: String, see: &mut dyn FnMut(&R)) -> Result<bool> {
        let Some(bytes) = self.db.get(&key)? else { return Ok(false) };
        see(&C::decode(&bytes)?);
        Ok(true)
    }

    fn change(&self, key: String, change: &mut dyn FnMut(&mut R)) -> Result<bool> {
        let mut current = self.db.get(&key)?;
        while let Some(bytes) = current {
            let mut value = C::decode(&bytes)?;
            change(&mut value);
            match self.db.compare_and_swap(&key, Some(&bytes), Some(Self::encode(&value)?))? {
                Ok(()) => {
                    self.written()?;
                    return Ok(true);
                }
                Err(meanwhile) => current = meanwhile.current,
            }
        }
        Ok(false)
    }

    fn put(&self, key: String, value: R) -> Result<()> {
        self.db.insert(&key, Self::encode(&value)?)?;
        self.written()
    }

    fn batch(&self, entries: Vec<(String, R)>) -> Result<bool> {
        let rows: Vec<_> = entries
            .into_iter()
            .map(|(key, value)| Ok::<_, Box<dyn std::error::Error + Send + Sync>>((key, Self::encode(&value)?)))
            .collect::<Result<_>>()?;
        let result = self.db.transaction(|tree| {
            for (key, bytes) in &rows {
                if tree.insert(key.as_bytes(), bytes)?.is_some() {
                    return Err(ConflictableTransactionError::Abort(()));
                }
            }
            Ok(())
        });
        match result {
            Ok(()) => {
                self.written()?;
                Ok(true)
            }
            Err(TransactionError::Abort(())) => Ok(false),
            Err(TransactionError::Storage(error)) => Err(error.into()),
        }
    }

    fn remove(&self, key: String) -> Result<bool> {
        let found = self.db.remove(&key)?.is_some();
        self.written()?;
        Ok(found)
    }

    fn scan(&self, span: Span<'_>, limit: usize, visit: &mut Visit<'_, R>) -> Result<()> {
        let entries = match span {
            Span::All => self.db.iter(),
            Span::From(key) => self.db.range(key..),
            Span::Prefix(prefix) => self.db.scan_prefix(prefix),
        };
        for entry in entries.take(limit) {
            let (key, bytes) = entry?;
            visit(String::from_utf8(key.to_vec())?, C::decode(&bytes)?);
        }
        Ok(())
    }
}
