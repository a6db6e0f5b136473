//! One suite over every engine: what the layers above the seam rely on.

use std::collections::BTreeMap;
use std::panic::Location;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;

use super::local::{Local, Storage};
use super::memory::{Faults, Memory};
use super::{
    Commit, CommitFailure, Engine, Expect, LockFailure, LockRefused, Op, Page, Reader, Tables, Token, Visit, Wait,
};
use crate::error::{Error, Outcome, Result};
use crate::key::Span;
use crate::key::hidden::KeyBuf;

/// An engine under test, and how to let its next write or sync fail.
struct Subject {
    engine: Arc<dyn Engine>,
    fault: Arc<Mutex<Option<Outcome>>>,
    _directory: tempfile::TempDir,
}

/// A storage whose next write or sync can be told to fail.
#[derive(Debug)]
struct Failing<S> {
    storage: S,
    fault: Arc<Mutex<Option<Outcome>>>,
}

impl<S: Storage> Reader for Failing<S> {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        self.storage.read(key, visit)
    }
    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        self.storage.page(span, page)
    }
}

impl<S: Storage> Storage for Failing<S> {
    fn check_open(&self) -> Result<()> {
        self.storage.check_open()
    }

    fn snapshot(&self) -> Result<Arc<dyn Reader>> {
        self.storage.snapshot()
    }
    fn write(&self, ops: &[Op<'_>], sync: bool) -> Result<(), (Error, Outcome)> {
        match self.fault.lock().unwrap().take() {
            Some(outcome) => Err((Error::Engine { action: "write", source: "no space left".into() }, outcome)),
            None => self.storage.write(ops, sync),
        }
    }
    fn sync(&self) -> Result<()> {
        match self.fault.lock().unwrap().take() {
            Some(_) => Err(Error::Engine { action: "sync the log", source: "no space left".into() }),
            None => self.storage.sync(),
        }
    }
    fn checkpoint(&self, to: &Path, tables: Tables) -> Result<()> {
        self.storage.checkpoint(to, tables)
    }
    fn estimated_keys(&self, span: &Span) -> Result<u64> {
        self.storage.estimated_keys(span)
    }
    fn reclaim(&self, span: &Span) -> Result<()> {
        self.storage.reclaim(span)
    }
    fn compact(&self) -> Result<()> {
        self.storage.compact()
    }
    fn refuse(&self) -> Result<()> {
        self.storage.refuse()
    }
    fn finish(&self) -> Result<()> {
        self.storage.finish()
    }
}

fn subject(storage: impl Storage, directory: tempfile::TempDir) -> Subject {
    let fault = Arc::<Mutex<Option<Outcome>>>::default();
    let engine = Arc::new(Local::new(Failing { storage, fault: Arc::clone(&fault) }));
    Subject { engine, fault, _directory: directory }
}

fn memory() -> Subject {
    subject(Memory::new(Faults::default()), tempfile::tempdir().unwrap())
}

#[cfg(feature = "rocksdb")]
fn rocks() -> Subject {
    use super::rocks::{OpenOptions, open};

    let directory = tempfile::tempdir().unwrap();
    let options = OpenOptions {
        sync: false,
        cache_bytes: 8 << 20,
        write_buffer_bytes: 64 << 20,
        prefix_recovery: false,
        create_if_missing: true,
        counters: None,
    };
    subject(open(directory.path(), &options).unwrap().0, directory)
}

/// Makes of each function a test for each engine.
macro_rules! suite {
    ($($test:ident)*) => {
        mod on_memory {
            $(#[test] fn $test() { super::$test(&super::memory()); })*
        }
        #[cfg(feature = "rocksdb")]
        mod on_rocks {
            $(#[test] fn $test() { super::$test(&super::rocks()); })*
        }
    };
}

suite! {
    a_value_is_read_as_it_was_put
    keys_and_values_may_hold_any_bytes
    pages_hold_a_span_in_order_in_both_directions
    a_page_ends_where_it_is_full
    a_span_that_ends_before_its_start_is_empty
    a_snapshot_stays_as_it_was
    a_snapshot_never_sees_half_a_commit
    a_commit_is_applied_in_order
    a_commit_of_nothing_succeeds
    deleted_spans_are_gone_and_their_neighbours_are_not
    preconditions_must_hold_all_of_them
    one_of_many_conditional_writers_wins_at_a_time
    a_stale_token_refuses_the_commit
    a_write_that_was_not_applied_may_be_tried_again
    after_a_write_of_unknown_outcome_only_reads_go_on
    after_a_failed_sync_only_reads_go_on
    calls_on_other_threads_see_what_was_committed
    a_read_within_a_read_is_answered
    estimates_are_exact_for_few_keys
    reclaiming_takes_nothing_away
    syncing_succeeds
    a_checkpoint_is_made_or_said_to_be_impossible
    a_closed_engine_refuses_everything
    closing_waits_for_running_calls
    closing_with_a_snapshot_is_busy_and_the_snapshot_goes_on
    closing_wakes_who_waits_for_a_lock
    locks_are_exclusive_and_listed
}

const LONG: Duration = Duration::from_mins(5);

impl Subject {
    fn commit(&self, ops: &[Op<'_>]) -> Result<(), CommitFailure> {
        self.engine.commit(&Commit { ops, ..Commit::default() })
    }

    fn put(&self, key: &[u8], value: &[u8]) {
        self.commit(&[Op::Put { key, value }]).unwrap();
    }

    fn get(&self, key: &[u8]) -> Option<Vec<u8>> {
        get(&*self.engine, key)
    }

    fn lock(&self, name: &[u8]) -> Token {
        self.engine.lock(KeyBuf::from_bytes(name), Wait::AtMost(LONG), Location::caller()).unwrap()
    }

    /// Commits on the condition that a key has a value.
    fn commit_if(&self, expect: &[Expect<'_>], ops: &[Op<'_>]) -> Result<(), CommitFailure> {
        self.engine.commit(&Commit { ops, expect, ..Commit::default() })
    }

    fn fail_next(&self, outcome: Outcome) {
        *self.fault.lock().unwrap() = Some(outcome);
    }
}

fn get(reader: &dyn Reader, key: &[u8]) -> Option<Vec<u8>> {
    let (mut found, mut visits) = (Vec::new(), 0);
    let there = reader
        .read(key, &mut |value| {
            found.extend_from_slice(value);
            visits += 1;
        })
        .unwrap();
    assert_eq!(visits, usize::from(there));
    there.then_some(found)
}

fn span(start: &[u8], end: &[u8]) -> Span {
    Span { start: KeyBuf::from_bytes(start), end: KeyBuf::from_bytes(end) }
}

fn everything() -> Span {
    span(b"", &[0xFF; 16])
}

type Rows = Vec<(Vec<u8>, Vec<u8>)>;

fn page_of(reader: &dyn Reader, span: &Span, reversed: bool, max_rows: usize) -> (Rows, bool) {
    let mut page = Page::new();
    page.reversed = reversed;
    page.clear(max_rows);
    reader.page(span, &mut page).unwrap();
    let row = |(key, value): (&[u8], &[u8])| (key.to_vec(), value.to_vec());
    ((0..page.len()).map(|index| row(page.row(index).unwrap())).collect(), page.more)
}

fn rows(reader: &dyn Reader, span: &Span) -> Rows {
    let (rows, more) = page_of(reader, span, false, usize::MAX);
    assert!(!more);
    rows
}

fn keys(reader: &dyn Reader, span: &Span) -> Vec<Vec<u8>> {
    rows(reader, span).into_iter().map(|row| row.0).collect()
}

fn a_value_is_read_as_it_was_put(on: &Subject) {
    assert_eq!(on.get(b"a"), None);
    on.put(b"a", b"1");
    on.put(b"a", b"2");
    on.put(b"b", b"");
    assert_eq!(on.get(b"a").unwrap(), b"2");
    assert_eq!(on.get(b"b").unwrap(), b"");
    on.commit(&[Op::Delete { key: b"a" }]).unwrap();
    on.commit(&[Op::Delete { key: b"a" }]).unwrap();
    assert_eq!((on.get(b"a"), keys(&*on.engine, &everything())), (None, vec![b"b".to_vec()]));
}

fn keys_and_values_may_hold_any_bytes(on: &Subject) {
    let big = vec![0xA5; 3 << 20];
    let mut expected: Rows = [&b""[..], b"\0", b"\0\0", b"a\0b", b"\xFF", &[0xFF; 15], &vec![7; 65_540]]
        .iter()
        .map(|key| (key.to_vec(), key.iter().rev().copied().collect()))
        .collect();
    expected.push((b"big".to_vec(), big));
    for (key, value) in &expected {
        on.put(key, value);
    }
    for (key, value) in &expected {
        assert_eq!(on.get(key).as_ref(), Some(value));
    }
    expected.sort();
    let (mut found, mut rest) = (Vec::new(), everything());
    loop {
        let (page, more) = page_of(&*on.engine, &rest, false, 2);
        found.extend(page);
        if !more {
            break;
        }
        rest.start = KeyBuf::from_bytes(&found.last().unwrap().0);
        rest.start.push(0);
    }
    assert_eq!(found, expected);
}

fn pages_hold_a_span_in_order_in_both_directions(on: &Subject) {
    let mut model = BTreeMap::new();
    // Short keys of three letters, so that many are prefixes of others.
    let mut key = Vec::new();
    for number in 0..200_u32 {
        key.clear();
        let mut rest = number;
        while rest > 0 {
            key.push([0, b'm', 0xFF][(rest % 3) as usize]);
            rest /= 3;
        }
        on.put(&key, &number.to_be_bytes());
        model.insert(key.clone(), number.to_be_bytes().to_vec());
    }
    let ends: Vec<_> = model.keys().step_by(17).cloned().chain([b"zz".to_vec(), vec![0xFF; 9]]).collect();
    for start in &ends {
        for end in ends.iter().filter(|end| *end >= start) {
            let mut expected: Rows =
                model.range(start.clone()..end.clone()).map(|(k, v)| (k.clone(), v.clone())).collect();
            assert_eq!(rows(&*on.engine, &span(start, end)), expected);
            expected.reverse();
            for max_rows in [1, 7, usize::MAX] {
                let (found, more) = page_of(&*on.engine, &span(start, end), true, max_rows);
                let fits = expected.len().min(max_rows);
                assert_eq!((&found[..], more), (&expected[..fits], fits < expected.len()));
            }
        }
    }
}

fn a_page_ends_where_it_is_full(on: &Subject) {
    for number in 0..10_u8 {
        on.put(&[number], &vec![number; 60_000]);
    }
    for reversed in [false, true] {
        for max_rows in [0, 1, 3, 10, 11] {
            let (found, more) = page_of(&*on.engine, &everything(), reversed, max_rows);
            // Five of them exceed the size of a page.
            let fits = max_rows.clamp(1, 5);
            assert_eq!((found.len(), more), (fits, true), "{max_rows} rows");
            let first = if reversed { 9 } else { 0 };
            assert_eq!(found[0], (vec![first], vec![first; 60_000]));
        }
    }
    let mut page = Page::new();
    page.keys_only = true;
    page.clear(usize::MAX);
    on.engine.page(&everything(), &mut page).unwrap();
    assert_eq!((page.len(), page.more, page.row(3)), (10, false, Some((&[3][..], &[][..]))));
    assert!(!page_of(&*on.engine, &span(&[2], &[4]), false, 3).1);
    // A full page does not know what follows: here nothing.
    let (found, more) = page_of(&*on.engine, &span(&[2], &[4]), false, 2);
    assert_eq!((found.len(), more), (2, true));
}

fn a_span_that_ends_before_its_start_is_empty(on: &Subject) {
    on.put(b"b", b"");
    for (start, end) in [(&b"c"[..], &b"a"[..]), (b"b", b"b"), (b"b\0", b"b")] {
        for reversed in [false, true] {
            assert_eq!(page_of(&*on.engine, &span(start, end), reversed, 9), (Vec::new(), false));
        }
        on.commit(&[Op::DeleteSpan { span: &span(start, end) }]).unwrap();
        on.commit(&[Op::DeleteSpan { span: &span(start, end) }, Op::Put { key: b"b", value: b"1" }]).unwrap();
        assert_eq!(on.engine.estimated_keys(&span(start, end)).unwrap(), 0);
        on.engine.reclaim(&span(start, end)).unwrap();
    }
    assert_eq!(on.get(b"b").unwrap(), b"1");
}

fn a_snapshot_stays_as_it_was(on: &Subject) {
    on.put(b"a", b"1");
    on.put(b"b", b"1");
    let (first, again) = (on.engine.snapshot().unwrap(), on.engine.snapshot().unwrap());
    on.commit(&[Op::Put { key: b"a", value: b"2" }, Op::Delete { key: b"b" }, Op::Put { key: b"c", value: b"2" }])
        .unwrap();
    let second = on.engine.snapshot().unwrap();
    on.commit(&[Op::DeleteSpan { span: &everything() }]).unwrap();
    drop(again);
    let old = |key: &[u8], value: &[u8]| (key.to_vec(), value.to_vec());
    for _ in 0..3 {
        assert_eq!(rows(&*first, &everything()), [old(b"a", b"1"), old(b"b", b"1")]);
        assert_eq!(rows(&*second, &everything()), [old(b"a", b"2"), old(b"c", b"2")]);
        assert_eq!((get(&*first, b"a").unwrap(), get(&*second, b"b")), (b"1".to_vec(), None));
    }
    assert_eq!(page_of(&*first, &everything(), true, 1), (vec![old(b"b", b"1")], true));
    assert_eq!(rows(&*on.engine, &everything()), []);
}

/// Threads move amounts between keys, others look: the sum is always the same, in pages and in single reads.
fn a_snapshot_never_sees_half_a_commit(on: &Subject) {
    let name = |number: u64| [b'k', u8::try_from(number % 4).unwrap()];
    for number in 0..4 {
        on.put(&name(number), &100_u64.to_be_bytes());
    }
    let done = AtomicBool::new(false);
    let amount = |bytes: &[u8]| u64::from_be_bytes(bytes.try_into().unwrap());
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for round in 0..3_000 {
                let (from, to) = (name(round), name(round * 7 + 1));
                if from == to {
                    continue;
                }
                let (less, more) = (amount(&on.get(&from).unwrap()) - 1, amount(&on.get(&to).unwrap()) + 1);
                let (less, more) = (less.to_be_bytes(), more.to_be_bytes());
                on.commit(&[Op::Put { key: &from, value: &less }, Op::Put { key: &to, value: &more }]).unwrap();
            }
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(Ordering::Relaxed) {
                    let snapshot = on.engine.snapshot().unwrap();
                    let paged: u64 = rows(&*snapshot, &everything()).iter().map(|row| amount(&row.1)).sum();
                    let read: u64 = (0..4).map(|number| amount(&get(&*snapshot, &name(number)).unwrap())).sum();
                    assert_eq!((paged, read), (400, 400));
                    let page: u64 = rows(&*on.engine, &everything()).iter().map(|row| amount(&row.1)).sum();
                    assert_eq!(page, 400);
                }
            });
        }
        writer.join().unwrap();
        done.store(true, Ordering::Relaxed);
    });
}

