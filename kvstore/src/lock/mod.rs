//! The lock table: who holds which database key, and who waits for it.
//!
//! A sharded map from key to holder and queue. A key is in the map exactly while it is held. Waiters stand in line: a
//! release hands the key to the first of them under the shard's mutex, so nobody can slip in between, and nobody waits
//! for a key that is free. A waiter that gives up takes itself out of the line, unless it was handed the key meanwhile.

#[cfg(any(feature = "loom", feature = "shuttle"))]
mod model;
mod waiter;
mod watch;

use std::collections::{HashMap, VecDeque, hash_map};
use std::hash::{BuildHasher, BuildHasherDefault, Hash, Hasher};
use std::panic::Location;
use std::time::Duration;

use self::waiter::{Waiter, Woken};
use self::watch::Released;
pub(crate) use self::watch::Watch;
use crate::key::hidden::KeyBuf;
use crate::process::Process;
use crate::sync::{
    Arc, Instant, Mutex, RandomState, Thread, ThreadId, current_thread, locked, locked_unless_forked, shards,
};

/// The locks of one opened database.
#[derive(Debug)]
pub(crate) struct LockTable {
    hasher: RandomState,
    shards: Box<[Shard]>,
    /// For which key each waiting thread waits; touched on the slow path only.
    waiting: Mutex<HashMap<ThreadId, KeyBuf>>,
    /// The process whose threads these are.
    process: Process,
}

/// Padded to two cache lines, since processors fetch them in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<ShardState>);

#[derive(Debug, Default)]
struct ShardState {
    held: HashMap<HashedKey, Slot, BuildHasherDefault<PassThrough>>,
    /// The fence of the next lock taken in this shard; a key is always in the same shard, so its fences increase.
    next_fence: u64,
    /// Told of keys that become free.
    watches: Vec<Arc<Released>>,
    closed: bool,
}

/// One held key.
#[derive(Debug)]
struct Slot {
    fence: u64,
    thread: Thread,
    taken_at: &'static Location<'static>,
    since: Instant,
    /// First come, first served.
    line: VecDeque<Arc<Waiter>>,
}

/// A key with its hash, which is computed once for the choice of the shard and the map.
#[derive(Debug, Clone, PartialEq, Eq)]
struct HashedKey {
    hash: u64,
    key: KeyBuf,
}

impl Hash for HashedKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.hash);
    }
}

/// Takes a hash as it is.
#[derive(Debug, Default)]
pub(crate) struct PassThrough(u64);

impl Hasher for PassThrough {
    fn finish(&self) -> u64 {
        self.0
    }
    fn write(&mut self, _bytes: &[u8]) {}
    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// Proof that a key is held; not cloneable, and given up to release it.
#[derive(Debug)]
pub(crate) struct Token {
    key: HashedKey,
    fence: u64,
}

impl Token {
    /// The database key.
    pub(crate) fn key(&self) -> &KeyBuf {
        &self.key.key
    }

    /// A token as if left over from an earlier holder.
    #[cfg(test)]
    pub(crate) fn stale(&self) -> Self {
        Self { key: self.key.clone(), fence: self.fence.wrapping_sub(1) }
    }
}

/// How long to wait for a lock.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Wait {
    /// Not at all.
    No,
    /// So long, from the moment of the call.
    AtMost(Duration),
    /// So long from an earlier moment, which several locks share.
    Since(Instant, Duration),
}

impl Wait {
    /// So long from now, for several locks.
    pub(crate) fn shared(duration: Duration) -> Self {
        Self::Since(Instant::now(), duration)
    }
}

/// Why a lock was not taken.
#[derive(Debug)]
pub(crate) enum LockRefused {
    /// It is held, and there was no time to wait.
    Held(Box<Holding>),
    /// It was still held when the time was over.
    TimedOut(Duration, Box<Holding>),
    /// The table is closed.
    Closed,
}

