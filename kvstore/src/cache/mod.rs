//! The read cache: records of entries, and values decoded from them, that reads need not fetch from the engine.
//!
//! It never answers with anything but the last commit. Every write of an entry is announced before the engine is told of
//! it: what was kept of the entry is forgotten then, and until the engine has answered nothing is kept in its place. A
//! reader that finds nothing notes the version of the place before it asks the engine, and keeps what it read only where
//! no write was announced since. To forget after the write would be wrong: one thread could see the new value in a scan,
//! and the old one here. Where the outcome of a write is not known, its announcement stays.
//!
//! Only entries are kept, all writes of which go through [`apply`](crate::namespace::apply): neither the catalog nor elements. Snapshots
//! and scans go past it. An engine whose entries other processes write, too, would have to go without.

mod kept;
mod reads;

use std::any::Any;
use std::hash::BuildHasher;

use self::kept::{Dropped, Kept, MAX_ENTRIES, USUAL_BYTES};
use crate::key::hidden::KeyBuf;
use crate::sync::{Arc, Mutex, RandomState, locked, shards};

/// A decoded value, of the type of the entry's store.
#[derive(Clone)]
pub(crate) struct SharedValue {
    pub(crate) value: Arc<dyn Any + Send + Sync>,
    /// About how much memory it takes.
    pub(crate) memory: usize,
}

/// What is known of one entry.
#[derive(Clone)]
pub(crate) struct Known {
    pub(crate) record: Arc<[u8]>,
    /// What the record decodes to, once somebody wanted to share it.
    pub(crate) value: Option<SharedValue>,
}

/// Places in a shard that have a version and count writes of their own. Keys share them by their hash: a write then keeps
/// readers of another key from keeping what they read, now and then.
const PLACES: usize = 16;

/// The entries of one opened database that are read often.
#[derive(Debug)]
pub(crate) struct ReadCache {
    hasher: RandomState,
    /// None where the cache is switched off.
    shards: Box<[Shard]>,
    /// The bytes of a shard.
    each: usize,
}

/// Padded to two cache lines, since processors fetch them in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard(Mutex<State>);

#[derive(Debug)]
struct State {
    kept: Kept,
    places: [Place; PLACES],
    /// Parts of the hashes of keys that were sought and not found, each at an index that another part of the hash chooses. Of a
    /// byte, so that the table stays in the processor's cache; that it takes one key in 128 for another does no harm. 0 is none.
    sought: Box<[u8]>,
    closed: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Place {
    /// Counts the writes that were announced.
    version: u64,
    /// Writes that were announced, and have not ended.
    writing: usize,
}

/// Where a reader may keep what it is about to read.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vacancy {
    hash: u64,
    version: u64,
}

/// A write that was announced.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Announced {
    hash: u64,
    /// Whether the entry was kept: then what is written is kept in its turn.
    was_kept: bool,
}

impl ReadCache {
    /// A cache of so many bytes: 0 switches it off.
    pub(crate) fn new(bytes: usize) -> Self {
        let shards = if bytes == 0 { 0 } else { shards() };
        let each = bytes.checked_div(shards).unwrap_or_default();
        let shard = || State {
            kept: Kept::new(each),
            places: [Place::default(); PLACES],
            sought: vec![0; (each / USUAL_BYTES).clamp(1, MAX_ENTRIES)].into(),
            closed: false,
        };
        Self { hasher: RandomState::new(), shards: (0..shards).map(|_| Shard(Mutex::new(shard()))).collect(), each }
    }

    /// Looks an entry up: `take` makes something of what is known of it, under a mutex. Also tells where the caller may
    /// keep what it is going to read or decode, if it is worth it: an entry that was not sought lately is likely not to be
    /// sought again soon, and to keep it costs more than to look for it.
    pub(crate) fn look<R>(&self, key: &KeyBuf, take: impl FnOnce(&Known) -> R) -> (Option<R>, Option<Vacancy>) {
        if self.shards.is_empty() {
            return (None, None);
        }
        let hash = self.hasher.hash_one(key);
        let Some(shard) = self.shard(hash) else { return (None, None) };
        let mut state = locked(&shard.0);
        let place = state.places[place(hash)];
        let vacancy = (place.writing == 0 && !state.closed).then_some(Vacancy { hash, version: place.version });
        if let Some(known) = state.kept.get(hash, key.as_slice()) {
            return (Some(take(known)), vacancy);
        }
        let sought_again = state.seek(hash);
        (None, vacancy.filter(|_| sought_again))
    }

