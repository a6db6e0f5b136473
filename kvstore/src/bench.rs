//! What the benchmarks need from inside: the lock table alone, and what raw RocksDB needs to do the same work. Not part of
//! the public interface.

use std::panic::Location;
use std::time::Duration;

use crate::key::hidden::KeyBuf;
use crate::lock::{LockTable, Wait};
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

    /// How many keys are held.
    pub fn held(&self) -> usize {
        self.0.held().len()
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
pub use crate::engine::rocks::raw_options;