/// A held lock as others see it.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) key: KeyBuf,
    pub(crate) taken_at: &'static Location<'static>,
    pub(crate) thread: String,
    pub(crate) held_for: Duration,
    pub(crate) is_caller: bool,
    pub(crate) waits_for: Option<KeyBuf>,
    pub(crate) waiters: usize,
}

impl Default for LockTable {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: (0..shards()).map(|_| Shard::default()).collect(),
            waiting: Mutex::default(),
            process: Process::current(),
        }
    }
}

impl LockTable {
    /// Takes the lock of a key for the calling thread.
    ///
    /// # Locking
    /// Blocks as long as `wait` says.
    pub(crate) fn lock(
        &self,
        key: KeyBuf,
        wait: Wait,
        taken_at: &'static Location<'static>,
    ) -> Result<Token, LockRefused> {
        self.lock_at(key, wait, taken_at, Instant::now())
    }

    /// As [`lock`](Self::lock), for a caller that has just looked at the clock.
    pub(crate) fn lock_at(
        &self,
        key: KeyBuf,
        wait: Wait,
        taken_at: &'static Location<'static>,
        now: Instant,
    ) -> Result<Token, LockRefused> {
        let key = HashedKey { hash: self.hasher.hash_one(&key), key };
        let mut shard = locked(&self.shard(key.hash).0);
        if shard.closed {
            return Err(LockRefused::Closed);
        }
        let fence = shard.next_fence;
        let slot = match shard.held.entry(key) {
            hash_map::Entry::Vacant(vacant) => {
                let key = vacant.key().clone();
                vacant.insert(Slot { fence, thread: current_thread(), taken_at, since: now, line: VecDeque::new() });
                shard.next_fence += 1;
                return Ok(Token { key, fence });
            }
            hash_map::Entry::Occupied(held) => held,
        };
        let key = slot.key().clone();
        let slot = slot.into_mut();
        let (began, duration) = match wait {
            Wait::No => return Err(LockRefused::Held(self.describe(&key.key, slot))),
            Wait::AtMost(duration) => (now, duration),
            Wait::Since(began, duration) => (began, duration),
        };
        let waiter = Arc::new(Waiter::new(current_thread(), taken_at));
        // Before anybody can see it in the line, so that whoever sees it there can tell what it waits for.
        locked(&self.waiting).insert(waiter.thread().id(), key.key.clone());
        slot.line.push_back(Arc::clone(&waiter));
        drop(shard);
        // A moment beyond the clock's reach is never.
        self.stand_in_line(key, &waiter, began.checked_add(duration), began)
    }

    /// Takes the lock of a key if it is free. A held one costs little, for searches that meet many. `now` is the present
    /// moment.
    pub(crate) fn lock_if_free(
        &self,
        key: KeyBuf,
        taken_at: &'static Location<'static>,
        now: Instant,
    ) -> Result<Option<Token>, LockRefused> {
        let key = HashedKey { hash: self.hasher.hash_one(&key), key };
        let mut shard = locked(&self.shard(key.hash).0);
        if shard.closed {
            return Err(LockRefused::Closed);
        }
        let fence = shard.next_fence;
        let hash_map::Entry::Vacant(vacant) = shard.held.entry(key) else { return Ok(None) };
        let key = vacant.key().clone();
        vacant.insert(Slot { fence, thread: current_thread(), taken_at, since: now, line: VecDeque::new() });
        shard.next_fence += 1;
        Ok(Some(Token { key, fence }))
    }

