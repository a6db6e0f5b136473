//! Low-water marks: where the first entry of a range that is taken from its front now is.
//!
//! A queue's deleted heads stay in RocksDB as tombstones until they are compacted away, and a scan from the front steps
//! over each of them. A mark says that no entry lies between the start of a range and a later key, so that the next
//! look begins there.
//!
//! A mark must never pass an entry. A finder notes the front before it reads, and a writer notes its key before it writes
//! and until its write has ended. A mark is set no further than the first entry found, the least key that was written
//! since the finder began, and the least that was being written when it began.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::key::Span;
use crate::key::hidden::KeyBuf;

/// Marks kept for one namespace; beyond it an arbitrary one is forgotten.
const MAX_MARKS: usize = 256;

/// The marks of one namespace.
#[derive(Debug, Default)]
pub(crate) struct Fronts {
    /// Whether anybody ever looked for a front: stores that are no queues pay one load for a write.
    used: AtomicBool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// From the start of a range to a key below which, from that start, no entry lies.
    marks: BTreeMap<KeyBuf, KeyBuf>,
    next_id: u64,
    /// Keys that are being written, by writer.
    writing: BTreeMap<u64, KeyBuf>,
    /// Finders that are reading, with the least key written since they began.
    finding: BTreeMap<u64, Option<KeyBuf>>,
}

/// A look for a front under way; noted until it is dropped.
#[derive(Debug)]
pub(crate) struct Finding<'a> {
    fronts: &'a Fronts,
    id: u64,
    start: KeyBuf,
}

/// A write under way.
#[derive(Debug)]
pub(crate) enum Writing {
    /// Nobody had ever looked for a front when it began.
    Unnoted,
    /// It is noted under this number.
    Noted(u64),
}

impl Fronts {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To be called before the engine is read: moves the start of `span` to where its first entry can be.
    pub(crate) fn find(&self, span: &mut Span) -> Finding<'_> {
        self.used.store(true, Ordering::SeqCst);
        let mut state = self.state();
        let id = state.take_id();
        let least_writing = state.writing.values().filter(|key| **key >= span.start).min().cloned();
        state.finding.insert(id, least_writing);
        let start = span.start.clone();
        if let Some(mark) = state.marks.get(&span.start) {
            span.start = mark.clone();
        }
        Finding { fronts: self, id, start }
    }

    /// To be called before a key is written.
    #[inline]
    pub(crate) fn begin_write(&self, key: &KeyBuf) -> Writing {
        if !self.used.load(Ordering::SeqCst) {
            return Writing::Unnoted;
        }
        let mut state = self.state();
        let id = state.take_id();
        state.lower(key);
        state.writing.insert(id, key.clone());
        Writing::Noted(id)
    }

    /// To be called when the key is written, before anybody is told. Not called where the outcome is unknown: the key then
    /// holds the marks back until the database is reopened.
    #[inline]
    pub(crate) fn end_write(&self, writing: Writing, key: &KeyBuf) {
        match writing {
            // The first finder came while the key was being written, and may have set a mark behind it.
            Writing::Unnoted if self.used.load(Ordering::SeqCst) => self.state().lower(key),
            Writing::Unnoted => {}
            Writing::Noted(id) => {
                self.state().writing.remove(&id);
            }
        }
    }
}

impl State {
    fn take_id(&mut self) -> u64 {
        self.next_id += 1;
        self.next_id - 1
    }

    /// Draws back every mark and finder that a new entry under `key` would be behind.
    fn lower(&mut self, key: &KeyBuf) {
        for mark in self.marks.range_mut(..=key).map(|(_, mark)| mark) {
            if *mark > *key {
                *mark = key.clone();
            }
        }
        for least in self.finding.values_mut() {
            if least.as_ref().is_none_or(|least| least > key) {
                *least = Some(key.clone());
            }
        }
    }
}

