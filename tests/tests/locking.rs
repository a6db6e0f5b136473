//! Locks on entries: exclusive, first come first served, freed on every path, and never waited for without an end.

#![allow(clippy::unwrap_used, reason = "where a helper of a test fails, the test fails")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use kvstore::{Database, Error, Guard, Map, MapStore, Result};
use kvstore_tests::{FAR, TestResult, on_both, on_both_built, wait_for_waiters, warnings_of};

type Numbers = MapStore<Map<u64, u64>>;

const THREADS: usize = 16;
const KEYS: usize = 100;
const OPERATIONS: usize = 200_000;

/// Who is inside of which entry, and which entries there are.
struct Seen {
    holders: Vec<AtomicUsize>,
    /// Of the first half of the keys, which only guards create and delete: set before the lock is given back.
    there: Vec<AtomicBool>,
}

impl Seen {
    fn enter(&self, guard: &Guard<Map<u64, u64>>) -> usize {
        let key = usize::try_from(*guard.key()).unwrap();
        assert_eq!(self.holders[key].fetch_add(1, Ordering::SeqCst), 0, "two holders of {key}");
        assert_eq!(**guard, *guard.key(), "another entry's value");
        if key < KEYS / 2 {
            assert_eq!(self.there[key].load(Ordering::SeqCst), !guard.is_new(), "of {key}");
        }
        key
    }

    /// To be called while the lock is still held.
    fn leave(&self, key: usize, there: Option<bool>) {
        if let Some(there) = there {
            self.there[key].store(there, Ordering::SeqCst);
        }
        self.holders[key].fetch_sub(1, Ordering::SeqCst);
    }
}

/// One operation; any error but those that say what anybody must expect is a failure.
fn operate(numbers: &Numbers, seen: &Seen, random: u64) -> TestResult {
    let number = (random >> 8) % KEYS as u64;
    let guard = match random % 8 {
        0 | 1 => match numbers.create(number, number) {
            Ok(guard) => Some(guard),
            Err(Error::AlreadyExists { .. }) => None,
            Err(other) => return Err(other.into()),
        },
        2 => numbers.lock(number)?,
        3 => match numbers.try_lock(number) {
            Ok(guard) => guard,
            Err(Error::Locked { .. }) => None,
            Err(other) => return Err(other.into()),
        },
        4 if number >= KEYS as u64 / 2 => {
            numbers.remove(number)?;
            numbers.insert(number, number)?;
            None
        }
        5 if number >= KEYS as u64 / 2 => {
            numbers.update(number, |value| *value = number)?;
            numbers.remove(number)?;
            None
        }
        _ => Some(numbers.lock_or_create(number, number)?),
    };
    let Some(mut guard) = guard else { return Ok(()) };
    let key = seen.enter(&guard);
    match (random >> 4) % 4 {
        0 => {
            seen.leave(key, Some(false));
            guard.delete()?;
        }
        1 => {
            guard.mark_changed();
            guard.save()?;
            seen.leave(key, Some(false));
            guard.delete()?;
        }
        2 => {
            let is_new = guard.is_new();
            seen.leave(key, Some(!is_new));
            guard.release();
        }
        _ => {
            guard.mark_changed();
            seen.leave(key, Some(true));
            guard.commit()?;
        }
    }
    Ok(())
}

