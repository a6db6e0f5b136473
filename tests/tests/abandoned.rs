//! Locks whose holders and waiters end badly: by a panic, without a drop, or with the thread that took or wanted them.
//! Nothing is left of them, and whoever comes next is served.

#![allow(clippy::unwrap_used, reason = "where a helper of a test fails, the test fails")]

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use kvstore::{Batch, Database, Error, Guard, Map, MapStore, ReadBack};
use kvstore_tests::{FAR, TestResult, on_both, on_both_built, wait_for_waiters};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

type Numbers = MapStore<Map<u64, u64>>;

/// Passes at once for whoever waits in vain; the tests do not depend on how long it takes.
const SHORT: Duration = Duration::from_millis(2);

/// A store with the entries 1, 2 and 3, whose values are ten times as much.
fn numbers(db: &Database) -> kvstore::Result<Numbers> {
    let numbers = db.map::<u64, u64>("numbers")?;
    (1..=3).try_for_each(|number| numbers.put(number, number * 10))?;
    Ok(numbers)
}

/// Nobody holds a lock, and the entries are as they were.
fn check_untouched(db: &Database, numbers: &Numbers) -> TestResult {
    assert!(db.locks().is_empty(), "{:?}", db.locks());
    let values = numbers.iter()?.map(|entry| entry.map(|(_, value)| value)).collect::<kvstore::Result<Vec<_>>>()?;
    assert_eq!(values, [10, 20, 30]);
    // Each can be locked and written.
    for guard in numbers.lock_all([1, 2, 3])? {
        guard.ok_or("an entry is gone")?.commit()?;
    }
    Ok(())
}

/// Panics without a message.
fn panic_with<T>(held: T) {
    let _held = held;
    resume_unwind(Box::new("on purpose"))
}

#[test]
fn a_panic_frees_every_lock_of_a_call_and_of_a_batch() -> TestResult {
    on_both(|db| {
        let numbers = numbers(db)?;
        let ways: [&dyn Fn() -> TestResult; 4] = [
            &|| {
                let mut guards = numbers.lock_all([3, 1, 2])?;
                guards.iter_mut().flatten().for_each(|guard| **guard += 1);
                panic_with(guards);
                Ok(())
            },
            &|| {
                panic_with(db.lock_together((numbers.wanted(2), numbers.wanted_or_create(4, 40)))?);
                Ok(())
            },
            // Two guards are in the batch, the third isn't yet.
            &|| {
                let [one, two, three] = [1, 2, 3].map(|number| numbers.lock(number).unwrap().unwrap());
                let batch = Batch::new().write(one).delete(two);
                panic_with((batch, three));
                Ok(())
            },
            &|| {
                let failed = numbers.lock(1)?.ok_or("not there")?;
                numbers.update(2, |number| {
                    *number += 1;
                    panic_with(failed);
                })?;
                Ok(())
            },
        ];
        for way in ways {
            assert!(catch_unwind(AssertUnwindSafe(way)).is_err());
            check_untouched(db, &numbers)?;
        }
        Ok(())
    })
}

/// A value that panics when it is written, or when it is read.
struct Explosive {
    when_written: bool,
}

impl Serialize for Explosive {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.when_written {
            panic_with(());
        }
        serializer.serialize_bool(self.when_written)
    }
}

impl<'de> Deserialize<'de> for Explosive {
    fn deserialize<D: Deserializer<'de>>(_deserializer: D) -> Result<Self, D::Error> {
        panic_with(());
        Ok(Self { when_written: false })
    }
}

#[test]
fn a_panic_in_the_code_of_a_value_frees_the_locks() -> TestResult {
    on_both_built(&Database::builder().read_back(ReadBack::Never), |db| {
        let numbers = numbers(db)?;
        let explosives = db.map::<u64, Explosive>("explosives")?;
        explosives.put(1, Explosive { when_written: false })?;
        let ways: [&dyn Fn() -> TestResult; 5] = [
            &|| Ok(explosives.create(2, Explosive { when_written: true })?.commit()?),
            &|| {
                let batch = Batch::new().write(numbers.lock(1)?.ok_or("not there")?);
                let batch = batch.write(explosives.create(2, Explosive { when_written: true })?);
                Ok(batch.write(numbers.lock(2)?.ok_or("not there")?).commit()?)
            },
            &|| Ok(explosives.lock(1).map(drop)?),
            &|| Ok(explosives.lock_all([2, 1]).map(drop)?),
            &|| Ok(db.lock_together((numbers.wanted(1), explosives.wanted(1))).map(drop)?),
        ];
        for way in ways {
            assert!(catch_unwind(AssertUnwindSafe(way)).is_err());
            check_untouched(db, &numbers)?;
            assert!(!explosives.contains(2)?);
        }
        // No call is taken for one that still runs.
        db.clone().close()?;
        Ok(())
    })
}