impl Finding<'_> {
    /// Ends the look: `first` is the first entry found, held by somebody or not; without one, `end` is where it ended.
    pub(crate) fn found(self, first: &KeyBuf) {
        let mut state = self.fronts.state();
        let least = state.finding.remove(&self.id).flatten().filter(|least| *least >= self.start);
        let mut mark = least.map_or_else(|| first.clone(), |least| least.min(first.clone()));
        if state.marks.len() >= MAX_MARKS && !state.marks.contains_key(&self.start) {
            state.marks.pop_first();
        }
        // Both say that nothing lies before them. A shorter range with the same start may have set the other.
        if let Some(other) = state.marks.get(&self.start) {
            mark = mark.max(other.clone());
        }
        state.marks.insert(self.start.clone(), mark);
    }
}

impl Drop for Finding<'_> {
    fn drop(&mut self) {
        self.fronts.state().finding.remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> KeyBuf {
        KeyBuf::from_bytes(&[number])
    }

    /// Where a look from the start of everything begins.
    fn front(fronts: &Fronts) -> KeyBuf {
        let mut span = Span { start: key(0), end: key(255) };
        drop(fronts.find(&mut span));
        span.start
    }

    fn find(fronts: &Fronts) -> Finding<'_> {
        fronts.find(&mut Span { start: key(0), end: key(255) })
    }

    #[test]
    fn a_look_begins_at_the_entry_found_last() {
        let fronts = Fronts::default();
        find(&fronts).found(&key(7));
        assert_eq!(front(&fronts), key(7));
    }

    #[test]
    fn a_write_before_the_mark_draws_it_back_at_once() {
        let fronts = Fronts::default();
        find(&fronts).found(&key(7));
        let _ = fronts.begin_write(&key(9));
        assert_eq!(front(&fronts), key(7));
        let writing = fronts.begin_write(&key(5));
        assert_eq!(front(&fronts), key(5));
        fronts.end_write(writing, &key(5));
        assert_eq!(front(&fronts), key(5));
    }

    #[test]
    fn no_mark_passes_what_is_written_during_the_look() {
        let fronts = Fronts::default();
        let finding = find(&fronts);
        let writing = fronts.begin_write(&key(5));
        fronts.end_write(writing, &key(5));
        finding.found(&key(7));
        assert_eq!(front(&fronts), key(5));
    }

    #[test]
    fn no_mark_passes_what_was_being_written_when_the_look_began() {
        let fronts = Fronts::default();
        drop(find(&fronts));
        let writing = fronts.begin_write(&key(5));
        find(&fronts).found(&key(7));
        assert_eq!(front(&fronts), key(5));
        fronts.end_write(writing, &key(5));
        find(&fronts).found(&key(7));
        assert_eq!(front(&fronts), key(7));
    }

    #[test]
    fn no_mark_passes_what_was_written_unnoted() {
        let fronts = Fronts::default();
        let writing = fronts.begin_write(&key(5));
        assert!(matches!(writing, Writing::Unnoted));
        find(&fronts).found(&key(7));
        fronts.end_write(writing, &key(5));
        assert_eq!(front(&fronts), key(5));
    }

    #[test]
    fn a_shorter_range_does_not_draw_the_mark_back() {
        let fronts = Fronts::default();
        find(&fronts).found(&key(30));
        fronts.find(&mut Span { start: key(0), end: key(20) }).found(&key(20));
        assert_eq!(front(&fronts), key(30));
    }

    #[test]
    fn marks_of_other_ranges_are_their_own() {
        let fronts = Fronts::default();
        fronts.find(&mut Span { start: key(10), end: key(20) }).found(&key(15));
        find(&fronts).found(&key(30));
        let _ = fronts.begin_write(&key(12));
        let mut span = Span { start: key(10), end: key(20) };
        drop(fronts.find(&mut span));
        assert_eq!((span.start, front(&fronts)), (key(12), key(12)));
    }
}