fn a_commit_is_applied_in_order(on: &Subject) {
    on.put(b"b", b"0");
    on.commit(&[
        Op::Put { key: b"a", value: b"1" },
        Op::DeleteSpan { span: &span(b"a", b"c") },
        Op::Put { key: b"b", value: b"2" },
        Op::Put { key: b"c", value: b"3" },
        Op::Delete { key: b"c" },
    ])
    .unwrap();
    assert_eq!(rows(&*on.engine, &everything()), [(b"b".to_vec(), b"2".to_vec())]);
}

fn a_commit_of_nothing_succeeds(on: &Subject) {
    on.commit(&[]).unwrap();
    on.engine.commit(&Commit { sync: true, ..Commit::default() }).unwrap();
    on.commit_if(&[Expect { key: b"a", value: None }], &[]).unwrap();
}

fn deleted_spans_are_gone_and_their_neighbours_are_not(on: &Subject) {
    let all: Vec<_> = (0..300_u16).map(u16::to_be_bytes).collect();
    for key in &all {
        on.put(key, b"v");
    }
    on.commit(&[Op::DeleteSpan { span: &span(&all[10], &all[290]) }]).unwrap();
    on.put(&all[100], b"again");
    let expected: Vec<_> = all[..10].iter().chain([&all[100]]).chain(&all[290..]).map(|key| key.to_vec()).collect();
    assert_eq!(keys(&*on.engine, &everything()), expected);
    assert_eq!((on.get(&all[10]), on.get(&all[289])), (None, None));
    assert!(on.get(&all[9]).is_some() && on.get(&all[290]).is_some());
}

