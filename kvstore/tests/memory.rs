//! The public interface on the in-memory engine, with bare values.

use std::collections::BTreeMap;

use kvstore::{Batch, Database, Error, Map, MapStore, Outcome, Result};

#[test]
fn entries_live_through_guards_batches_and_scans() -> Result<()> {
    let db = Database::in_memory()?;
    let settings: MapStore<Map<String, BTreeMap<String, String>>> = db.map("settings")?;
    let mut entry = settings.create("ui", BTreeMap::new())?;
    assert!(entry.is_new() && !settings.contains("ui")?);
    entry.insert("theme".into(), "dark".into());
    entry.save()?;
    assert_eq!(settings.get("ui")?.unwrap()["theme"], "dark");
    assert!(matches!(settings.try_lock("ui"), Err(Error::Locked { .. })));
    entry.commit()?;
    assert!(matches!(settings.create("ui", BTreeMap::new()), Err(Error::AlreadyExists { .. })));

    let numbers = db.map::<u64, String>("numbers")?;
    for text in ["a", "b", "c"] {
        numbers.create_next(text.to_string())?.commit()?;
    }
    numbers.put(900, "late".into())?;
    let all = numbers.iter()?.collect::<Result<Vec<_>>>()?;
    assert_eq!(all.iter().map(|(key, _)| *key).collect::<Vec<_>>(), [1, 2, 3, 900]);
    assert_eq!(numbers.range(900..)?.count(), 1);
    assert_eq!(numbers.range(2..900)?.reversed().keys().collect::<Result<Vec<_>>>()?, [3, 2]);
    let head = numbers.try_lock_first(..)?.unwrap();
    assert_eq!((*head.key(), numbers.try_lock_first(..)?.map(|next| *next.key())), (1, Some(2)));
    Batch::new().delete(head).commit()?;
    assert_eq!(numbers.first()?.unwrap().0, 2);
    assert_eq!(numbers.last()?.unwrap().0, 900);
    assert!(db.locks().is_empty());
    Ok(())
}

#[test]
fn a_failed_commit_gives_the_guard_back() -> Result<()> {
    let (db, faults) = Database::in_memory_with_faults()?;
    let map = db.map::<u64, u64>("map")?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    let failed = map.create(1, 10)?.try_commit().unwrap_err();
    assert_eq!(failed.outcome(), Outcome::NotApplied);
    let guard = failed.into_held();
    assert!(matches!(map.try_lock(1), Err(Error::Locked { .. })));
    guard.commit()?;
    assert_eq!(map.get(1)?, Some(10));

    faults.fail_next_writes(1, Outcome::Unknown);
    assert!(matches!(map.put(2, 20), Err(Error::OutcomeUnknown { .. })));
    assert!(matches!(map.put(2, 20), Err(Error::Failed { .. })));
    assert!(matches!(map.lock(1), Err(Error::Failed { .. })));
    assert_eq!(map.get(1)?, Some(10));
    Ok(())
}

#[test]
fn methods_of_the_value_are_reached_through_the_guard() -> Result<()> {
    let db = Database::in_memory()?;
    let map = db.map::<String, BTreeMap<String, u32>>("map")?;
    let mut guard = map.create("a", BTreeMap::new())?;
    // `entry` and `values` are names that the guard might use for itself.
    *guard.entry("x".into()).or_default() += 2;
    assert_eq!(guard.values().sum::<u32>(), 2);
    guard.commit()
}

#[test]
fn guards_of_a_closed_database_answer_closed_even_with_nothing_to_write() -> Result<()> {
    let db = Database::in_memory()?;
    let map = db.map::<u64, u64>("map")?;
    for key in 1..4 {
        map.put(key, 0)?;
    }
    let clean = map.lock(1)?.ok_or(Error::Closed)?;
    let new = map.create(9, 0)?;
    let batch = Batch::new().write(map.lock(2)?.ok_or(Error::Closed)?);
    let mut changed = map.lock(3)?.ok_or(Error::Closed)?;
    *changed = 7;
    db.close()?;
    let closed = |error: &Error| matches!(error, Error::Closed);
    assert!(clean.commit().is_err_and(|error| closed(&error)));
    assert!(new.delete().is_err_and(|error| closed(&error)));
    assert!(batch.commit().is_err_and(|error| closed(&error)));
    assert!(changed.try_commit().is_err_and(|error| closed(error.error())));
    Ok(())
}
