//! What one shard of the read cache keeps, and for how long: the only file that names `quick_cache`.
//!
//! Its policy keeps what is read more than once, and lets long scans of keys pass through.

use std::fmt;
use std::hash::{BuildHasherDefault, Hash, Hasher};

use quick_cache::unsync::Cache;
use quick_cache::{Equivalent, Lifecycle, Weighter};

use super::Known;
use crate::lock::PassThrough;

/// What an entry takes beside the bytes of its key and record: its place in the tables, and the allocator's share.
const OVERHEAD: usize = 160;

/// About the bytes of an entry: so many for one are in the cache, and are remembered when they are not.
pub(super) const USUAL_BYTES: usize = 512;

/// Tables are made for so many entries of a shard at most; those of entries that are kept grow beyond.
pub(super) const MAX_ENTRIES: usize = 1 << 20;

/// Entries of one shard, up to so many bytes.
pub(super) struct Kept(Cache<KeptKey, Option<Known>, Bytes, BuildHasherDefault<PassThrough>, Evicting>);

/// What had to go, to be dropped when no mutex is held.
#[derive(Default)]
pub(super) struct Dropped(Vec<Option<Known>>);

/// A database key with its hash, which is computed once for the choice of the shard, the place and the map.
#[derive(PartialEq, Eq)]
struct KeptKey {
    hash: u64,
    bytes: Box<[u8]>,
}

impl Hash for KeptKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// The same, borrowed.
struct Sought<'a> {
    hash: u64,
    bytes: &'a [u8],
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

impl Equivalent<KeptKey> for Sought<'_> {
    fn equivalent(&self, key: &KeptKey) -> bool {
        self.bytes == &*key.bytes
    }
}

/// Charges an entry its record, and about the memory of its value if that is there, too.
struct Bytes;

impl Weighter<KeptKey, Option<Known>> for Bytes {
    fn weight(&self, key: &KeptKey, known: &Option<Known>) -> u64 {
        let record = known.as_ref().map_or(0, |known| {
            let value = known.value.as_ref().map_or(0, |shared| shared.memory);
            known.record.len().saturating_add(value)
        });
        key.bytes.len().saturating_add(record).saturating_add(OVERHEAD) as u64
    }
}

/// Hands over what is evicted or replaced.
struct Evicting;

impl Lifecycle<KeptKey, Option<Known>> for Evicting {
    type RequestState = Dropped;

    fn on_evict(&self, dropped: &mut Dropped, _key: KeptKey, known: Option<Known>) {
        if known.as_ref().is_some_and(|known| known.value.is_some()) {
            dropped.0.push(known);
        }
    }
}

impl Kept {
    pub(super) fn new(bytes: usize) -> Self {
        let entries = (bytes / USUAL_BYTES).min(MAX_ENTRIES);
        Self(Cache::with(entries, bytes as u64, Bytes, BuildHasherDefault::default(), Evicting))
    }

    /// What its entries are charged.
    #[cfg(test)]
    pub(super) fn bytes(&self) -> u64 {
        self.0.weight()
    }

    pub(super) fn get(&self, hash: u64, key: &[u8]) -> Option<&Known> {
        self.0.get(&Sought { hash, bytes: key })?.as_ref()
    }

    pub(super) fn put(&mut self, hash: u64, key: &[u8], known: Known, dropped: &mut Dropped) {
        self.0.insert_with_lifecycle(KeptKey { hash, bytes: key.into() }, Some(known), dropped);
    }

    /// Forgets what is known of a key, and answers it. That it is in use is not forgotten.
    pub(super) fn forget(&mut self, hash: u64, key: &[u8]) -> Option<Known> {
        self.0.peek_mut(&Sought { hash, bytes: key })?.take()
    }
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("entries", &self.0.len()).field("bytes", &self.0.weight()).finish()
    }
}