#[test]
fn whoever_waits_for_a_thread_that_panics_is_served() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = numbers(db)?;
        let (locked, ready) = mpsc::channel();
        let (fail, failing) = mpsc::channel::<()>();
        let holder = thread::spawn({
            let numbers = numbers.clone();
            move || {
                let mut guard = numbers.lock(1).unwrap().unwrap();
                *guard += 1;
                locked.send(()).unwrap();
                let _ = failing.recv();
                panic_with(guard);
            }
        });
        ready.recv()?;
        thread::scope(|scope| -> TestResult {
            let waiting = [(); 2].map(|()| scope.spawn(|| numbers.lock(1).map(|guard| guard.map(|guard| *guard))));
            wait_for_waiters(db, 2)?;
            drop(fail);
            for thread in waiting {
                assert_eq!(thread.join().unwrap()?, Some(10));
            }
            Ok(())
        })?;
        assert!(holder.join().is_err());
        check_untouched(db, &numbers)
    })
}

#[test]
fn a_forgotten_guard_names_its_holder_and_does_not_hold_up_close() -> TestResult {
    on_both(|db| {
        let numbers = numbers(db)?;
        let line = line!() + 1;
        std::mem::forget(numbers.lock(1)?);
        for refused in [numbers.lock_for(1, SHORT).unwrap_err(), numbers.try_lock(1).unwrap_err()] {
            let (Error::LockTimeout { holder, .. } | Error::Locked { holder, .. }) = refused else {
                panic!("{refused}")
            };
            assert_eq!((holder.taken_at.file(), holder.taken_at.line()), (file!(), line));
            assert_eq!((Some(holder.thread.as_str()), holder.is_caller), (thread::current().name(), true));
        }
        // Only that entry is lost, and can still be read.
        assert_eq!((numbers.get(1)?, db.locks().len()), (Some(10), 1));
        numbers.update(2, |number| *number += 1)?;
        db.clone().close()?;
        assert!(matches!(numbers.lock_for(1, FAR), Err(Error::Closed)));
        Ok(())
    })?;
    let directory = tempfile::tempdir()?;
    for _ in 0..3 {
        let db = Database::open(directory.path())?;
        let numbers = db.map::<u64, u64>("numbers")?;
        let mut guard = numbers.lock_or_create(1, 10)?;
        *guard += 1;
        std::mem::forget(guard);
        assert!(!numbers.contains(1)?);
        db.close()?;
    }
    Ok(())
}

#[test]
fn a_guard_outlives_the_thread_that_took_it() -> TestResult {
    on_both(|db| {
        let numbers = numbers(db)?;
        let (send, receive) = mpsc::channel();
        let taker = thread::Builder::new().name("the-taker".into()).spawn({
            let numbers = numbers.clone();
            move || send.send(numbers.lock(1).unwrap().unwrap()).unwrap()
        })?;
        taker.join().unwrap();
        let mut guard = receive.recv()?;
        let refused = numbers.lock_for(1, SHORT).unwrap_err();
        let Error::LockTimeout { holder, .. } = refused else { panic!("{refused}") };
        assert_eq!((holder.thread.as_str(), holder.is_caller), ("the-taker", false));
        *guard += 1;
        guard.save()?;
        *guard -= 1;
        guard.commit()?;
        check_untouched(db, &numbers)
    })
}

#[test]
fn a_guard_that_was_sent_to_another_thread_is_not_said_to_be_held_by_the_caller() -> TestResult {
    on_both(|db| {
        let numbers = numbers(db)?;
        let (release, released) = mpsc::channel::<()>();
        let guard = numbers.lock(1)?.ok_or("not there")?;
        let holder = thread::spawn(move || {
            let _ = released.recv();
            drop(guard);
        });
        let refused = numbers.lock_for(1, SHORT).unwrap_err();
        // Only what is known: which thread took the lock, not where the guard is now.
        let text = refused.to_string();
        assert!(text.contains("taken at ") && text.contains("the same thread that asks for it now"), "{text}");
        assert!(!text.contains("itself"), "{text}");
        drop(release);
        holder.join().unwrap();
        check_untouched(db, &numbers)
    })
}

