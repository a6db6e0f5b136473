//! What a database takes on disk: after it is closed, after many short sessions, after everything is removed.

use std::fs;
use std::io;
use std::path::Path;

use kvstore::{Database, Map, MapStore};
use kvstore_tests::{TestResult, wait_until, warnings_of};

/// The number and the bytes of the files with this ending.
fn files(path: &Path, ending: &str) -> io::Result<(usize, u64)> {
    let (mut count, mut bytes) = (0, 0);
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(ending) {
            count += 1;
            // Removed meanwhile.
            bytes += entry.metadata().map_or(0, |found| found.len());
        }
    }
    Ok((count, bytes))
}

/// Text that hardly compresses.
fn noise(state: &mut u64, length: usize) -> String {
    let character = || {
        *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        char::from(b' ' + (*state >> 58) as u8)
    };
    std::iter::repeat_with(character).take(length).collect()
}

#[test]
fn a_clean_close_leaves_nothing_to_be_read_by_the_next_open() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let (db, mut state) = (Database::open(path)?, 1);
    let lines = db.map::<u64, String>("lines")?;
    (0..5_000).try_for_each(|key| lines.put(key, noise(&mut state, 100)))?;
    drop(lines);
    db.close()?;
    assert_eq!((files(path, ".log")?.1, files(path, ".sst")?.0), (0, 1));
    let before = files(path, ".sst")?;
    for _ in 0..2 {
        let db = Database::open(path)?;
        assert_eq!(db.map::<u64, String>("lines")?.iter()?.count(), 5_000);
        db.close()?;
        assert_eq!((files(path, ".log")?.1, files(path, ".sst")?), (0, before));
    }
    Ok(())
}

#[test]
fn tables_of_short_sessions_are_merged() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    for time in 0..40 {
        let db = Database::open(path)?;
        db.map::<u64, String>("log")?.put(time, "a line".into())?;
        db.close()?;
    }
    let tables = files(path, ".sst")?.0;
    assert!(tables < 20, "{tables} tables");
    assert_eq!(Database::open(path)?.map::<u64, String>("log")?.iter()?.count(), 40);
    Ok(())
}

#[test]
fn tables_of_checkpoints_are_merged() -> TestResult {
    for consumed in [false, true] {
        let directory = tempfile::tempdir()?;
        let path = directory.path().join("db");
        let db = Database::open(&path)?;
        let log = db.map::<u64, String>("log")?;
        for round in 0..40 {
            for line in 0..5 {
                log.put(round * 5 + line, "a line".into())?;
            }
            while consumed && let Some(first) = log.try_lock_first(..)? {
                first.delete()?;
            }
            db.checkpoint(directory.path().join(round.to_string()))?;
        }
        wait_until("tables are merged", || files(&path, ".sst").is_ok_and(|tables| tables.0 < 20))?;
        assert_eq!(log.iter()?.count(), if consumed { 0 } else { 200 });
    }
    Ok(())
}

#[test]
fn a_damaged_table_is_not_merged_and_writes_go_on() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (path, copies) = (&directory.path().join("db"), &directory.path().join("copies"));
    fs::create_dir(copies)?;
    let mut state = 1;
    let mut write = |log: &MapStore<Map<u64, String>>, round: u64| {
        (0..10).try_for_each(|line| log.put(10 * round + line, noise(&mut state, 4_000)))
    };
    let db = Database::open(path)?;
    let log = db.map::<u64, String>("log")?;
    // One table fewer than are merged.
    for round in 0..7 {
        write(&log, round)?;
        db.checkpoint(copies.join(round.to_string()))?;
    }
    drop(log);
    db.close()?;
    assert_eq!(files(path, ".sst")?.0, 7);
    let names = fs::read_dir(path)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    let tables = names.into_iter().filter(|name| name.extension().is_some_and(|ending| ending == "sst"));
    let damaged = tables.max().ok_or("no table")?;
    let mut bytes = fs::read(&damaged)?;
    let middle = bytes.len() / 2;
    bytes[middle..middle + 8].fill(0);
    fs::write(&damaged, bytes)?;
    let name = damaged.file_name().ok_or("no name")?.to_string_lossy();

    let db = Database::open(path)?;
    let log = db.map::<u64, String>("log")?;
    write(&log, 7)?;
    let (copied, said) = warnings_of(|| db.checkpoint(copies.join("7")));
    copied?;
    assert!(said.iter().any(|line| line.contains("not merged") && line.contains(&*name)), "{said:?}");
    // After RocksDB met damage in the background, this would fail.
    write(&log, 8)?;
    let errors: Vec<_> = (0..90).map(|key| log.get(key)).filter_map(Result::err).collect();
    assert!((1..5).contains(&errors.len()), "{errors:?}");
    assert!(errors.iter().all(|error| format!("{error:?}").contains(&*name)), "{errors:?}");
    drop(log);
    let (closed, said) = warnings_of(|| db.close());
    closed?;
    assert!(said.iter().all(|line| line.contains("not merged")), "{said:?}");
    assert!(fs::read_to_string(path.join("KVSTORE"))?.contains("clean"));
    Ok(())
}

#[test]
fn what_is_removed_is_given_back_while_nothing_is_done() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let (db, mut state) = (Database::builder().write_buffer_bytes(1 << 20).open(path)?, 1);
    let lines = db.map::<u64, String>("lines")?;
    (0..5_000).try_for_each(|key| lines.put(key, noise(&mut state, 1_000)))?;
    let before = files(path, ".sst")?.1;
    assert!(before > 2_000_000, "{before}");
    (0..5_000).try_for_each(|key| lines.remove(key).map(drop))?;
    wait_until("the space is given back", || files(path, ".sst").is_ok_and(|now| now.1 < before / 10))?;
    lines.put(1, "a line".into())?;
    Ok(db.close()?)
}

#[test]
fn compacting_gives_everything_back_at_once() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = &directory.path().join("db");
    let (db, mut state) = (Database::open(path)?, 1);
    let lines = db.map::<u64, String>("lines")?;
    for copy in 0..3 {
        (0..2_000).try_for_each(|key| lines.put(key, noise(&mut state, 1_000)))?;
        db.checkpoint(directory.path().join(format!("copy-{copy}")))?;
    }
    for key in (0..2_000).filter(|key| key % 10 > 0) {
        lines.remove(key)?;
    }
    db.compact()?;
    // RocksDB removes the old tables in the background.
    wait_until("the old tables are gone", || files(path, ".sst").is_ok_and(|left| left.1 < 400_000))?;
    assert_eq!(lines.iter()?.count(), 200);
    db.close()?;
    assert!(matches!(lines.get(1), Err(kvstore::Error::Closed)));
    Ok(())
}
