//! `native_db`: typed structs on redb 2.

#![allow(unused_qualifications, clippy::pedantic, reason = "what the macros of native_db write")]

use std::marker::PhantomData;

use native_db::db_type::Error;
use native_db::{Builder, Database, Models, ToInput, ToKey, native_db};
use native_model::{Model, native_model};
use serde::{Deserialize, Serialize};

use super::record::{Attempt, Job, Record, Ycsb};
use super::{Opening, Peer, Promise, Setting, Span, Visit};
use crate::Result;

/// The struct around a value, with its key.
pub(crate) trait Item<R>: ToInput + Clone + Send + Sync {
    fn new(key: String, value: R) -> Self;
    fn parts(self) -> (String, R);
    fn value(&self) -> &R;
    fn value_mut(&mut self) -> &mut R;
}

/// A job with its path.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[native_model(id = 1, version = 1)]
#[native_db]
pub(crate) struct NativeJob {
    #[primary_key]
    key: String,
    value: std::collections::BTreeMap<String, Attempt>,
}

/// A record of YCSB with its key.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[native_model(id = 2, version = 1)]
#[native_db]
pub(crate) struct NativeYcsb {
    #[primary_key]
    key: String,
    value: Ycsb,
}

macro_rules! item {
    ($item:ident, $record:ty) => {
        impl Item<$record> for $item {
            fn new(key: String, value: $record) -> Self {
                Self { key, value }
            }
            fn parts(self) -> (String, $record) {
                (self.key, self.value)
            }
            fn value(&self) -> &$record {
                &self.value
            }
            fn value_mut(&mut self) -> &mut $record {
                &mut self.value
            }
        }
    };
}

item!(NativeJob, Job);
item!(NativeYcsb, Ycsb);

/// `native_db`, with its own encoding (bincode, through `native_model`).
pub(crate) struct NativeDb<R> {
    db: Database<'static>,
    sync: bool,
    record: PhantomData<fn() -> R>,
}

impl<R: Record> NativeDb<R> {
    pub(crate) fn open(opening: &Opening<'_>) -> Result<Self> {
        let mut models = Models::new();
        models.define::<R::Native>()?;
        // A database borrows its models; a run opens few, and each lives about as long as the run.
        let models = Box::leak(Box::new(models));
        let mut builder = Builder::new();
        builder.set_cache_size(opening.cache_bytes);
        let db = builder.create(models, opening.dir.join("native_db"))?;
        Ok(Self { db, sync: opening.sync(), record: PhantomData })
    }

    fn find(key: String, from: &native_db::transaction::RwTransaction<'_>) -> Result<Option<R::Native>> {
        Ok(from.get().primary(key)?)
    }
}

impl<R: Record> Peer<R> for NativeDb<R> {
    fn setting(&self) -> Setting {
        Setting {
            promise: if self.sync { Promise::Same } else { Promise::Stronger },
            durability: "redb 2's `Durability::Immediate`: one fsync at commit; cannot be set",
            cache: "redb 2's page cache",
            exclusion: "the write transaction, of which there is one at a time",
        }
    }

    fn create(&self, key: String, value: R) -> Result<bool> {
        let transaction = self.db.rw_transaction()?;
        match transaction.insert(R::Native::new(key, value)) {
            Ok(()) => {
                transaction.commit()?;
                Ok(true)
            }
            Err(Error::DuplicateKey { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    fn read(&self, key: String, see: &mut dyn FnMut(&R)) -> Result<bool> {
        let item: Option<R::Native> = self.db.r_transaction()?.get().primary(key)?;
        Ok(item.map(|item| see(item.value())).is_some())
    }

    fn change(&self, key: String, change: &mut dyn FnMut(&mut R)) -> Result<bool> {
        let transaction = self.db.rw_transaction()?;
        let Some(old) = Self::find(key, &transaction)? else { return Ok(false) };
        let mut new = old.clone();
        change(new.value_mut());
        transaction.update(old, new)?;
        transaction.commit()?;
        Ok(true)
    }

    fn put(&self, key: String, value: R) -> Result<()> {
        let transaction = self.db.rw_transaction()?;
        transaction.upsert(R::Native::new(key, value))?;
        Ok(transaction.commit()?)
    }

    fn batch(&self, entries: Vec<(String, R)>) -> Result<bool> {
        let transaction = self.db.rw_transaction()?;
        for (key, value) in entries {
            match transaction.insert(R::Native::new(key, value)) {
                Ok(()) => {}
                Err(Error::DuplicateKey { .. }) => return Ok(false),
                Err(error) => return Err(error.into()),
            }
        }
        transaction.commit()?;
        Ok(true)
    }

    fn remove(&self, key: String) -> Result<bool> {
        let transaction = self.db.rw_transaction()?;
        let Some(old) = Self::find(key, &transaction)? else { return Ok(false) };
        transaction.remove(old)?;
        transaction.commit()?;
        Ok(true)
    }

    fn scan(&self, span: Span<'_>, limit: usize, visit: &mut Visit<'_, R>) -> Result<()> {
        let transaction = self.db.r_transaction()?;
        let scan = transaction.scan().primary::<R::Native>()?;
        let mut each = |items: &mut dyn Iterator<Item = Result<R::Native, Error>>| -> Result<()> {
            for item in items.take(limit) {
                let (key, value) = item?.parts();
                visit(key, value);
            }
            Ok(())
        };
        match span {
            Span::All => each(&mut scan.all()?),
            Span::From(key) => each(&mut scan.range(key.to_owned()..)?),
            Span::Prefix(prefix) => each(&mut scan.start_with(prefix)?),
        }
    }
}