fn preconditions_must_hold_all_of_them(on: &Subject) {
    on.put(b"a", b"1");
    let ops = [Op::Put { key: b"a", value: b"2" }, Op::Put { key: b"b", value: b"2" }];
    let absent = Expect { key: b"b", value: None };
    for wrong in [
        Expect { key: b"a", value: None },
        Expect { key: b"a", value: Some(b"") },
        Expect { key: b"a", value: Some(b"11") },
        Expect { key: b"b", value: Some(b"") },
    ] {
        assert!(matches!(on.commit_if(&[absent, wrong], &ops), Err(CommitFailure::Unexpected)));
        assert_eq!(keys(&*on.engine, &everything()), [b"a"]);
    }
    on.commit_if(&[absent, Expect { key: b"a", value: Some(b"1") }], &ops).unwrap();
    assert_eq!(on.get(b"b").unwrap(), b"2");
    on.put(b"empty", b"");
    on.commit_if(&[Expect { key: b"empty", value: Some(b"") }], &[]).unwrap();
    assert!(matches!(on.commit_if(&[Expect { key: b"empty", value: None }], &[]), Err(CommitFailure::Unexpected)));
}

fn one_of_many_conditional_writers_wins_at_a_time(on: &Subject) {
    const THREADS: u64 = 8;
    const EACH: u64 = 200;
    on.put(b"n", &0_u64.to_be_bytes());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let mut won = 0;
                while won < EACH {
                    let now = on.get(b"n").unwrap();
                    let next = (u64::from_be_bytes(now.as_slice().try_into().unwrap()) + 1).to_be_bytes();
                    let expect = [Expect { key: b"n", value: Some(&now) }];
                    match on.commit_if(&expect, &[Op::Put { key: b"n", value: &next }]) {
                        Ok(()) => won += 1,
                        Err(failure) => assert!(matches!(failure, CommitFailure::Unexpected)),
                    }
                }
            });
        }
    });
    assert_eq!(on.get(b"n").unwrap(), (THREADS * EACH).to_be_bytes());
}

