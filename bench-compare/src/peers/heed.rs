//! LMDB through heed: a copy-on-write B-tree in a memory map, one writer at a time.

use std::marker::PhantomData;
use std::ops::Bound;

use heed::types::{Bytes, Str};
use heed::{CommitOrAbort, Database, Env, EnvFlags, EnvOpenOptions, Error, MdbError, PutFlags};

use super::{Codec, Opening, Peer, Promise, Record, Setting, Span, Visit, encoded};
use crate::Result;

/// How large the file may become: address space, not memory.
const MAP_BYTES: usize = 256 << 30;

/// LMDB with an encoding.
pub(crate) struct Heed<C> {
    env: Env,
    entries: Database<'static, Str, Bytes>,
    sync: bool,
    codec: PhantomData<C>,
}

impl<C: Codec> Heed<C> {
    pub(crate) fn open(opening: &Opening<'_>) -> Result<Self> {
        let env = open_env(opening)?;
        let entries = env
            .create_databases_and_commit(env.write_txn()?, |open, transaction| {
                open.create_database(transaction, None).map(CommitOrAbort::<_, ()>::Commit)
            })?
            .unwrap_commit();
        Ok(Self { env, entries, sync: opening.sync(), codec: PhantomData })
    }
}

/// heed has no safe way to open: whoever changes the file beside the memory map would break it.
#[expect(unsafe_code, reason = "the file lies in a directory made for this run, and nobody else opens it")]
fn open_env(opening: &Opening<'_>) -> Result<Env> {
    let mut options = EnvOpenOptions::new();
    options.map_size(MAP_BYTES);
    // SAFETY: the file is opened once, by this process, and is not touched but through LMDB. Without `NO_SYNC` and with
    // it the file stays whole as long as the machine runs.
    unsafe {
        if !opening.sync() {
            options.flags(EnvFlags::NO_SYNC);
        }
        Ok(options.open(opening.dir)?)
    }
}

/// Whether an entry was added that had to be absent.
fn added(result: Result<(), Error>) -> Result<bool> {
    match result {
        Ok(()) => Ok(true),
        Err(Error::Mdb(MdbError::KeyExist)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

impl<R: Record, C: Codec> Peer<R> for Heed<C> {
    fn setting(&self) -> Setting {
        Setting {
            promise: Promise::Same,
            durability: if self.sync {
                "LMDB's default: pages written and fdatasynced at commit, then the meta page, synced"
            } else {
                "`MDB_NOSYNC`: pages written to the operating system at commit; a power loss may damage the file"
            },
            cache: "none of its own: the memory map, limited by nothing",
            exclusion: "the write transaction, of which there is one at a time",
        }
    }

    fn create(&self, key: String, value: R) -> Result<bool> {
        let mut transaction = self.env.write_txn()?;
        let added = encoded::<C, R, _>(&value, |bytes| {
            added(self.entries.put_with_flags(&mut transaction, PutFlags::NO_OVERWRITE, &key, bytes))
        })?;
        if added {
            transaction.commit()?;
        }
        Ok(added)
    }

    fn read(&self, key: String, see: &mut dyn FnMut(&R)) -> Result<bool> {
        let transaction = self.env.read_txn()?;
        let Some(bytes) = self.entries.get(&transaction, &key)? else { return Ok(false) };
        see(&C::decode(bytes)?);
        Ok(true)
    }

    fn change(&self, key: String, change: &mut dyn FnMut(&mut R)) -> Result<bool> {
        let mut transaction = self.env.write_txn()?;
        let Some(bytes) = self.entries.get(&transaction, &key)? else { return Ok(false) };
        let mut value = C::decode(bytes)?;
        change(&mut value);
        encoded::<C, R, _>(&value, |bytes| Ok(self.entries.put(&mut transaction, &key, bytes)?))?;
        transaction.commit()?;
        Ok(true)
    }

    fn put(&self, key: String, value: R) -> Result<()> {
        let mut transaction = self.env.write_txn()?;
        encoded::<C, R, _>(&value, |bytes| Ok(self.entries.put(&mut transaction, &key, bytes)?))?;
        Ok(transaction.commit()?)
    }

    fn batch(&self, entries: Vec<(String, R)>) -> Result<bool> {
        let mut transaction = self.env.write_txn()?;
        for (key, value) in entries {
            let added = encoded::<C, R, _>(&value, |bytes| {
                added(self.entries.put_with_flags(&mut transaction, PutFlags::NO_OVERWRITE, &key, bytes))
            })?;
            if !added {
                return Ok(false);
            }
        }
        transaction.commit()?;
        Ok(true)
    }

    fn remove(&self, key: String) -> Result<bool> {
        let mut transaction = self.env.write_txn()?;
        let found = self.entries.delete(&mut transaction, &key)?;
        transaction.commit()?;
        Ok(found)
    }

    fn scan(&self, span: Span<'_>, limit: usize, visit: &mut Visit<'_, R>) -> Result<()> {
        let transaction = self.env.read_txn()?;
        let mut each = |entries: &mut dyn Iterator<Item = heed::Result<(&str, &[u8])>>| -> Result<()> {
            for entry in entries.take(limit) {
                let (key, bytes) = entry?;
                visit(key.to_owned(), C::decode(bytes)?);
            }
            Ok(())
        };
        match span {
            Span::All => each(&mut self.entries.iter(&transaction)?),
            Span::From(key) => each(&mut self.entries.range(&transaction, &(Bound::Included(key), Bound::Unbounded))?),
            Span::Prefix(prefix) => each(&mut self.entries.prefix_iter(&transaction, prefix)?),
        }
    }
}