#[test]
fn sixteen_threads_on_the_same_entries_meet_no_spurious_error_and_never_two_holders() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let seen = Seen {
            holders: (0..KEYS).map(|_| AtomicUsize::new(0)).collect(),
            there: (0..KEYS).map(|_| AtomicBool::new(false)).collect(),
        };
        thread::scope(|scope| -> TestResult {
            let threads = (1..=THREADS as u64).map(|thread| {
                let (numbers, seen) = (&numbers, &seen);
                scope.spawn(move || -> TestResult {
                    let mut random = thread.wrapping_mul(0x9E37_79B9_7F4A_7C15);
                    for _ in 0..OPERATIONS / THREADS {
                        random ^= random << 13;
                        random ^= random >> 7;
                        random ^= random << 17;
                        operate(numbers, seen, random)?;
                    }
                    Ok(())
                })
            });
            // All are started before the first is waited for.
            let threads: Vec<_> = threads.collect();
            threads.into_iter().try_for_each(|thread| thread.join().unwrap())
        })?;
        assert!(db.locks().is_empty());
        for key in 0..KEYS / 2 {
            assert_eq!(numbers.contains(key as u64)?, seen.there[key].load(Ordering::SeqCst), "of {key}");
        }
        Ok(())
    })
}

#[test]
fn a_panic_while_holding_a_guard_frees_the_lock_and_leaves_the_entry_untouched() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.put(1, 10)?;
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            let mut held = numbers.lock(1).unwrap().unwrap();
            let _new = numbers.create(2, 20).unwrap();
            *held = 11;
            panic!("on purpose");
        }));
        assert!(panicked.is_err() && db.locks().is_empty());
        assert_eq!((numbers.get(1)?, numbers.get(2)?), (Some(10), None));
        let panicked = catch_unwind(AssertUnwindSafe(|| numbers.update(1, |_| panic!("on purpose"))));
        assert!(panicked.is_err() && db.locks().is_empty());
        // Nothing is poisoned.
        assert_eq!(numbers.update(1, |number| *number += 1)?, Some(()));
        assert_eq!(numbers.get(1)?, Some(11));
        Ok(())
    })
}

#[test]
fn a_new_entry_that_was_never_saved_never_existed() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        drop(numbers.create(1, 10)?);
        numbers.lock_or_create(2, 20)?.release();
        numbers.create(3, 30)?.delete()?;
        assert!(numbers.iter()?.next().is_none() && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_changed_guard_that_is_dropped_warns_with_its_place_and_release_does_not() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.put(7, 10)?;
        let (line, warnings) = warnings_of(|| -> Result<u32> {
            let line = line!() + 1;
            let mut guard = numbers.lock(7)?.unwrap();
            *guard += 1;
            drop(guard);
            Ok(line)
        });
        let place = format!("{}:{}:", file!(), line?);
        assert_eq!(warnings.len(), 1);
        let named = [r#"namespace="numbers""#, r#"key="7""#, &place];
        assert!(named.iter().all(|part| warnings[0].contains(part)), "{warnings:?}");

        let (result, warnings) = warnings_of(|| -> TestResult {
            let mut guard = numbers.lock(7)?.unwrap();
            *guard += 1;
            guard.release();
            // What is unchanged, saved, or deleted is not lost by the drop.
            drop(numbers.lock(7)?.unwrap());
            let mut guard = numbers.lock(7)?.unwrap();
            *guard += 1;
            guard.save()?;
            drop(guard);
            let mut guard = numbers.lock(7)?.unwrap();
            *guard += 1;
            guard.delete()?;
            Ok(())
        });
        result?;
        assert_eq!(warnings, Vec::<String>::new());
        Ok(())
    })
}

