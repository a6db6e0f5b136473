//! Waits for locks end at a deadline, and say who is waited for; locks of several stores are taken in one order.

use std::sync::{Barrier, mpsc};
use std::thread;
use std::time::Duration;

use kvstore::{Database, Error, Holder};
use kvstore_tests::{FAR, TestResult, on_both, on_both_built, wait_for_waiters};

/// Passes at once for whoever waits in vain; the tests do not depend on how long it takes.
const SHORT: Duration = Duration::from_millis(2);

fn holder_of(error: &Error) -> Option<&Holder> {
    match error {
        Error::Locked { holder, .. } | Error::LockTimeout { holder, .. } => Some(holder),
        _ => None,
    }
}

#[test]
fn a_wait_ends_at_its_deadline_and_names_the_holder_and_its_place() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let (locked, ready) = mpsc::channel();
        let (done, end) = mpsc::channel::<()>();
        thread::scope(|scope| -> TestResult {
            let numbers = &numbers;
            let holder = thread::Builder::new().name("the-holder".into());
            holder.spawn_scoped(scope, move || {
                let line = line!() + 1;
                let guard = numbers.create(7, 1).unwrap();
                locked.send(line).unwrap();
                let _ = end.recv();
                guard.commit().unwrap();
            })?;
            let line = ready.recv()?;
            let error = numbers.lock_for(7, SHORT).unwrap_err();
            let Error::LockTimeout { namespace, key, waited, holder } = &error else { panic!("{error:?}") };
            assert_eq!((namespace.as_str(), key.as_str()), ("numbers", "7"));
            assert!(*waited >= SHORT);
            assert_eq!((holder.taken_at.file(), holder.taken_at.line()), (file!(), line));
            assert_eq!((holder.thread.as_str(), holder.is_caller, &holder.waits_for), ("the-holder", false, &None));
            assert!(holder.held_for >= SHORT);
            let text = error.to_string();
            for part in ["numbers[7]", "the-holder", &format!("{}:{line}", file!())] {
                assert!(text.contains(part), "{text}");
            }
            // Without any wait: the same, as `Locked`.
            let error = numbers.try_lock(7).unwrap_err();
            assert!(matches!(error, Error::Locked { .. }));
            assert_eq!(holder_of(&error).unwrap().taken_at.line(), line);
            drop(done);
            Ok(())
        })?;
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn who_waits_for_itself_is_told() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(SHORT), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.put(7, 1)?;
        let guard = numbers.lock(7)?.unwrap();
        // By every call that waits.
        let errors = [
            numbers.lock(7).unwrap_err(),
            numbers.create(7, 1).unwrap_err(),
            numbers.lock_or_create(7, 1).unwrap_err(),
            numbers.insert(7, 1).unwrap_err(),
            numbers.put(7, 1).unwrap_err(),
            numbers.update(7, |_| ()).unwrap_err(),
            numbers.remove(7).unwrap_err(),
            numbers.lock_all([7]).unwrap_err(),
            db.lock_together((numbers.wanted(6), numbers.wanted(7))).unwrap_err(),
        ];
        for error in &errors {
            assert!(matches!(error, Error::LockTimeout { .. }), "{error:?}");
            assert!(holder_of(error).unwrap().is_caller && error.to_string().contains("the same thread that asks"));
        }
        drop(guard);
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_holder_that_itself_waits_is_told_with_what_for() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let (numbers, texts) = (db.map::<u64, u64>("numbers")?, db.map::<String, u64>("texts")?);
        let mine = texts.create("mine", 1)?;
        let (locked, ready) = mpsc::channel();
        thread::scope(|scope| -> TestResult {
            let (numbers, texts) = (&numbers, &texts);
            scope.spawn(move || {
                let theirs = numbers.create(7, 1).unwrap();
                locked.send(()).unwrap();
                texts.lock_or_create("mine", 1).unwrap().release();
                theirs.release();
            });
            ready.recv()?;
            wait_for_waiters(db, 1)?;
            let error = numbers.lock_for(7, SHORT).unwrap_err();
            let holder = holder_of(&error).unwrap();
            assert_eq!((holder.waits_for.as_deref(), holder.is_caller), (Some(r#"texts["mine"]"#), false));
            assert!(error.to_string().contains(r#"which now waits for texts["mine"]"#), "{error}");
            mine.release();
            Ok(())
        })
    })
}

#[test]
fn who_gives_up_leaves_the_line_and_the_next_is_served() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let guard = numbers.create(7, 1)?;
        assert!(matches!(numbers.lock_for(7, Duration::ZERO), Err(Error::LockTimeout { .. })));
        assert_eq!(db.locks()[0].waiters(), 0);
        thread::scope(|scope| -> TestResult {
            let patient = scope.spawn(|| numbers.lock(7).map(|found| found.map(|guard| *guard)));
            wait_for_waiters(db, 1)?;
            guard.commit()?;
            assert_eq!(patient.join().unwrap()?, Some(1));
            Ok(())
        })?;
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn who_got_the_lock_by_waiting_is_named_with_its_own_place() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let first = numbers.create(7, 1)?;
        let (done, end) = mpsc::channel::<()>();
        thread::scope(|scope| -> TestResult {
            let numbers = &numbers;
            let line = line!() + 2;
            thread::Builder::new().name("the-second".into()).spawn_scoped(scope, move || {
                let second = numbers.lock(7).unwrap();
                let _ = end.recv();
                drop(second);
            })?;
            wait_for_waiters(db, 1)?;
            first.commit()?;
            let locks = db.locks();
            assert_eq!((locks.len(), locks[0].thread(), locks[0].taken_at().line()), (1, "the-second", line));
            let error = numbers.try_lock(7).unwrap_err();
            assert_eq!(holder_of(&error).map(|holder| holder.taken_at.line()), Some(line));
            drop(done);
            Ok(())
        })
    })
}

