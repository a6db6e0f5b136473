//! How a database ends: by `close`, by the drop of its last handle, and with whom it is shared until then.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use kvstore::{Database, Error, Result};
use kvstore_tests::{FAR, TestResult, on_both, on_both_built, wait_for_waiters};

fn closed<R>(result: Result<R>) -> bool {
    matches!(result, Err(Error::Closed))
}

#[test]
fn close_wakes_everyone_who_waits_for_a_lock() -> TestResult {
    on_both_built(&Database::builder().lock_timeout(FAR), |db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let held = numbers.create(1, 10)?;
        thread::scope(|scope| -> TestResult {
            let waiting = [
                scope.spawn(|| numbers.lock(1).map(drop)),
                scope.spawn(|| numbers.put(1, 11)),
                scope.spawn(|| numbers.lock_all([0, 1]).map(drop)),
                scope.spawn(|| db.lock_together((numbers.wanted(2), numbers.wanted(1))).map(drop)),
            ];
            wait_for_waiters(db, 4)?;
            db.clone().close()?;
            for thread in waiting {
                assert!(closed(thread.join().unwrap()));
            }
            Ok(())
        })?;
        drop(held);
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn after_close_every_handle_and_guard_answers_closed() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.put(1, 10)?;
        let (mut changed, new, clean) = (numbers.lock(1)?.unwrap(), numbers.create(2, 20)?, numbers.create(3, 30)?);
        *changed += 1;
        db.clone().close()?;

        assert!(
            closed(numbers.get(1)) && closed(numbers.contains(1)) && closed(numbers.first()) && closed(numbers.last())
        );
        assert!(closed(numbers.iter()) && closed(numbers.range(1..)) && closed(numbers.next_key()));
        assert!(closed(numbers.lock(9)) && closed(numbers.try_lock(9)) && closed(numbers.lock_for(9, FAR)));
        assert!(closed(numbers.create(9, 1)) && closed(numbers.lock_or_create(9, 1)) && closed(numbers.create_next(1)));
        assert!(closed(numbers.insert(9, 1)) && closed(numbers.put(9, 1)) && closed(numbers.remove(9)));
        assert!(closed(numbers.update(9, |_| ())) && closed(numbers.lock_all([8, 9])));
        assert!(closed(numbers.try_lock_first(..)));
        assert!(closed(numbers.count()) && closed(numbers.is_empty()) && closed(numbers.get_many([1])));
        assert!(closed(numbers.replace(9, 1)) && closed(numbers.take(9)) && closed(numbers.remove_range(..)));
        assert!(closed(numbers.try_update(9, |_| Ok::<_, Error>(()))) && closed(numbers.lock_or_create_with(9, || 1)));
        assert!(closed(numbers.skip_keys_to(5_000)) && closed(db.rename_namespace("other", "new")));
        let mut batch = kvstore::Batch::new();
        assert!(closed(batch.insert(&numbers, 9, 1)) && closed(batch.remove(&numbers, 9)));
        assert!(closed(db.lock_together(vec![numbers.wanted(8)])));
        assert!(closed(db.lock_together((numbers.wanted(8), numbers.wanted_or_create(9, 1)))));
        assert!(closed(db.snapshot()) && closed(db.namespaces()) && closed(db.sync()));
        assert!(closed(db.map::<u64, u64>("new")) && closed(db.map::<u64, u64>("numbers")));
        assert!(closed(db.drop_namespace("other")));
        assert!(closed(db.checkpoint("/nowhere/at/all")));

        assert!(closed(changed.save()));
        let failed = changed.try_commit().unwrap_err();
        assert!(matches!(failed.error(), Error::Closed));
        failed.into_held().release();
        assert!(closed(new.commit()));
        assert!(closed(kvstore::Batch::new().write(clean).commit()));
        assert!(closed(db.clone().close()) && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn guards_do_not_hold_up_close_and_the_directory_opens_again_at_once() -> TestResult {
    let directory = tempfile::tempdir()?;
    for round in 0..5 {
        let db = Database::open(directory.path())?;
        let numbers = db.map::<u64, u64>("numbers")?;
        assert_eq!(numbers.iter()?.count(), round);
        numbers.put(round as u64, 0)?;
        let mut held = numbers.lock(round as u64)?.unwrap();
        *held = 7;
        db.close()?;
        // What is left of the old one has no say in the new one.
        let again = Database::open(directory.path())?;
        let new = again.map::<u64, u64>("numbers")?;
        assert!(new.try_lock(round as u64)?.is_some());
        assert!(held.commit().is_err());
        assert!(closed(numbers.get(0)));
        assert_eq!(new.get(round as u64)?, Some(0));
        again.close()?;
    }
    Ok(())
}

#[test]
fn close_waits_for_the_calls_that_run() -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = Database::open(directory.path())?;
    let numbers = db.map::<u64, u64>("numbers")?;
    let written = [(); 4].map(|()| AtomicU64::new(0));
    thread::scope(|scope| -> TestResult {
        let writers: Vec<_> = (0..)
            .zip(&written)
            .map(|(writer, written)| {
                let numbers = &numbers;
                scope.spawn(move || -> TestResult {
                    loop {
                        let number = written.load(Ordering::SeqCst);
                        match numbers.put(writer << 32 | number, number) {
                            Ok(()) => written.store(number + 1, Ordering::SeqCst),
                            Err(Error::Closed) => return Ok(()),
                            Err(other) => return Err(other.into()),
                        }
                    }
                })
            })
            .collect();
        kvstore_tests::wait_until("all write", || written.iter().all(|written| written.load(Ordering::SeqCst) > 10))?;
        db.close()?;
        writers.into_iter().try_for_each(|writer| writer.join().unwrap())
    })?;
    // All that was answered is there; what was not may be, too.
    let numbers = Database::open(directory.path())?.map::<u64, u64>("numbers")?;
    for (writer, written) in (0_u64..).zip(&written) {
        let (count, written) =
            (numbers.range(writer << 32..(writer + 1) << 32)?.count() as u64, written.load(Ordering::SeqCst));
        assert_eq!(count, written, "of writer {writer}");
    }
    Ok(())
}

#[test]
fn close_with_scans_and_snapshots_alive_is_busy_until_the_last_is_dropped() -> TestResult {
    let directory = tempfile::tempdir()?;
    for db in [Database::in_memory()?, Database::open(directory.path())?] {
        let numbers = db.map::<u64, u64>("numbers")?;
        (0..100).try_for_each(|number| numbers.put(number, number))?;
        let (snapshot, mut scan, keys) = (db.snapshot()?, numbers.iter()?, numbers.iter()?.keys());
        assert!(scan.next().is_some());
        assert!(matches!(db.close(), Err(Error::Busy { open: 3 })));
        // What is alive goes on, and nothing else does.
        assert_eq!((scan.count(), keys.count()), (99, 100));
        assert!(closed(numbers.get(1)) && closed(numbers.iter()));
        assert!(matches!(numbers.at(&snapshot).get(1), Ok(Some(1))));
    }
    assert_eq!(Database::open(directory.path())?.map::<u64, u64>("numbers")?.iter()?.count(), 100);
    Ok(())
}

#[test]
fn a_busy_directory_opens_when_the_last_scan_is_dropped() -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = Database::open(directory.path())?;
    let numbers = db.map::<u64, u64>("numbers")?;
    numbers.put(1, 10)?;
    let (one, other) = (numbers.iter()?, numbers.iter()?);
    assert!(matches!(db.close(), Err(Error::Busy { open: 2 })));
    drop(one);
    assert!(matches!(Database::open(directory.path()), Err(Error::InUse { .. })));
    drop(other);
    assert_eq!(Database::open(directory.path())?.map::<u64, u64>("numbers")?.get(1)?, Some(10));
    Ok(())
}

#[test]
fn the_drop_of_the_last_handle_closes() -> TestResult {
    let directory = tempfile::tempdir()?;
    let in_use = || matches!(Database::open(directory.path()), Err(Error::InUse { .. }));
    let db = Database::open(directory.path())?;
    let numbers = db.map::<u64, u64>("numbers")?;
    numbers.put(1, 10)?;
    let (guard, scan, keys, snapshot) =
        (numbers.lock(1)?.unwrap(), numbers.iter()?, numbers.iter()?.keys(), db.snapshot()?);
    let (clone, wanted) = (db.clone(), numbers.wanted(1));
    drop(db);
    assert!(in_use());
    drop(clone);
    assert!(in_use());
    drop(numbers);
    assert!(in_use());
    drop(wanted);
    assert!(in_use());
    drop(guard);
    assert!(in_use());
    drop(keys);
    assert!(in_use());
    assert_eq!(scan.count(), 1);
    assert!(in_use());
    drop(snapshot);
    assert!(!in_use());
    assert_eq!(Database::open(directory.path())?.map::<u64, u64>("numbers")?.get(1)?, Some(10));
    Ok(())
}

#[test]
fn a_checkpoint_is_an_openable_copy_of_one_moment() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (path, copy) = (directory.path().join("db"), directory.path().join("copies/first"));
    let db = Database::open(&path)?;
    let (left, right) = (db.map::<u64, u64>("left")?, db.map::<u64, u64>("right")?);
    (0..1_000).try_for_each(|number| left.put(number, number))?;
    let begun = AtomicU64::new(0);
    thread::scope(|scope| -> TestResult {
        let writer = scope.spawn(|| -> TestResult {
            for number in 1_000..3_000 {
                left.put(number, number)?;
                right.put(number, number)?;
                begun.store(number, Ordering::SeqCst);
            }
            Ok(())
        });
        kvstore_tests::wait_until("it writes", || begun.load(Ordering::SeqCst) > 1_100)?;
        db.checkpoint(&copy)?;
        writer.join().unwrap()
    })?;
    // Both are open at the same time, and go their own ways.
    let copied = Database::open(&copy)?;
    let (left_then, right_then) = (copied.map::<u64, u64>("left")?, copied.map::<u64, u64>("right")?);
    let (ahead, behind) = (left_then.iter()?.count(), right_then.iter()?.count() + 1_000);
    assert!(ahead == behind || ahead == behind + 1, "{ahead} and {behind}");
    assert!(ahead > 1_100);
    left_then.put(9_999, 0)?;
    assert!(!left.contains(9_999)? && left.iter()?.count() == 3_000);
    // Generated keys of the copy know nothing of the original's.
    assert_eq!(left_then.next_key()?, ahead as u64);
    Ok(())
}

