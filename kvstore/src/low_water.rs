//! Low-water marks: how far the front of a range is known to be empty.
//!
//! The deleted heads of a queue stay in RocksDB as tombstones until they are compacted, and a scan from the front steps over
//! each of them. A mark lets the next search begin where the last one found the first entry.
//!
//! # Invariant
//!
//! A [`Gap`] is a stretch of keys in which no entry is committed. Every mark is one. It stays true by two rules:
//!
//! - **A write cuts every gap that its key lies in**, before the engine is called. A gap that is cut ends at the key.
//! - **A search has a gap of its own**, which becomes a mark when the search ends. It begins as the whole range, is cut at
//!   every key that is being written at that moment, by every write that begins later, and at last at the first entry
//!   found. An entry that the search does not see was written by one of these, so the mark ends at it or before.
//!
//! A search that begins at a mark checks at its end that the mark was not cut meanwhile. Otherwise it reads again from the
//! cut: what it returns was the first entry at one moment.
//!
//! # Which writes are tracked
//!
//! A store that is no queue pays one atomic load for a write. Its writes are not tracked, and neither are those behind all
//! marks once there was no search for some time. The search that begins to track all writes takes every key that is locked
//! for one that is being written, until it is unlocked: a write that is not tracked holds the lock of its entry, for longer
//! than the write itself. The lock table orders the two. If a key is locked after the search looked at it, its write sees
//! that it has to be tracked; if it is unlocked before, the search sees the entry.

use std::collections::{BTreeMap, BTreeSet};

use crate::engine::Engine;
use crate::key::Span;
use crate::key::hidden::KeyBuf;
use crate::sync::{AtomicU64, Mutex, Ordering, locked};

/// The marks that are kept for one namespace. The one that was used least recently makes room for another.
const MAX_MARKS: usize = 256;

/// Tracked writes without a search after which only writes before the end of a mark are tracked.
const IDLE_WRITES: usize = if cfg!(any(feature = "loom", feature = "shuttle")) { 2 } else { 256 };

/// No write is tracked, or all of them: values of [`LowWaterMarks::tracked`].
const NONE: u64 = 0;
const ALL: u64 = u64::MAX;

/// The marks of one namespace.
#[derive(Debug, Default)]
pub(crate) struct LowWaterMarks {
    /// Writes are tracked if the number of their key, see [`number`], is at most this.
    tracked: AtomicU64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// By the start of a range.
    marks: BTreeMap<KeyBuf, Mark>,
    /// Those under way, with their numbers: few, and lists that keep their memory.
    searches: Vec<(u64, Gap)>,
    /// The keys of tracked writes, with their numbers.
    writing: Vec<(u64, KeyBuf)>,
    /// Keys that were locked when all writes began to be tracked. Their writes may be untracked until they are unlocked.
    locked: BTreeSet<KeyBuf>,
    /// Counts searches and writes.
    next_id: u64,
    tracks_all: bool,
    writes_since_search: usize,
}

/// A stretch of keys without an entry.
#[derive(Debug)]
struct Gap {
    start: KeyBuf,
    end: KeyBuf,
}

#[derive(Debug)]
struct Mark {
    /// The end of the gap that begins where the range does.
    end: KeyBuf,
    /// The number of the search that used it last.
    used: u64,
}

/// A search for the first entry of a range.
#[derive(Debug)]
pub(crate) struct FrontSearch<'a> {
    marks: &'a LowWaterMarks,
    id: u64,
    from: KeyBuf,
    has_ended: bool,
}

/// A write that has begun.
#[derive(Debug)]
#[must_use = "a tracked write is taken for unfinished until it is ended"]
pub(crate) enum WriteTicket {
    Untracked,
    Tracked(u64),
}