fn a_stale_token_refuses_the_commit(on: &Subject) {
    let (first, other) = (on.lock(b"a"), on.lock(b"b"));
    on.engine.unlock(&first);
    let second = on.lock(b"a");
    let ops = [Op::Put { key: b"a", value: b"1" }, Op::Put { key: b"b", value: b"1" }];
    let failed = on.engine.commit(&Commit { ops: &ops, tokens: &[&other, &first], ..Commit::default() });
    let Err(CommitFailure::Stale(key)) = failed else { panic!("{failed:?}") };
    assert_eq!((key.as_slice(), keys(&*on.engine, &everything()).len()), (&b"a"[..], 0));
    on.engine.commit(&Commit { ops: &ops, tokens: &[&other, &second], ..Commit::default() }).unwrap();
    assert_eq!(keys(&*on.engine, &everything()).len(), 2);
    on.engine.unlock(&second);
    on.engine.unlock(&other);
}

fn a_write_that_was_not_applied_may_be_tried_again(on: &Subject) {
    let token = on.lock(b"a");
    let ops = [Op::Put { key: b"a", value: b"1" }];
    let commit = Commit { ops: &ops, tokens: &[&token], ..Commit::default() };
    on.fail_next(Outcome::NotApplied);
    let failed = on.engine.commit(&commit);
    assert!(matches!(failed, Err(CommitFailure::Failed(Error::Engine { .. }, Outcome::NotApplied))), "{failed:?}");
    assert_eq!(on.get(b"a"), None);
    on.engine.commit(&commit).unwrap();
    assert_eq!(on.get(b"a").unwrap(), b"1");
    on.engine.unlock(&token);
}

