//! Every number of the builder at its ends: 0 means off where that is natural, and what is not possible is refused.

use std::time::Duration;

use kvstore::{Database, DatabaseBuilder, Error};
use kvstore_tests::{TestResult, on_both_built};

/// What every database must do, with whatever settings.
fn works(db: &Database) -> TestResult {
    let map = db.map::<u64, String>("map")?;
    for key in 0..300 {
        map.put(key, "value".repeat(100))?;
    }
    for _ in 0..3 {
        assert_eq!(map.get_shared(7)?.as_deref(), Some(&"value".repeat(100)));
    }
    assert!(map.remove(7)?);
    assert_eq!(map.iter()?.count(), 299);
    Ok(())
}

/// Also once it reads from tables.
fn works_on_disk(builder: &DatabaseBuilder) -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = builder.clone().open(directory.path())?;
    works(&db)?;
    db.compact()?;
    works(&db)?;
    db.close()?;
    let db = builder.clone().open(directory.path())?;
    assert_eq!(db.map::<u64, String>("map")?.iter()?.count(), 299);
    works(&db)
}

/// Refused with the name of the option, and nothing is made.
fn is_refused(builder: &DatabaseBuilder, wanted: &str) -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("db");
    match builder.clone().open(&path) {
        Err(Error::InvalidOption { option, reason }) => {
            assert_eq!(option, wanted);
            assert!(reason.contains("bytes"), "{reason}");
        }
        other => return Err(format!("{other:?}").into()),
    }
    assert!(!path.exists());
    Ok(())
}

#[test]
fn block_caches_of_any_size_work_or_are_refused() -> TestResult {
    for bytes in [0, 1, 4096, 1 << 20, 2 << 30] {
        works_on_disk(&Database::builder().cache_bytes(bytes))?;
    }
    for bytes in [1 << 55, usize::MAX / 2, usize::MAX] {
        is_refused(&Database::builder().cache_bytes(bytes), "cache_bytes")?;
    }
    Ok(())
}

#[test]
fn write_buffers_of_any_size_work_or_are_refused() -> TestResult {
    for bytes in [0, 1, 64 << 10, 100 << 20] {
        works_on_disk(&Database::builder().write_buffer_bytes(bytes))?;
    }
    for bytes in [(4 << 30) + 1, usize::MAX / 2, usize::MAX] {
        is_refused(&Database::builder().write_buffer_bytes(bytes), "write_buffer_bytes")?;
    }
    Ok(())
}

#[test]
fn read_caches_of_any_size_work() -> TestResult {
    for bytes in [0, 1, 100_000, 1 << 40, usize::MAX / 2, usize::MAX] {
        on_both_built(&Database::builder().read_cache_bytes(bytes), works)?;
    }
    Ok(())
}

#[test]
fn lock_timeouts_of_any_length_work() -> TestResult {
    let almost_forever = Duration::MAX.saturating_sub(Duration::from_nanos(1));
    for timeout in [Duration::ZERO, Duration::from_nanos(1), almost_forever, Duration::MAX] {
        on_both_built(&Database::builder().lock_timeout(timeout), |db| {
            works(db)?;
            let map = db.map::<u64, String>("map")?;
            let held = map.lock(8)?.ok_or("no entry")?;
            let waiting = |map: &kvstore::MapStore<kvstore::Map<u64, String>>| map.lock(8).map(|guard| guard.is_some());
            std::thread::scope(|scope| {
                let waits = scope.spawn(|| waiting(&map));
                if timeout < Duration::from_secs(1) {
                    assert!(matches!(waits.join().unwrap(), Err(Error::LockTimeout { .. })));
                } else {
                    kvstore_tests::wait_for_waiters(db, 1)?;
                    held.release();
                    assert!(matches!(waits.join().unwrap(), Ok(true)));
                }
                Ok(())
            })
        })?;
    }
    Ok(())
}
