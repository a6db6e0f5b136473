use std::panic::Location;

use super::*;
use crate::engine::local::Local;
use crate::engine::memory::{Faults, Memory};
use crate::engine::{Token, Wait};

struct Test {
    marks: LowWaterMarks,
    engine: Local<Memory>,
}

fn key(number: u8) -> KeyBuf {
    let mut key = KeyBuf::in_namespace(7);
    key.push(number);
    key
}

fn span(start: u8, end: u8) -> Span {
    Span { start: key(start), end: key(end) }
}

impl Test {
    fn new() -> Self {
        Self { marks: LowWaterMarks::default(), engine: Local::new(Memory::new(Faults::default())) }
    }

    fn search(&self, start: u8, end: u8) -> FrontSearch<'_> {
        self.marks.search(&span(start, end), &self.engine)
    }

    /// A search that finds `first` and meets no write.
    fn find(&self, start: u8, end: u8, first: u8) {
        assert!(self.search(start, end).finish(&key(first)));
    }

    /// Where a search begins to read.
    fn from(&self, start: u8) -> KeyBuf {
        self.search(start, 255).from().clone()
    }

    fn write(&self, number: u8) {
        self.marks.end_write(self.marks.begin_write(&key(number)));
    }

    fn lock(&self, number: u8) -> Token {
        self.engine.lock(key(number), Wait::No, Location::caller()).unwrap()
    }

    fn tracked(&self) -> u64 {
        self.marks.tracked.load(Ordering::Acquire)
    }
}

#[test]
fn a_search_begins_at_the_entry_found_last() {
    let test = Test::new();
    test.find(0, 255, 7);
    assert_eq!(test.from(0), key(7));
}

#[test]
fn a_write_cuts_a_mark_before_it_has_ended() {
    let test = Test::new();
    test.find(0, 255, 7);
    let behind = test.marks.begin_write(&key(9));
    assert_eq!(test.from(0), key(7));
    let before = test.marks.begin_write(&key(5));
    assert_eq!(test.from(0), key(5));
    test.marks.end_write(before);
    test.marks.end_write(behind);
    assert_eq!(test.from(0), key(5));
}

#[test]
fn no_mark_passes_what_is_written_during_the_search() {
    let test = Test::new();
    let mut search = test.search(0, 255);
    test.write(5);
    assert!(search.finish(&key(7)));
    assert_eq!(test.from(0), key(5));
}

#[test]
fn a_write_below_a_range_hides_none_within_it() {
    for order in [[1, 12], [12, 1], [9, 10], [12, 20]] {
        let test = Test::new();
        let mut search = test.search(10, 255);
        for number in order {
            test.write(number);
        }
        assert!(search.finish(&key(20)));
        let first = order.into_iter().filter(|number| *number >= 10).min();
        assert_eq!(Some(test.from(10)), first.map(key), "{order:?}");
    }
}

#[test]
fn no_mark_passes_what_was_being_written_when_the_search_began() {
    let test = Test::new();
    test.find(0, 255, 0);
    // Two keys within the range and one below it.
    let tickets = [8, 5, 1].map(|number| test.marks.begin_write(&key(number)));
    test.find(2, 255, 20);
    assert_eq!(test.from(2), key(5));
    for ticket in tickets {
        test.marks.end_write(ticket);
    }
    test.find(2, 255, 20);
    assert_eq!(test.from(2), key(20));
}

#[test]
fn no_mark_passes_a_write_that_is_not_tracked() {
    let test = Test::new();
    let lock = test.lock(5);
    let ticket = test.marks.begin_write(&key(5));
    assert!(matches!(ticket, WriteTicket::Untracked));
    for _ in 0..3 {
        test.find(0, 255, 7);
        assert_eq!(test.from(0), key(5));
    }
    test.marks.end_write(ticket);
    test.engine.unlock(&lock);
    test.find(0, 255, 7);
    assert_eq!(test.from(0), key(7));
}

#[test]
fn a_write_of_unknown_outcome_holds_the_marks_back() {
    let test = Test::new();
    test.find(0, 255, 7);
    let _unknown = test.marks.begin_write(&key(5));
    test.find(0, 255, 7);
    assert_eq!(test.from(0), key(5));
}

#[test]
fn a_search_whose_mark_was_cut_reads_again_from_there() {
    let test = Test::new();
    test.find(0, 255, 7);
    let mut search = test.search(0, 255);
    assert_eq!(*search.from(), key(7));
    test.write(5);
    test.write(3);
    assert!(!search.finish(&key(9)));
    assert_eq!(*search.from(), key(3));
    assert!(search.finish(&key(3)));
    // A write behind the mark is no reason.
    let mut search = test.search(0, 255);
    test.write(4);
    assert!(search.finish(&key(4)));
}

#[test]
fn a_search_that_is_given_up_leaves_nothing() {
    let test = Test::new();
    drop(test.search(0, 255));
    let state = locked(&test.marks.state);
    assert!(state.searches.is_empty() && state.marks.is_empty());
}

#[test]
fn a_shorter_range_neither_passes_its_end_nor_draws_the_mark_back() {
    let test = Test::new();
    test.find(0, 255, 30);
    let mut shorter = test.search(0, 20);
    assert_eq!(*shorter.from(), key(20));
    assert!(shorter.finish(&key(20)));
    assert_eq!(test.from(0), key(30));
}

