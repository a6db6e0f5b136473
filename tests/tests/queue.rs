//! A store as a queue: `try_lock_first` finds the first entry that nobody holds, and no entry is ever passed over.

use std::collections::BTreeSet;
use std::ops::Bound;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;

use kvstore::{Batch, Error, Map, MapStore, Outcome, Result};
use kvstore_tests::{TestResult, on_both};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

type Queue = MapStore<Map<u64, u64>>;

fn head(queue: &Queue) -> Result<Option<u64>> {
    Ok(queue.try_lock_first(..)?.map(|guard| *guard.key()))
}

fn pop(queue: &Queue) -> Result<Option<u64>> {
    let Some(guard) = queue.try_lock_first(..)? else { return Ok(None) };
    let key = *guard.key();
    guard.delete()?;
    Ok(Some(key))
}

#[test]
fn the_first_entry_that_nobody_holds_is_locked() -> TestResult {
    on_both(|db| {
        let queue = db.map::<u64, u64>("queue")?;
        assert_eq!(head(&queue)?, None);
        (1..=100).try_for_each(|key| queue.put(key, key * 10))?;
        let mut held = Vec::new();
        // Also behind more entries that are held than are looked at in one go.
        for key in 1..=100 {
            let guard = queue.try_lock_first(..)?.unwrap();
            assert_eq!((*guard.key(), *guard, guard.is_new()), (key, key * 10, false));
            held.push(guard);
        }
        assert!(queue.try_lock_first(..)?.is_none());
        // What is given back unfinished is the head again.
        drop(held.remove(2));
        assert_eq!(head(&queue)?, Some(3));
        held.remove(0).delete()?;
        assert_eq!(head(&queue)?, Some(3));
        drop(held);
        assert_eq!((head(&queue)?, db.locks().len()), (Some(2), 0));
        Ok(())
    })
}

#[test]
fn a_range_limits_what_is_taken() -> TestResult {
    on_both(|db| {
        let queue = db.map::<(u8, u64), u64>("queue")?;
        for (priority, number) in [(1, 1), (1, 2), (5, 1), (9, 1)] {
            queue.put((priority, number), 0)?;
        }
        let first = |from: (u8, u64), to: (u8, u64)| -> Result<Option<(u8, u64)>> {
            Ok(queue.try_lock_first(from..to)?.map(|guard| *guard.key()))
        };
        assert_eq!(first((1, 2), (9, 0))?, Some((1, 2)));
        assert_eq!(first((2, 0), (9, 0))?, Some((5, 1)));
        assert_eq!(first((2, 0), (5, 1))?, None);
        assert_eq!(queue.try_lock_first((9, 1)..)?.map(|guard| *guard.key()), Some((9, 1)));
        assert_eq!(queue.try_lock_first(..=(1, 1))?.map(|guard| *guard.key()), Some((1, 1)));
        // A range in which nothing was found fills up, and a longer one from the same start is not misled.
        assert_eq!(first((6, 0), (7, 0))?, None);
        assert_eq!(first((6, 0), (10, 0))?, Some((9, 1)));
        queue.put((6, 5), 0)?;
        assert_eq!((first((6, 0), (7, 0))?, first((6, 0), (10, 0))?), (Some((6, 5)), Some((6, 5))));
        assert_eq!(first((6, 0), (6, 1))?, None);
        assert_eq!(first((6, 0), (10, 0))?, Some((6, 5)));
        Ok(())
    })
}

#[test]
fn a_range_without_keys_misleads_nobody() -> TestResult {
    on_both(|db| {
        let queue = db.map::<u64, u64>("queue")?;
        // In bytes this range ends before its start, which is also the start of the one below.
        assert!(queue.try_lock_first((Bound::Excluded(5), Bound::Excluded(5)))?.is_none());
        queue.put(5, 0)?;
        assert!(queue.try_lock_first((Bound::Excluded(5), Bound::Unbounded))?.is_none());
        queue.put(6, 0)?;
        let behind = queue.try_lock_first((Bound::Excluded(5), Bound::Unbounded))?;
        assert_eq!(behind.map(|guard| *guard.key()), Some(6));
        Ok(())
    })
}