fn after_a_write_of_unknown_outcome_only_reads_go_on(on: &Subject) {
    on.put(b"a", b"1");
    let token = on.lock(b"a");
    on.fail_next(Outcome::Unknown);
    let failed = on.commit(&[Op::Put { key: b"a", value: b"2" }]);
    assert!(matches!(failed, Err(CommitFailure::Failed(Error::Engine { .. }, Outcome::Unknown))), "{failed:?}");
    let failed = on.commit(&[Op::Put { key: b"b", value: b"2" }]);
    let Err(CommitFailure::Failed(Error::Failed { reason }, Outcome::NotApplied)) = failed else {
        panic!("{failed:?}")
    };
    assert!(reason.contains("no space left"), "{reason}");
    let refused = on.engine.lock(KeyBuf::from_bytes(b"c"), Wait::No, Location::caller());
    assert!(matches!(refused, Err(LockFailure::Failed(Error::Failed { .. }))), "{refused:?}");
    on.engine.unlock(&token);
    assert_eq!((on.get(b"a").unwrap(), on.get(b"b")), (b"1".to_vec(), None));
    let snapshot = on.engine.snapshot().unwrap();
    assert_eq!(keys(&*snapshot, &everything()), [b"a"]);
    drop(snapshot);
    assert!(on.engine.held().is_empty());
    refuses_to_sync_and_says_so_when_closed(on);
}