#[test]
fn the_longest_duration_waits_for_ever() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(Duration::MAX), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let guard = numbers.create(7, 1)?;
        thread::scope(|scope| -> TestResult {
            let by_default = scope.spawn(|| numbers.lock(7).map(|found| found.is_some()));
            let by_call = scope.spawn(|| numbers.lock_for(7, Duration::MAX).map(|found| found.is_some()));
            let of_many = scope.spawn(|| numbers.lock_all([7, 8]).map(|guards| guards.len()));
            wait_for_waiters(db, 3)?;
            guard.commit()?;
            assert!(by_default.join().unwrap()? && by_call.join().unwrap()? && of_many.join().unwrap()? == 2);
            Ok(())
        })
    })
}

#[test]
fn locks_are_waited_for_30_seconds_by_default() {
    let settings = format!("{:?}", Database::builder());
    assert!(settings.contains("lock_timeout: 30s"), "{settings}");
}

#[test]
fn lock_together_answers_in_the_order_asked() -> TestResult {
    on_both(|db| {
        let (numbers, texts) = (db.map::<u64, u64>("numbers")?, db.map::<String, u64>("texts")?);
        numbers.put(1, 10)?;
        texts.put("a", 20)?;
        let (a, none, new, one, old, two) = db.lock_together((
            texts.wanted("a"),
            numbers.wanted(9),
            texts.wanted_or_create("b", 30),
            numbers.wanted(1),
            numbers.wanted_or_create(1_000, 40),
            numbers.wanted(2),
        ))?;
        assert_eq!((a.map(|guard| *guard), one.map(|guard| *guard)), (Some(20), Some(10)));
        assert!(none.is_none() && two.is_none() && new.is_new() && old.is_new());
        assert_eq!((*new, *old, new.key().as_str()), (30, 40, "b"));
        new.commit()?;
        drop(old);
        assert!(texts.contains("b")? && !numbers.contains(1_000)? && db.locks().is_empty());
        let (b, old) = db.lock_together((texts.wanted_or_create("b", 31), numbers.wanted_or_create(1, 11)))?;
        assert!(!b.is_new() && !old.is_new() && (*b, *old) == (30, 10));
        Ok(())
    })
}

#[test]
fn lock_together_refuses_a_key_given_twice_and_stores_of_another_database() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let twice = db.lock_together((numbers.wanted(1), numbers.wanted_or_create(1, 1)));
        assert!(matches!(twice, Err(Error::DuplicateKey { .. })));
        let elsewhere = Database::in_memory()?.map::<u64, u64>("numbers")?;
        let foreign = db.lock_together((numbers.wanted(1), elsewhere.wanted(2)));
        assert!(matches!(foreign, Err(Error::ForeignGuard { key, .. }) if key == "2"));
        // The same key of two stores is two entries.
        let others = db.map::<u64, u64>("others")?;
        assert!(db.lock_together((numbers.wanted_or_create(1, 1), others.wanted_or_create(1, 1))).is_ok());
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn lock_together_lets_go_of_all_when_one_fails() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(SHORT), |db| {
        let (numbers, texts) = (db.map::<u64, u64>("numbers")?, db.map::<String, u64>("texts")?);
        let held = texts.create("a", 1)?;
        let failed = db.lock_together((numbers.wanted_or_create(1, 1), texts.wanted("a")));
        assert!(matches!(failed, Err(Error::LockTimeout { namespace, .. }) if namespace == "texts"));
        assert_eq!(db.locks().len(), 1);
        assert!(!numbers.contains(1)?);
        drop(held);
        Ok(())
    })
}

#[test]
fn threads_that_take_two_stores_in_opposite_orders_never_wait_for_each_other() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let (jobs, journal) = (db.map::<String, u64>("jobs")?, db.map::<u64, u64>("journal")?);
        let round = Barrier::new(2);
        thread::scope(|scope| -> TestResult {
            let forth = scope.spawn(|| -> TestResult {
                for _ in 0..1_000 {
                    round.wait();
                    let (mut job, mut row) =
                        db.lock_together((jobs.wanted_or_create("a", 0), journal.wanted_or_create(1, 0)))?;
                    *job += 1;
                    *row += 1;
                    kvstore::Batch::new().write(job).write(row).commit()?;
                }
                Ok(())
            });
            let back = scope.spawn(|| -> TestResult {
                for _ in 0..1_000 {
                    round.wait();
                    let (mut row, mut job) =
                        db.lock_together((journal.wanted_or_create(1, 0), jobs.wanted_or_create("a", 0)))?;
                    *job += 1;
                    *row += 1;
                    kvstore::Batch::new().write(row).write(job).commit()?;
                }
                Ok(())
            });
            forth.join().unwrap()?;
            back.join().unwrap()
        })?;
        assert_eq!((jobs.get("a")?, journal.get(1)?), (Some(2_000), Some(2_000)));
        assert!(db.locks().is_empty());
        Ok(())
    })
}