#[test]
fn a_checkpoint_is_never_written_over_something() -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = Database::open(directory.path().join("db"))?;
    db.map::<u64, u64>("numbers")?.put(1, 10)?;
    let (file, empty, link) =
        (directory.path().join("file"), directory.path().join("empty"), directory.path().join("link"));
    std::fs::write(&file, "mine")?;
    std::fs::create_dir(&empty)?;
    std::os::unix::fs::symlink("nowhere", &link)?;
    for taken in [&file, &empty, &link, &directory.path().join("db")] {
        let error = db.checkpoint(taken).unwrap_err();
        assert!(matches!(&error, Error::Io { path, .. } if path == taken), "{error:?}");
        assert!(error.to_string().contains(&taken.display().to_string()));
    }
    assert_eq!((std::fs::read_to_string(&file)?, std::fs::read_dir(&empty)?.count()), ("mine".into(), 0));
    let left: Vec<_> =
        std::fs::read_dir(directory.path())?.map(|entry| Ok(entry?.file_name())).collect::<std::io::Result<_>>()?;
    assert_eq!(left.len(), 4, "{left:?}");
    assert!(matches!(Database::in_memory()?.checkpoint(directory.path().join("new")), Err(Error::Unsupported { .. })));
    Ok(())
}

#[test]
fn sync_is_possible_at_any_time() -> TestResult {
    on_both(|db| {
        db.sync()?;
        db.map::<u64, u64>("numbers")?.put(1, 10)?;
        Ok(db.sync()?)
    })
}