/// The next sync might say yes to what the system has dropped meanwhile.
fn after_a_failed_sync_only_reads_go_on(on: &Subject) {
    on.put(b"a", b"1");
    on.fail_next(Outcome::Unknown);
    let failed = on.engine.sync();
    assert!(matches!(failed, Err(Error::Engine { action: "sync the log", .. })), "{failed:?}");
    let failed = on.commit(&[Op::Put { key: b"b", value: b"2" }]);
    assert!(matches!(failed, Err(CommitFailure::Failed(Error::Failed { .. }, Outcome::NotApplied))), "{failed:?}");
    assert_eq!((on.get(b"a").unwrap(), on.get(b"b")), (b"1".to_vec(), None));
    refuses_to_sync_and_says_so_when_closed(on);
}

fn refuses_to_sync_and_says_so_when_closed(on: &Subject) {
    for answer in [on.engine.sync(), on.engine.close()] {
        let Err(Error::Failed { reason }) = answer else { panic!("{answer:?}") };
        assert!(reason.contains("no space left"), "{reason}");
    }
    assert!(matches!(on.engine.check_open(), Err(Error::Closed)));
}

fn calls_on_other_threads_see_what_was_committed(on: &Subject) {
    // As many threads as to share the places that an engine may keep for them.
    let turn = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..100 {
            let turn = &turn;
            scope.spawn(move || {
                while turn.load(Ordering::Acquire) != thread {
                    thread::yield_now();
                }
                if let Some(before) = thread.checked_sub(1) {
                    assert_eq!(on.get(b"turn").unwrap(), before.to_be_bytes());
                }
                on.put(b"turn", &thread.to_be_bytes());
                turn.store(thread + 1, Ordering::Release);
            });
        }
    });
    assert_eq!(on.get(b"turn").unwrap(), 99_u64.to_be_bytes());
}

