//! What the benchmarks need from inside: the lock table alone, and what raw RocksDB needs to do the same work. Not part of
//! the public interface.

use std::panic::Location;
use std::time::Duration;

use crate::key::hidden::KeyBuf;
use crate::lock::{LockTable, Token, Wait};
use crate::store::StoreCodec;

/// The lock table of a database, without a database.
#[derive(Debug, Default)]
pub struct Locks(LockTable);

impl Locks {
    /// Takes and releases the lock of a key, which must be free; tells whether it was.
    pub fn lock_and_release(&self, key: &[u8]) -> bool {
        let mut buf = KeyBuf::in_namespace(1);
        buf.extend(key);
        match self.0.lock(buf, Wait::AtMost(Duration::from_secs(30)), Location::caller()) {
            Ok(token) => {
                self.0.unlock(&token);
                true
            }
            Err(_) => false,
        }
    }

    /// Takes the lock of a key, in line behind those who came before; `None` where that takes 30 seconds.
    #[track_caller]
    pub fn lock(&self, key: &[u8]) -> Option<HeldKey<'_>> {
        let mut buf = KeyBuf::in_namespace(1);
        buf.extend(key);
        let token = self.0.lock(buf, Wait::AtMost(Duration::from_secs(30)), Location::caller()).ok()?;
        Some(HeldKey { locks: self, token })
    }

    /// How many keys are held.
    pub fn held(&self) -> usize {
        self.0.held().len()
    }
}

/// A held key, released when dropped.
#[derive(Debug)]
pub struct HeldKey<'a> {
    locks: &'a Locks,
    token: Token,
}

impl Drop for HeldKey<'_> {
    fn drop(&mut self) {
        self.locks.0.unlock(&self.token);
    }
}

/// Appends the record that a store would write; tells whether the value could be encoded.
pub fn encode<K, V, T: StoreCodec<K, V>>(value: &V, buf: &mut Vec<u8>) -> bool {
    crate::record::encode::<K, V, T>(value, buf).is_ok()
}

/// Reads a record as a store would.
pub fn decode<K, V, T: StoreCodec<K, V>>(record: &[u8]) -> Option<V> {
    crate::record::decode::<K, V, T>(&[], record).ok()
}

#[cfg(feature = "rocksdb")]
pub use crate::engine::rocks::{Counters, raw_options};

/// Opens a database in which RocksDB counts what it does.
///
/// # Errors
/// As `Database::open`.
#[cfg(feature = "rocksdb")]
pub fn open_counted(
    builder: &crate::DatabaseBuilder,
    path: &std::path::Path,
) -> crate::Result<(crate::Database, Counters)> {
    let counters = Counters::new();
    Ok((crate::Database::build_on_disk(builder, path, Some(counters.clone()))?, counters))
}

#[cfg(all(test, feature = "rocksdb"))]
mod tests {
    use crate::{Database, Durability};

    #[test]
    fn each_commit_of_one_thread_is_a_sync_of_the_log() {
        let dir = tempfile::tempdir().unwrap();
        let builder = Database::builder().durability(Durability::Sync);
        let (db, counters) = super::open_counted(&builder, dir.path()).unwrap();
        let map = db.map::<u64, u64>("numbers").unwrap();
        let before = counters.log_syncs();
        for number in 0..10 {
            map.put(number, number).unwrap();
        }
        assert_eq!(counters.log_syncs() - before, 10);
        db.close().unwrap();
    }
}