#[test]
fn each_range_has_a_mark_of_its_own() {
    let test = Test::new();
    test.find(10, 20, 15);
    test.find(0, 255, 30);
    test.write(12);
    assert_eq!((test.from(10), test.from(0)), (key(12), key(12)));
}

#[test]
fn the_mark_used_least_recently_makes_room() {
    let test = Test::new();
    let number = |number: u16| {
        let mut key = KeyBuf::in_namespace(7);
        key.extend(&number.to_be_bytes());
        key
    };
    let find = |start: u16| {
        let span = Span { start: number(start), end: number(u16::MAX) };
        let mut search = test.marks.search(&span, &test.engine);
        let begins_at_mark = *search.from() != span.start;
        assert!(search.finish(&number(60_000)));
        begins_at_mark
    };
    // The first is of the whole store, and used all the time.
    for start in 0..1_000 {
        assert!(!find(start + 1), "{start}");
        assert_eq!(find(0), start > 0);
    }
    assert_eq!(locked(&test.marks.state).marks.len(), MAX_MARKS);
    assert!(find(1_000) && !find(1));
}

#[test]
fn without_searches_only_writes_before_a_mark_are_tracked() {
    let test = Test::new();
    assert_eq!(test.tracked(), NONE);
    test.find(0, 255, 7);
    assert_eq!(test.tracked(), ALL);
    (0..IDLE_WRITES).for_each(|_| test.write(9));
    assert!(matches!(test.marks.begin_write(&key(9)), WriteTicket::Untracked));
    assert_eq!(test.from(0), key(7));
    // A search tracks all again.
    assert_eq!(test.tracked(), ALL);
    (0..IDLE_WRITES).for_each(|_| test.write(9));
    let before = test.marks.begin_write(&key(5));
    assert!(matches!(before, WriteTicket::Tracked(_)));
    // Cut back, the mark lets more writes go untracked.
    assert!(matches!(test.marks.begin_write(&key(6)), WriteTicket::Untracked));
    test.marks.end_write(before);
    assert_eq!(test.from(0), key(5));
}

#[test]
fn a_mark_at_the_end_of_the_store_is_behind_all_writes() {
    let test = Test::new();
    let whole = Span::namespace(7);
    assert!(test.marks.search(&whole, &test.engine).finish(&whole.end));
    for number in (0..=IDLE_WRITES).rev() {
        let mut key = key(255);
        key.extend(&number.to_be_bytes());
        test.marks.end_write(test.marks.begin_write(&key));
        assert_eq!(*test.marks.search(&whole, &test.engine).from(), key);
    }
    assert!(test.marks.search(&whole, &test.engine).finish(&whole.end));
    test.find(0, 255, 0);
    (0..IDLE_WRITES).for_each(|_| test.marks.end_write(test.marks.begin_write(&KeyBuf::in_namespace(6))));
    assert!(test.tracked() == ALL && test.from(0) == key(0));
    test.write(255);
    assert_eq!(*test.marks.search(&whole, &test.engine).from(), key(255));
}

#[test]
fn an_untracked_write_behind_a_mark_is_not_passed_later() {
    let test = Test::new();
    test.find(0, 255, 7);
    (0..IDLE_WRITES).for_each(|_| test.write(9));
    let lock = test.lock(8);
    let ticket = test.marks.begin_write(&key(8));
    assert!(matches!(ticket, WriteTicket::Untracked));
    test.find(0, 255, 9);
    assert_eq!(test.from(0), key(8));
    test.marks.end_write(ticket);
    test.engine.unlock(&lock);
    test.find(0, 255, 9);
    assert_eq!(test.from(0), key(9));
}

#[test]
fn a_store_with_one_search_and_no_mark_tracks_nothing_in_the_end() {
    let test = Test::new();
    test.find(0, 255, 0);
    (0..IDLE_WRITES).for_each(|_| test.write(0));
    assert_eq!(test.tracked(), NONE);
}

#[test]
fn a_known_gap_ends_where_it_was_cut_while_it_was_watched() {
    let test = Test::new();
    assert!(test.marks.known_gap(&key(0)).is_none());
    test.find(0, 255, 7);
    assert!(test.marks.known_gap(&key(1)).is_none());
    assert_eq!(test.marks.known_gap(&key(0)).unwrap().end(), key(7));
    let watched = test.marks.known_gap(&key(0)).unwrap();
    test.write(3);
    // A mark that moved on says nothing about the time before.
    test.find(0, 255, 7);
    assert_eq!((watched.end(), test.from(0)), (key(3), key(7)));
}

#[test]
fn the_numbers_of_keys_are_in_their_order() {
    let mut keys: Vec<_> =
        [&b""[..], b"\0", b"\0\0", b"a", b"a\0", b"ab", b"12345678", b"123456789", &[255; 9]].to_vec();
    keys.sort_unstable();
    let numbers = keys.iter().map(|bytes| {
        let mut key = KeyBuf::in_namespace(7);
        key.extend(bytes);
        number(&key)
    });
    assert!(numbers.is_sorted());
}