#[test]
fn entries_put_before_the_head_are_found_however_they_are_written() -> TestResult {
    on_both(|db| {
        let (queue, other) = (db.map::<u64, u64>("queue")?, db.map::<u64, u64>("other")?);
        (0..2_000).try_for_each(|key| queue.put(key, 0))?;
        for key in 0..1_900 {
            assert_eq!(pop(&queue)?, Some(key));
        }
        assert_eq!(queue.first()?, Some((1_900, 0)));
        queue.put(1_000, 0)?;
        assert_eq!((head(&queue)?, queue.first()?), (Some(1_000), Some((1_000, 0))));
        queue.insert(900, 0)?;
        assert_eq!(head(&queue)?, Some(900));
        queue.create(800, 0)?.commit()?;
        assert_eq!(head(&queue)?, Some(800));
        let mut saved = queue.create(700, 0)?;
        saved.save()?;
        assert_eq!((queue.first()?, head(&queue)?), (Some((700, 0)), Some(800)));
        saved.release();
        Batch::new().write(queue.create(600, 0)?).write(other.create(1, 0)?).commit()?;
        assert_eq!(head(&queue)?, Some(600));
        let (a, b) = db.lock_together((queue.wanted_or_create(500, 0), other.wanted_or_create(2, 0)))?;
        Batch::new().write(b).write(a).commit()?;
        assert_eq!(head(&queue)?, Some(500));
        // What was never written is not there.
        drop(queue.create(400, 0)?);
        assert_eq!(head(&queue)?, Some(500));
        let left = std::iter::from_fn(|| pop(&queue).transpose()).collect::<Result<Vec<_>>>()?;
        assert!(left.into_iter().eq([500, 600, 700, 800, 900, 1_000].into_iter().chain(1_900..2_000)));
        assert_eq!((queue.iter()?.count(), queue.first()?), (0, None));
        Ok(())
    })
}

#[test]
fn a_failed_write_before_the_head_misleads_nobody() -> TestResult {
    let (db, faults) = kvstore::Database::in_memory_with_faults()?;
    let queue = db.map::<u64, u64>("queue")?;
    queue.put(100, 0)?;
    assert_eq!(head(&queue)?, Some(100));
    let guard = queue.create(50, 0)?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    let failed = guard.try_commit().unwrap_err();
    assert_eq!(head(&queue)?, Some(100));
    failed.into_held().commit()?;
    assert_eq!(head(&queue)?, Some(50));
    Ok(())
}