impl LowWaterMarks {
    /// Begins a search for the first entry of a range that is not empty. To be called before the engine is read.
    pub(crate) fn search(&self, span: &Span, engine: &dyn Engine) -> FrontSearch<'_> {
        let mut state = locked(&self.state);
        state.writes_since_search = 0;
        if !state.tracks_all {
            state.tracks_all = true;
            // Before the lock table is asked: a key that is locked after that is one whose write sees this.
            self.tracked.store(ALL, Ordering::Release);
            let keys = engine.held().into_iter().map(|holding| holding.key);
            state.locked = keys.filter(|key| namespace(key) == namespace(&span.start)).collect();
        }
        let mut gap = Gap { start: span.start.clone(), end: span.end.clone() };
        state.writing.iter().for_each(|(_, key)| gap.cut(key));
        if let Some(key) = state.first_locked(&gap, engine) {
            gap.cut(&key);
        }
        let id = state.take_id();
        let from = state.marks.get_mut(&span.start).map_or(&span.start, |mark| {
            mark.used = id;
            (&mark.end).min(&span.end)
        });
        let from = from.clone();
        state.searches.push((id, gap));
        FrontSearch { marks: self, id, from, has_ended: false }
    }

    /// Begins to watch the gap that is known at the start of a range, if one is.
    pub(crate) fn known_gap(&self, start: &KeyBuf) -> Option<FrontSearch<'_>> {
        if self.tracked.load(Ordering::Acquire) == NONE {
            return None;
        }
        let mut state = locked(&self.state);
        let id = state.take_id();
        let mark = state.marks.get_mut(start)?;
        mark.used = id;
        let end = mark.end.clone();
        state.searches.push((id, Gap { start: start.clone(), end: end.clone() }));
        Some(FrontSearch { marks: self, id, from: end, has_ended: false })
    }

    /// Begins a write. To be called under the lock of its entry and before the engine is.
    #[inline]
    pub(crate) fn begin_write(&self, key: &KeyBuf) -> WriteTicket {
        let tracked = self.tracked.load(Ordering::Acquire);
        if tracked == NONE || number(key) > tracked { WriteTicket::Untracked } else { self.track(key) }
    }

    #[cold]
    fn track(&self, key: &KeyBuf) -> WriteTicket {
        let mut state = locked(&self.state);
        let id = state.take_id();
        state.cut(key);
        state.writing.push((id, key.clone()));
        state.writes_since_search += 1;
        if state.writes_since_search >= IDLE_WRITES && state.searches.is_empty() {
            state.tracks_all = false;
        }
        if !state.tracks_all {
            // The end of the last range is no key of the namespace.
            let in_namespace = |end: &KeyBuf| namespace(end) == namespace(key);
            let number = |end: &KeyBuf| if in_namespace(end) { number(end).max(NONE + 1) } else { ALL };
            let ends = state.marks.values().map(|mark| number(&mark.end));
            self.tracked.store(ends.max().unwrap_or(NONE), Ordering::Release);
        }
        WriteTicket::Tracked(id)
    }

    /// Ends a write: the engine has returned. Not called if the outcome is unknown: no gap then passes the key until the
    /// database is reopened.
    #[inline]
    pub(crate) fn end_write(&self, ticket: WriteTicket) {
        if let WriteTicket::Tracked(id) = ticket {
            locked(&self.state).writing.retain(|(other, _)| *other != id);
        }
    }
}

impl State {
    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id
    }

    fn cut(&mut self, key: &KeyBuf) {
        for mark in self.marks.range_mut(..=key).map(|(_, mark)| mark) {
            if mark.end > *key {
                mark.end = key.clone();
            }
        }
        self.searches.iter_mut().for_each(|(_, gap)| gap.cut(key));
    }

    fn end_search(&mut self, id: u64) -> Option<Gap> {
        let place = self.searches.iter().position(|(other, _)| *other == id)?;
        Some(self.searches.swap_remove(place).1)
    }

    /// The first of the locked keys in a gap, without those that were unlocked since.
    fn first_locked(&mut self, gap: &Gap, engine: &dyn Engine) -> Option<KeyBuf> {
        loop {
            let key = self.locked.range(&gap.start..&gap.end).next()?.clone();
            if engine.is_held(&key) {
                return Some(key);
            }
            self.locked.remove(&key);
        }
    }

    fn set_mark(&mut self, gap: Gap, used: u64) {
        if let Some(mark) = self.marks.get_mut(&gap.start) {
            // Both are gaps. The longer one may be of a longer range.
            if gap.end > mark.end {
                mark.end = gap.end;
            }
        } else if gap.start < gap.end {
            if self.marks.len() >= MAX_MARKS {
                let oldest = self.marks.iter().min_by_key(|(_, mark)| mark.used).map(|(start, _)| start.clone());
                oldest.and_then(|start| self.marks.remove(&start));
            }
            self.marks.insert(gap.start, Mark { end: gap.end, used });
        }
    }
}

impl Gap {
    fn cut(&mut self, key: &KeyBuf) {
        if self.start <= *key && *key < self.end {
            self.end = key.clone();
        }
    }
}

impl FrontSearch<'_> {
    /// Where the first entry of the range can be: to be read from.
    pub(crate) fn from(&self) -> &KeyBuf {
        &self.from
    }

    /// Ends the search. `first` is the first key found from [`from`](Self::from) on, or the end of the range if there is
    /// none. Returns `false` if an entry may have been written before `from` meanwhile: then read again, from the new one.
    pub(crate) fn finish(&mut self, first: &KeyBuf) -> bool {
        let mut state = locked(&self.marks.state);
        let Some(mut gap) = state.end_search(self.id) else { return true };
        if gap.end < self.from {
            self.from = gap.end.clone();
            state.searches.push((self.id, gap));
            return false;
        }
        gap.cut(first);
        state.set_mark(gap, self.id);
        self.has_ended = true;
        true
    }

    /// The end of a known gap: no entry in it was committed at any moment since the gap began to be watched.
    pub(crate) fn end(mut self) -> KeyBuf {
        self.has_ended = true;
        let gap = locked(&self.marks.state).end_search(self.id);
        gap.map_or_else(KeyBuf::new, |gap| gap.end)
    }
}

impl Drop for FrontSearch<'_> {
    fn drop(&mut self) {
        if !self.has_ended {
            locked(&self.marks.state).end_search(self.id);
        }
    }
}

fn namespace(key: &KeyBuf) -> Option<&[u8]> {
    key.as_slice().get(..4)
}

/// The beginning of a key as a number: of two keys the smaller one never has the greater number.
fn number(key: &KeyBuf) -> u64 {
    let mut bytes = [0; 8];
    for (byte, from) in bytes.iter_mut().zip(key.key()) {
        *byte = *from;
    }
    u64::from_be_bytes(bytes)
}

#[cfg(test)]
mod tests;