/// A value's decoding may read other values.
fn a_read_within_a_read_is_answered(on: &Subject) {
    on.put(b"a", b"b");
    on.put(b"b", b"2");
    let mut seen = None;
    assert!(on.engine.read(b"a", &mut |key| seen = get(&*on.engine, key)).unwrap());
    assert_eq!(seen.unwrap(), b"2");
}

fn estimates_are_exact_for_few_keys(on: &Subject) {
    for number in 0..1_000_u16 {
        on.put(&number.to_be_bytes(), b"v");
    }
    let of = |from: u16, to: u16| on.engine.estimated_keys(&span(&from.to_be_bytes(), &to.to_be_bytes())).unwrap();
    assert_eq!((of(0, 1_000), of(10, 20), of(1_000, 2_000)), (1_000, 10, 0));
}

fn reclaiming_takes_nothing_away(on: &Subject) {
    for number in 0..1_000_u16 {
        on.put(&number.to_be_bytes(), &[7; 100]);
    }
    let middle = span(&100_u16.to_be_bytes(), &900_u16.to_be_bytes());
    let snapshot = on.engine.snapshot().unwrap();
    on.commit(&[Op::DeleteSpan { span: &middle }]).unwrap();
    on.engine.reclaim(&middle).unwrap();
    assert_eq!(keys(&*on.engine, &everything()).len(), 200);
    assert_eq!(keys(&*snapshot, &span(b"", &100_u16.to_be_bytes())).len(), 100);
}

fn syncing_succeeds(on: &Subject) {
    on.put(b"a", b"1");
    on.engine.sync().unwrap();
    on.engine.commit(&Commit { ops: &[Op::Delete { key: b"a" }], sync: true, ..Commit::default() }).unwrap();
    assert_eq!(on.get(b"a"), None);
}

fn a_checkpoint_is_made_or_said_to_be_impossible(on: &Subject) {
    let directory = tempfile::tempdir().unwrap();
    let to = directory.path().join("copy");
    on.put(b"a", b"1");
    match on.engine.checkpoint(&to, Tables::Linked) {
        Ok(()) => assert!(to.is_dir()),
        Err(error) => assert!(matches!(error, Error::Unsupported { .. }) && !to.exists(), "{error}"),
    }
}

fn is_closed<T>(result: Result<T>) -> bool {
    matches!(result, Err(Error::Closed))
}

fn a_closed_engine_refuses_everything(on: &Subject) {
    on.put(b"a", b"1");
    let token = on.lock(b"a");
    on.engine.check_open().unwrap();
    on.engine.close().unwrap();
    let engine = &on.engine;
    assert!(is_closed(engine.read(b"a", &mut |_| panic!())));
    assert!(is_closed(engine.page(&everything(), &mut Page::new())));
    assert!(is_closed(engine.check_open()));
    assert!(is_closed(engine.snapshot()));
    assert!(is_closed(engine.sync()));
    assert!(is_closed(engine.checkpoint(Path::new("nowhere"), Tables::Linked)));
    assert!(is_closed(engine.estimated_keys(&everything())));
    assert!(is_closed(engine.reclaim(&everything())));
    assert!(is_closed(engine.compact()));
    assert!(is_closed(engine.close()));
    let ops = [Op::Put { key: b"a", value: b"2" }];
    for expect in [&[][..], &[Expect { key: b"a", value: None }]] {
        let failed = engine.commit(&Commit { ops: &ops, expect, tokens: &[&token], sync: false, background: false });
        assert!(matches!(failed, Err(CommitFailure::Failed(Error::Closed, Outcome::NotApplied))), "{failed:?}");
    }
    let refused = engine.lock(KeyBuf::from_bytes(b"b"), Wait::AtMost(LONG), Location::caller());
    assert!(matches!(refused, Err(LockFailure::Failed(Error::Closed))));
    engine.unlock(&token);
    assert!(engine.held().is_empty());
}