#[test]
fn each_entry_is_taken_exactly_once_while_others_add_before_and_behind_the_head() -> TestResult {
    const PRODUCERS: u64 = 2;
    const EACH: u64 = 4_000;
    on_both(|db| {
        let (queue, done) = (db.map::<u64, u64>("queue")?, db.map::<u64, u64>("done")?);
        let (producing, taken) = (AtomicUsize::new(2), Mutex::new(BTreeSet::new()));
        thread::scope(|scope| -> TestResult {
            let mut threads = Vec::new();
            for producer in 0..PRODUCERS {
                let (queue, producing) = (&queue, &producing);
                threads.push(scope.spawn(move || -> TestResult {
                    for number in 0..EACH {
                        // Every key once, in an order that jumps back and forth.
                        let key = (number * 1_601 % EACH) * PRODUCERS + producer;
                        queue.put(key, key)?;
                    }
                    producing.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                }));
            }
            for _ in 0..4 {
                let (queue, done, producing, taken) = (&queue, &done, &producing, &taken);
                threads.push(scope.spawn(move || -> TestResult {
                    loop {
                        let last_round = producing.load(Ordering::SeqCst) == 0;
                        while let Some(entry) = queue.try_lock_first(..)? {
                            let key = *entry.key();
                            assert!(taken.lock().unwrap().insert(key), "{key} was taken twice");
                            Batch::new().delete(entry).write(done.create(key, key)?).commit()?;
                        }
                        if last_round {
                            return Ok(());
                        }
                    }
                }));
            }
            threads.into_iter().try_for_each(|thread| thread.join().unwrap())
        })?;
        // Who found nothing when all was produced has left nothing but what others held, and finished.
        assert_eq!(queue.iter()?.count(), 0);
        assert!(done.iter()?.keys().map(std::result::Result::unwrap).eq(0..PRODUCERS * EACH));
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_write_below_a_range_hides_no_entry_within_it() -> TestResult {
    let db = kvstore::Database::in_memory()?;
    let queue = db.map::<u64, u64>("queue")?;
    queue.put(99, 0)?;
    for _ in 0..1_000 {
        let start = Barrier::new(2);
        thread::scope(|scope| -> TestResult {
            let search = scope.spawn(|| -> Result<()> {
                start.wait();
                (0..20).try_for_each(|_| queue.try_lock_first(10..).map(drop))
            });
            start.wait();
            for _ in 0..3 {
                queue.put(1, 0)?;
                queue.put(12, 0)?;
                queue.remove(12)?;
            }
            queue.put(1, 0)?;
            queue.put(12, 0)?;
            Ok(search.join().unwrap()?)
        })?;
        assert_eq!(queue.try_lock_first(10..)?.map(|guard| *guard.key()), Some(12));
        queue.remove(12)?;
    }
    Ok(())
}

#[test]
fn first_returns_what_get_has_shown_though_nobody_has_searched_before() -> TestResult {
    let db = kvstore::Database::in_memory()?;
    for round in 0..1_000 {
        let queue = db.map::<u64, u64>(&format!("queue {round}"))?;
        queue.put(7, 0)?;
        let start = Barrier::new(3);
        thread::scope(|scope| -> TestResult {
            let writer = scope.spawn(|| {
                start.wait();
                queue.put(5, 0)
            });
            let search = scope.spawn(|| -> Result<()> {
                start.wait();
                (0..3).try_for_each(|_| queue.first().map(drop))
            });
            start.wait();
            while !queue.contains(5)? {
                std::hint::spin_loop();
            }
            assert_eq!(queue.first()?, Some((5, 0)));
            writer.join().unwrap()?;
            Ok(search.join().unwrap()?)
        })?;
    }
    Ok(())
}

mod before {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub(super) enum Job {
        Send(String),
        Fax(String),
    }
}

/// A later program, which no longer knows one kind of job.
mod after {
    #[derive(serde::Serialize, serde::Deserialize, Debug)]
    pub(super) enum Job {
        Send(String),
    }
}

#[test]
fn an_entry_that_can_not_be_decoded_is_named_and_does_not_stop_a_queue() -> TestResult {
    let dir = tempfile::tempdir()?;
    {
        let db = kvstore::Database::open(dir.path())?;
        let jobs = db.map::<u64, before::Job>("jobs")?;
        for key in 1..100 {
            let old = key == 1 || key == 3;
            jobs.put(key, if old { before::Job::Fax("old".into()) } else { before::Job::Send("new".into()) })?;
        }
        drop(jobs);
        db.close()?;
    }
    let db = kvstore::Database::open(dir.path())?;
    let jobs = db.map::<u64, after::Job>("jobs")?;
    let is_named = |error: &Error, number: u64| matches!(error, Error::Decode { namespace, key, .. } if namespace == "jobs" && *key == number.to_string());
    assert!(is_named(&jobs.try_lock_first(..).unwrap_err(), 1));
    assert!(is_named(&jobs.first().unwrap_err(), 1));
    assert!(db.locks().is_empty());
    // The function is asked once for each, while nothing is locked.
    let mut asked = Vec::new();
    let mut held = Vec::new();
    for _ in 0..2 {
        let head = jobs.try_lock_first_with(.., |error| {
            assert_eq!(db.locks().len(), held.len());
            asked.push(error);
            Ok(())
        })?;
        held.push(head.unwrap());
    }
    assert_eq!(held.iter().map(|job| *job.key()).collect::<Vec<_>>(), [2, 4]);
    assert!(asked.len() == 3 && [1, 1, 3].iter().zip(&asked).all(|(number, error)| is_named(error, *number)));
    // What it returns ends the search.
    let ended = jobs.try_lock_first_with(.., |_| Err(Error::Closed));
    assert!(matches!(ended, Err(Error::Closed)));
    // Where nothing else is free, the bad ones are still asked about once.
    let mut asked = 0;
    let none = jobs.try_lock_first_with(..5, |_| {
        asked += 1;
        Ok(())
    })?;
    assert!(none.is_none() && asked == 2 && db.locks().len() == 2);
    // The ways out: keys and scans go on, and what can't be read can be removed.
    assert_eq!(jobs.iter()?.filter(Result::is_err).count(), 2);
    assert!(jobs.iter()?.keys().all(|key| key.is_ok()));
    assert!(jobs.remove(1)?);
    drop(held);
    assert_eq!(jobs.try_lock_first(..)?.map(|job| *job.key()), Some(2));
    Ok(())
}

#[test]
fn none_is_returned_only_if_no_entry_was_free_at_one_moment() -> TestResult {
    let db = kvstore::Database::in_memory()?;
    let queue = db.map::<u64, u64>("queue")?;
    queue.put(1, 0)?;
    queue.put(2, 0)?;
    let done = AtomicUsize::new(0);
    thread::scope(|scope| -> TestResult {
        // Never holds both.
        let other = scope.spawn(|| -> Result<()> {
            let mut held = queue.lock(1)?;
            while done.load(Ordering::SeqCst) == 0 {
                for key in [2, 1] {
                    drop(held.take());
                    held = queue.lock(key)?;
                }
            }
            Ok(())
        });
        let found = (0..20_000).try_for_each(|_| -> TestResult {
            assert!(queue.try_lock_first(..)?.is_some());
            Ok(())
        });
        done.store(1, Ordering::SeqCst);
        other.join().unwrap()?;
        found
    })
}

#[test]
fn scans_of_a_queue_begin_at_its_head_and_keep_their_bounds() -> TestResult {
    on_both(|db| {
        let queue = db.map::<u64, u64>("queue")?;
        (0..100).try_for_each(|key| queue.put(key, 0))?;
        let (before, scan) = (db.snapshot()?, queue.iter()?);
        for key in 0..50 {
            assert_eq!(pop(&queue)?, Some(key));
        }
        assert_eq!(queue.first()?, Some((50, 0)));
        // Older views see what is gone now.
        assert_eq!((scan.count(), queue.at(&before).iter()?.count()), (100, 100));
        let keys = |scan: kvstore::Scan<Map<u64, u64>>| scan.keys().collect::<Result<Vec<_>>>();
        assert!(keys(queue.iter()?)?.into_iter().eq(50..100));
        assert!(keys(queue.iter()?.reversed())?.into_iter().eq((50..100).rev()));
        assert!(keys(queue.iter()?.reversed().reversed())?.into_iter().eq(50..100));
        assert!(keys(queue.range(..60)?)?.into_iter().eq(50..60));
        // Bounds before the head are no mistake.
        assert_eq!(keys(queue.iter()?.ending_before(20)?)?, []);
        assert_eq!(keys(queue.iter()?.starting_at(20)?.ending_before(51)?)?, [50]);
        assert_eq!(keys(queue.range(..20)?)?, []);
        assert_eq!(keys(queue.iter()?.ending_before(20)?.reversed())?, []);
        queue.put(10, 0)?;
        assert_eq!(keys(queue.iter()?.ending_before(51)?)?, [10, 50]);
        assert!(keys(queue.at(&before).iter()?)?.into_iter().eq(0..100));
        Ok(())
    })
}

#[test]
fn who_has_put_an_entry_finds_it_at_once_whoever_else_looks() -> TestResult {
    on_both(|db| {
        let queue = db.map::<u64, u64>("queue")?;
        let (lookers, start) = (AtomicUsize::new(3), Barrier::new(5));
        thread::scope(|scope| -> TestResult {
            let mut threads = Vec::new();
            for owner in 0..3_u64 {
                let (queue, lookers, start) = (&queue, &lookers, &start);
                threads.push(scope.spawn(move || -> TestResult {
                    let range = owner * 1_000..(owner + 1) * 1_000;
                    start.wait();
                    for round in 0..1_000_u64 {
                        // Nobody else takes from this range: what is put into it is its head.
                        let key = range.start + round * 7 % 1_000;
                        queue.put(key, 0)?;
                        let found = queue.try_lock_first(range.clone())?;
                        assert_eq!(found.as_ref().map(|guard| *guard.key()), Some(key));
                        if let Some(guard) = found {
                            guard.delete()?;
                        }
                        assert!(queue.try_lock_first(range.clone())?.is_none());
                    }
                    lookers.fetch_sub(1, Ordering::SeqCst);
                    Ok(())
                }));
            }
            for _ in 0..2 {
                let (queue, lookers, start) = (&queue, &lookers, &start);
                threads.push(scope.spawn(move || -> TestResult {
                    start.wait();
                    while lookers.load(Ordering::SeqCst) > 0 {
                        // Moves the same marks, and holds nothing.
                        queue.first()?;
                    }
                    Ok(())
                }));
            }
            threads.into_iter().try_for_each(|thread| thread.join().unwrap())
        })?;
        assert_eq!(queue.first()?, None);
        Ok(())
    })
}

#[test]
fn many_ranges_are_remembered_or_forgotten_without_a_difference() -> TestResult {
    on_both(|db| {
        let queue = db.map::<u64, u64>("queue")?;
        // More starts of ranges than a store keeps in mind.
        for start in 0..1_000 {
            assert!(queue.try_lock_first(start..)?.is_none());
        }
        queue.put(500, 0)?;
        for start in 0..1_000 {
            assert_eq!(queue.try_lock_first(start..)?.is_some(), start <= 500, "from {start}");
        }
        queue.remove(500)?;
        assert!((0..1_000).all(|start| matches!(queue.try_lock_first(start..), Ok(None))));
        Ok(())
    })
}

#[test]
fn a_long_queue_is_taken_whole_and_in_order() -> TestResult {
    on_both(|db| {
        let queue = db.map::<u64, u64>("queue")?;
        for number in 0..20_000 {
            queue.create_next(number)?.commit()?;
        }
        let mut last = 0;
        for number in 0..20_000 {
            let head = queue.try_lock_first(..)?.unwrap();
            assert!(*head == number && *head.key() > last);
            last = *head.key();
            head.delete()?;
        }
        assert!(queue.try_lock_first(..)?.is_none() && queue.first()?.is_none());
        // And again, after it was empty.
        queue.create_next(1)?.commit()?;
        queue.put(0, 0)?;
        assert_eq!((pop(&queue)?, pop(&queue)?.is_some(), pop(&queue)?), (Some(0), true, None));
        Ok(())
    })
}

#[test]
fn a_head_that_was_deleted_meanwhile_is_not_given_out() -> TestResult {
    on_both(|db| {
        let queue = db.map::<u64, u64>("queue")?;
        queue.put(2, 0)?;
        let unsaved = queue.create(1, 0)?;
        // The lock on an entry that is not there, and never will be, is no head.
        assert_eq!(head(&queue)?, Some(2));
        unsaved.delete()?;
        assert_eq!(head(&queue)?, Some(2));
        assert!(matches!(queue.create(2, 0), Err(Error::AlreadyExists { .. })));
        queue.remove(2)?;
        assert_eq!(head(&queue)?, None);
        Ok(())
    })
}

#[test]
fn a_search_that_skips_entries_finds_what_was_written_before_them_meanwhile() -> TestResult {
    let bad = || vec![1_u64; 3];
    on_both(|db| {
        let rows = [(10, bad()), (11, bad()), (12, bad()), (13, bad()), (100, vec![])];
        let lists = db.map::<u64, Vec<u64>>("queue")?;
        rows.into_iter().try_for_each(|(key, value)| lists.put(key, value))?;
        drop(lists);
        // The same records, read by a type that takes empty lists alone.
        let queue = db.map::<u64, Empty>("queue")?;
        let mut skipped = 0;
        let head = queue.try_lock_first_with(.., |_| {
            skipped += 1;
            match skipped {
                2 => queue.put(0, Empty),
                4 => queue.remove(100).map(drop),
                _ => Ok(()),
            }
        })?;
        assert_eq!((head.map(|entry| *entry.key()), skipped), (Some(0), 4));
        Ok(())
    })
}

/// A list without elements.
#[derive(Debug)]
struct Empty;

impl Serialize for Empty {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        [0_u64; 0].serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Empty {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        match Vec::<u64>::deserialize(deserializer)?.len() {
            0 => Ok(Self),
            more => Err(D::Error::custom(format_args!("{more} elements"))),
        }
    }
}