    fn stand_in_line(
        &self,
        key: HashedKey,
        waiter: &Arc<Waiter>,
        deadline: Option<Instant>,
        began: Instant,
    ) -> Result<Token, LockRefused> {
        let thread = waiter.thread().id();
        let mut woken = waiter.wait(deadline);
        let mut holding = None;
        if woken == Woken::TimedOut {
            // Only under the shard's mutex can it be told that nobody hands over the key from now on.
            let mut shard = locked(&self.shard(key.hash).0);
            woken = waiter.state();
            if woken == Woken::TimedOut
                && let Some(slot) = shard.held.get_mut(&key)
            {
                slot.line.retain(|other| !Arc::ptr_eq(other, waiter));
                holding = Some(self.describe(&key.key, slot));
            }
        }
        locked(&self.waiting).remove(&thread);
        match (woken, holding) {
            (Woken::Granted(fence), _) => Ok(Token { key, fence }),
            (Woken::TimedOut, Some(holding)) => Err(LockRefused::TimedOut(began.elapsed(), holding)),
            // A waiter in line of a key that is gone was granted it or woken by the close.
            (Woken::Closed | Woken::TimedOut, _) => Err(LockRefused::Closed),
        }
    }

    /// Gives a lock back: the first in line has it from now on.
    pub(crate) fn unlock(&self, token: &Token) {
        // A forked child may drop a guard while the copy of the shard is locked for ever.
        let Some(mut shard) = locked_unless_forked(&self.shard(token.key.hash).0, self.process) else { return };
        let fence = shard.next_fence;
        let Some(slot) = shard.held.get_mut(&token.key).filter(|slot| slot.fence == token.fence) else { return };
        let Some(next) = slot.line.pop_front() else {
            shard.held.remove(&token.key);
            for watch in &shard.watches {
                watch.note(token.key());
            }
            return;
        };
        slot.fence = fence;
        slot.thread = next.thread().clone();
        slot.taken_at = next.taken_at();
        slot.since = Instant::now();
        shard.next_fence += 1;
        next.wake(Woken::Granted(fence));
    }

    /// Whether the token's holder still is the holder.
    pub(crate) fn holds(&self, token: &Token) -> bool {
        let shard = locked(&self.shard(token.key.hash).0);
        shard.held.get(&token.key).is_some_and(|slot| slot.fence == token.fence)
    }

    /// Whether a key is held.
    pub(crate) fn is_held(&self, key: &KeyBuf) -> bool {
        let key = HashedKey { hash: self.hasher.hash_one(key), key: key.clone() };
        locked(&self.shard(key.hash).0).held.contains_key(&key)
    }

    /// Refuses new locks and wakes all who wait. Who holds a lock may still give it back.
    pub(crate) fn close(&self) {
        for shard in &self.shards {
            let mut shard = locked(&shard.0);
            shard.closed = true;
            for slot in shard.held.values_mut() {
                for waiter in slot.line.drain(..) {
                    waiter.wake(Woken::Closed);
                }
            }
        }
    }

    /// All held locks, in order of their keys.
    pub(crate) fn held(&self) -> Vec<Holding> {
        let mut held = Vec::new();
        for shard in &self.shards {
            let shard = locked(&shard.0);
            held.extend(shard.held.iter().map(|(key, slot)| *self.describe(&key.key, slot)));
        }
        held.sort_by(|a, b| a.key.cmp(&b.key));
        held
    }

    fn shard(&self, hash: u64) -> &Shard {
        // The map uses the top and the bottom bits of the hash: take others.
        let index = usize::try_from(hash >> 32).unwrap_or_default() % self.shards.len();
        &self.shards[index]
    }

    /// Called under the shard's mutex. The mutex of `waiting` is never held while a shard's is taken.
    fn describe(&self, key: &KeyBuf, slot: &Slot) -> Box<Holding> {
        let thread = slot.thread.id();
        Box::new(Holding {
            key: key.clone(),
            taken_at: slot.taken_at,
            thread: slot.thread.name().map_or_else(|| format!("{thread:?}"), str::to_owned),
            held_for: slot.since.elapsed(),
            is_caller: thread == current_thread().id(),
            waits_for: locked(&self.waiting).get(&thread).cloned(),
            waiters: slot.line.len(),
        })
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