    /// Whether something of this size can be kept at all.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        bytes < self.each
    }

    /// Whether an entry is kept.
    pub(crate) fn keeps(&self, key: &KeyBuf) -> bool {
        if self.shards.is_empty() {
            return false;
        }
        let hash = self.hasher.hash_one(key);
        self.shard(hash).is_some_and(|shard| locked(&shard.0).kept.get(hash, key.as_slice()).is_some())
    }

    /// Keeps what was read, unless a write was announced since the vacancy was found.
    pub(crate) fn keep(&self, vacancy: Vacancy, key: &KeyBuf, known: Known) {
        let Some(shard) = self.shard(vacancy.hash) else { return };
        // Declared first and so dropped last: code of the program may run when a value is dropped.
        let mut dropped = Dropped::default();
        let mut state = locked(&shard.0);
        let place = state.places[place(vacancy.hash)];
        if place.version == vacancy.version && place.writing == 0 && !state.closed {
            state.kept.put(vacancy.hash, key.as_slice(), known, &mut dropped);
        }
    }

    /// Announces a write of an entry, before the engine is told of it.
    pub(crate) fn announce(&self, key: &KeyBuf) -> Option<Announced> {
        if self.shards.is_empty() {
            return None;
        }
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash)?;
        let forgotten;
        let mut state = locked(&shard.0);
        let place = &mut state.places[place(hash)];
        place.version += 1;
        place.writing += 1;
        forgotten = state.kept.forget(hash, key.as_slice());
        Some(Announced { hash, was_kept: forgotten.is_some() })
    }

    /// The engine has answered. `written` is the record that it has now, if it has one; of an entry that was kept before it
    /// is kept, too.
    pub(crate) fn end(&self, announced: Announced, key: &KeyBuf, written: Option<&[u8]>) {
        let Some(shard) = self.shard(announced.hash) else { return };
        let known = written.filter(|record| announced.was_kept && self.fits(record.len()));
        let known = known.map(|record| Known { record: Arc::from(record), value: None });
        let mut dropped = Dropped::default();
        let mut state = locked(&shard.0);
        state.places[place(announced.hash)].writing -= 1;
        match known {
            // Nobody else writes this entry while the caller has its lock.
            Some(known) if !state.closed => state.kept.put(announced.hash, key.as_slice(), known, &mut dropped),
            _ => {}
        }
    }

    /// Forgets all, and keeps nothing any more.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            let _forgotten;
            let mut state = locked(&shard.0);
            state.closed = true;
            _forgotten = std::mem::replace(&mut state.kept, Kept::new(0));
        }
    }

    fn shard(&self, hash: u64) -> Option<&Shard> {
        // The map uses the top and the bottom bits of the hash: take others.
        let index = usize::try_from(hash >> 32).unwrap_or_default().checked_rem(self.shards.len())?;
        self.shards.get(index)
    }
}

impl State {
    /// Remembers that a key was sought, and tells whether it still remembered that from an earlier time.
    fn seek(&mut self, hash: u64) -> bool {
        let index = usize::try_from(hash >> 40).unwrap_or_default() % self.sought.len().max(1);
        #[expect(clippy::cast_possible_truncation, reason = "a part of the hash")]
        let part = hash as u8 | 1;
        self.sought.get_mut(index).is_some_and(|before| std::mem::replace(before, part) == part)
    }
}

/// The index of a place in its shard.
fn place(hash: u64) -> usize {
    usize::try_from(hash >> 40).unwrap_or_default() % PLACES
}

#[cfg(test)]
mod tests;