#[test]
fn a_commit_in_the_destructor_of_a_thread_local_is_written() -> TestResult {
    struct Flush(Numbers);

    impl Drop for Flush {
        fn drop(&mut self) {
            self.0.update(2, |number| *number += 1).unwrap();
            self.0.put(3, 30).unwrap();
        }
    }

    thread_local!(static LAST: RefCell<Option<Flush>> = const { RefCell::new(None) });
    on_both(|db| {
        let numbers = numbers(db)?;
        thread::scope(|scope| {
            let ended = scope.spawn(|| {
                // Registered first, so that it is dropped after the buffer of the thread's commits.
                LAST.with_borrow_mut(|last| *last = Some(Flush(numbers.clone())));
                numbers.put(1, 10).unwrap();
            });
            ended.join().unwrap();
        });
        assert_eq!(numbers.get(2)?, Some(21));
        numbers.put(2, 20)?;
        check_untouched(db, &numbers)
    })
}

/// A subscriber of `tracing` that panics at every event.
struct Panicking;

impl Subscriber for Panicking {
    fn enabled(&self, _metadata: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {
        resume_unwind(Box::new("on purpose"))
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[test]
fn a_subscriber_that_panics_at_a_lost_change_keeps_no_lock() -> TestResult {
    on_both(|db| {
        let numbers = numbers(db)?;
        let mut guard = numbers.lock(1)?.ok_or("not there")?;
        *guard += 1;
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            tracing::subscriber::with_default(Panicking, || drop(guard));
        }));
        assert!(dropped.is_err(), "no warning");
        check_untouched(db, &numbers)
    })
}

#[test]
fn a_guard_that_ends_with_its_thread_is_released() -> TestResult {
    thread_local!(static KEPT: RefCell<Vec<Guard<Map<u64, u64>>>> = const { RefCell::new(Vec::new()) });
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = numbers(db)?;
        thread::scope(|scope| -> TestResult {
            let (locked, ready) = mpsc::channel();
            let (end, ending) = mpsc::channel::<()>();
            let holder = scope.spawn({
                let numbers = &numbers;
                move || {
                    let guards = numbers.lock_all([1, 2]).unwrap();
                    KEPT.with_borrow_mut(|kept| kept.extend(guards.into_iter().flatten()));
                    locked.send(()).unwrap();
                    let _ = ending.recv();
                }
            });
            ready.recv()?;
            let waiting = scope.spawn(|| numbers.lock(2).map(|guard| guard.is_some()));
            wait_for_waiters(db, 1)?;
            drop(end);
            assert!(waiting.join().unwrap()? && holder.join().is_ok());
            Ok(())
        })?;
        check_untouched(db, &numbers)
    })
}

#[test]
fn threads_that_waited_in_vain_leave_nothing_when_they_end() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = numbers(db)?;
        let held = numbers.lock(1)?.unwrap();
        let in_vain = |wait| {
            let numbers = numbers.clone();
            thread::spawn(move || {
                // What it got before it waited is freed by its panic.
                let _other = numbers.lock(2).unwrap().unwrap();
                panic_with(numbers.lock_for(1, wait).unwrap_err());
            })
        };
        // The deadlines of these pass, and each of them panics.
        assert!([SHORT; 3].map(in_vain).into_iter().all(|thread| thread.join().is_err()));
        assert_eq!((db.locks().len(), db.locks()[0].waiters()), (1, 0));
        held.release();
        check_untouched(db, &numbers)?;

        // This one is woken by the close, and then panics.
        let held = numbers.lock(1)?.unwrap();
        let closed = in_vain(FAR);
        wait_for_waiters(db, 1)?;
        db.clone().close()?;
        assert!(closed.join().is_err());
        assert_eq!((db.locks().len(), db.locks()[0].waiters()), (1, 0));
        held.release();
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn who_has_given_up_is_no_longer_said_to_wait() -> TestResult {
    on_both(|db| {
        let numbers = numbers(db)?;
        let wanted = numbers.lock(1)?.unwrap();
        thread::scope(|scope| -> TestResult {
            let (gave_up, ready) = mpsc::channel();
            let (end, ending) = mpsc::channel::<()>();
            scope.spawn({
                let numbers = &numbers;
                move || {
                    let held = numbers.lock(2).unwrap().unwrap();
                    gave_up.send(numbers.lock_for(1, SHORT).is_err()).unwrap();
                    let _ = ending.recv();
                    held.release();
                }
            });
            assert!(ready.recv()?);
            let refused = numbers.try_lock(2).unwrap_err();
            let Error::Locked { holder, .. } = refused else { panic!("{refused}") };
            assert_eq!(holder.waits_for, None);
            drop(end);
            Ok(())
        })?;
        wanted.release();
        check_untouched(db, &numbers)
    })
}