#[test]
fn waiters_are_served_first_come_first_served() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let first = numbers.create(1, 0)?;
        let (done, order) = mpsc::channel();
        thread::scope(|scope| -> TestResult {
            for place in 0..8 {
                let (numbers, done) = (&numbers, done.clone());
                scope.spawn(move || {
                    let guard = numbers.lock_or_create(1, 0).unwrap();
                    done.send(place).unwrap();
                    guard.commit().unwrap();
                });
                wait_for_waiters(db, place + 1)?;
            }
            first.commit()?;
            Ok(())
        })?;
        assert_eq!(order.try_iter().collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn the_locks_that_are_held_are_listed() -> TestResult {
    on_both(|db| {
        let pairs = db.map::<(String, u64), u64>("pairs")?;
        assert!(db.locks().is_empty());
        let line = line!() + 1;
        let guard = pairs.create(("acme", 7), 1)?;
        let locks = db.locks();
        assert_eq!(locks.len(), 1);
        assert_eq!((locks[0].namespace(), locks[0].key(), locks[0].waiters()), ("pairs", r#"("acme", 7)"#, 0));
        assert_eq!((locks[0].taken_at().file(), locks[0].taken_at().line()), (file!(), line));
        assert_eq!(Some(locks[0].thread()), thread::current().name());
        let before = locks[0].held_for();
        assert!(db.locks()[0].held_for() >= before);
        guard.commit()?;
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_guard_may_be_moved_to_another_thread() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let mut guard = numbers.create(1, 10)?;
        thread::scope(|scope| {
            scope.spawn(move || {
                *guard += 1;
                guard.commit().unwrap();
            });
        });
        assert_eq!(numbers.get(1)?, Some(11));
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn lock_all_answers_in_the_order_given() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        [1, 2, 3].iter().try_for_each(|number| numbers.put(number, number * 10))?;
        let guards = numbers.lock_all([3, 1, 9, 2])?;
        let values: Vec<_> = guards.iter().map(|guard| guard.as_ref().map(|guard| **guard)).collect();
        assert_eq!(values, [Some(30), Some(10), None, Some(20)]);
        // The lock of an entry that is not there is not kept.
        assert_eq!(db.locks().len(), 3);
        drop(guards);
        assert!(numbers.lock_all(Vec::<u64>::new())?.is_empty() && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn lock_all_refuses_a_key_given_twice_and_locks_none() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let error = numbers.lock_all([3, 1, 3]).unwrap_err();
        assert!(matches!(&error, Error::DuplicateKey { namespace, key } if namespace == "numbers" && key == "3"));
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn lock_all_waits_in_sorted_order_and_lets_go_of_all_when_one_fails() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        [1, 2, 3].iter().try_for_each(|number| numbers.put(number, *number))?;
        let middle = numbers.lock(2)?.unwrap();
        thread::scope(|scope| -> TestResult {
            let all = scope.spawn(|| numbers.lock_all([3, 2, 1]).map(|guards| guards.len()));
            wait_for_waiters(db, 1)?;
            // It has 1, waits for 2, and has not touched 3.
            assert!(matches!(numbers.try_lock(1), Err(Error::Locked { .. })) && numbers.try_lock(3)?.is_some());
            middle.release();
            assert_eq!(all.join().unwrap()?, 3);
            Ok(())
        })
    })?;
    on_both_built(&Database::builder().lock_timeout(Duration::from_millis(1)), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        [1, 2, 3].iter().try_for_each(|number| numbers.put(number, *number))?;
        let last = numbers.lock(3)?.unwrap();
        assert!(matches!(numbers.lock_all([3, 2, 1]), Err(Error::LockTimeout { key, .. }) if key == "3"));
        assert_eq!(db.locks().len(), 1);
        last.release();
        Ok(())
    })
}

#[test]
fn threads_that_lock_all_in_opposite_orders_never_wait_for_each_other() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        (0..4).try_for_each(|number| numbers.put(number, 0))?;
        let start = Barrier::new(4);
        thread::scope(|scope| {
            for thread in 0..4_u64 {
                let (numbers, start) = (&numbers, &start);
                scope.spawn(move || {
                    start.wait();
                    for _ in 0..500 {
                        let order = [0, 1, 2, 3].map(|place| (place * (2 * (thread % 2) + 1) + thread) % 4);
                        for mut guard in numbers.lock_all(order).unwrap().into_iter().flatten() {
                            *guard += 1;
                            guard.commit().unwrap();
                        }
                    }
                });
            }
        });
        assert!(db.locks().is_empty());
        assert!(numbers.iter()?.all(|entry| matches!(entry, Ok((_, 2000)))));
        Ok(())
    })
}
