//! What models see of the table.

use super::{BuildHasher, HashedKey, KeyBuf, LockTable, locked};

impl LockTable {
    /// Calls `see` with the names of the threads in line for a key, first come first, under the shard's mutex.
    pub(crate) fn see_line<R>(&self, key: &KeyBuf, see: impl FnOnce(Vec<&str>) -> R) -> R {
        let key = HashedKey { hash: self.hasher.hash_one(key), key: key.clone() };
        let shard = locked(&self.shard(key.hash).0);
        let line = shard.held.get(&key).map(|slot| &slot.line);
        see(line.into_iter().flatten().map(|waiter| waiter.thread().name().unwrap_or("main")).collect())
    }

    /// Whether nothing is left: no held key, and no thread of which it is noted that it waits.
    pub(crate) fn is_idle(&self) -> bool {
        locked(&self.waiting).is_empty() && self.shards.iter().all(|shard| locked(&shard.0).held.is_empty())
    }
}