fn closing_waits_for_running_calls(on: &Subject) {
    const THREADS: usize = 6;
    let (begun, inside) = (Barrier::new(THREADS + 1), AtomicU64::new(0));
    on.put(b"a", b"1");
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (begun, inside) = (&begun, &inside);
            scope.spawn(move || {
                begun.wait();
                for round in 0.. {
                    inside.fetch_add(1, Ordering::SeqCst);
                    let result = match (thread + round) % 3 {
                        0 => on.engine.read(b"a", &mut |_| {}).map(|_| ()),
                        1 => on.engine.page(&everything(), &mut Page::new()),
                        _ => match on.commit(&[Op::Put { key: b"a", value: b"2" }]) {
                            Err(CommitFailure::Failed(error, Outcome::NotApplied)) => Err(error),
                            result => result.map_err(|failure| panic!("{failure:?}")),
                        },
                    };
                    inside.fetch_sub(1, Ordering::SeqCst);
                    match result {
                        Ok(()) => {}
                        Err(error) => return assert!(matches!(error, Error::Closed), "{error:?}"),
                    }
                }
            });
        }
        begun.wait();
        on.engine.close().unwrap();
    });
    assert_eq!(inside.load(Ordering::SeqCst), 0);
}

fn closing_with_a_snapshot_is_busy_and_the_snapshot_goes_on(on: &Subject) {
    on.put(b"a", b"1");
    let (first, second) = (on.engine.snapshot().unwrap(), on.engine.snapshot().unwrap());
    let busy = on.engine.close();
    assert!(matches!(busy, Err(Error::Busy { open: 2 })), "{busy:?}");
    assert!(is_closed(on.engine.read(b"a", &mut |_| {})));
    drop(first);
    assert_eq!((get(&*second, b"a").unwrap(), keys(&*second, &everything()).len()), (b"1".to_vec(), 1));
    assert!(is_closed(on.engine.close()));
}

fn closing_wakes_who_waits_for_a_lock(on: &Subject) {
    let token = on.lock(b"a");
    thread::scope(|scope| {
        let waiter = scope.spawn(|| on.engine.lock(KeyBuf::from_bytes(b"a"), Wait::AtMost(LONG), Location::caller()));
        while on.engine.held()[0].waiters == 0 {
            thread::yield_now();
        }
        on.engine.close().unwrap();
        assert!(matches!(waiter.join().unwrap(), Err(LockFailure::Failed(Error::Closed))));
    });
    on.engine.unlock(&token);
}

fn locks_are_exclusive_and_listed(on: &Subject) {
    let (b, a) = (on.lock(b"b"), on.lock(b"a"));
    let held: Vec<_> = on.engine.held().into_iter().map(|holding| holding.key).collect();
    assert_eq!(held, [KeyBuf::from_bytes(b"a"), KeyBuf::from_bytes(b"b")]);
    let refused = on.engine.lock(KeyBuf::from_bytes(b"a"), Wait::No, Location::caller());
    let Err(LockFailure::Refused(refused)) = refused else { panic!("{refused:?}") };
    assert!(format!("{refused:?}").contains("Held"), "{refused:?}");
    on.engine.unlock(&a);
    let again = on.engine.lock(KeyBuf::from_bytes(b"a"), Wait::No, Location::caller()).unwrap();
    let short = Wait::AtMost(Duration::from_millis(1));
    let refused = on.engine.lock(KeyBuf::from_bytes(b"b"), short, Location::caller());
    assert!(matches!(refused, Err(LockFailure::Refused(LockRefused::TimedOut(..)))), "{refused:?}");
    on.engine.unlock(&b);
    on.engine.unlock(&again);
    assert!(on.engine.held().is_empty());
}
