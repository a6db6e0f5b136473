//! Snapshots: all stores of a database as they were at one moment.

use std::thread;

use kvstore::{Database, Error, Map, MapStore, Result};
use kvstore_tests::{TestResult, on_both};

type Stores = (MapStore<Map<String, u64>>, MapStore<Map<u64, String>>);

fn filled(db: &Database) -> Result<Stores> {
    let (texts, numbers) = (db.map::<String, u64>("texts")?, db.map::<u64, String>("numbers")?);
    for (number, text) in (0..).zip(["a", "a/1", "a/2", "b"]) {
        texts.put(text, number)?;
        numbers.put(number, text.into())?;
    }
    Ok((texts, numbers))
}

#[test]
fn a_view_reads_what_was_there() -> TestResult {
    on_both(|db| {
        let (texts, numbers) = filled(db)?;
        let snapshot = db.snapshot()?;
        texts.remove("a")?;
        texts.put("b", 30)?;
        texts.put("c", 40)?;
        numbers.remove(0)?;
        let view = texts.at(&snapshot);
        assert_eq!((view.get("a")?, view.get("b")?, view.get("c")?), (Some(0), Some(3), None));
        assert!(view.contains("a")? && !view.contains("c")?);
        let keys = |scan: kvstore::Scan<Map<String, u64>>| scan.keys().collect::<Result<Vec<_>>>();
        assert_eq!(keys(view.iter()?)?, ["a", "a/1", "a/2", "b"]);
        assert_eq!(keys(view.iter()?.reversed())?, ["b", "a/2", "a/1", "a"]);
        assert_eq!(keys(view.range("a/1".."b")?)?, ["a/1", "a/2"]);
        assert_eq!(keys(view.prefix("a")?)?, ["a", "a/1", "a/2"]);
        assert_eq!(keys(view.prefix("a/")?.starting_at("a/2")?)?, ["a/2"]);
        assert_eq!(view.iter()?.map(|entry| Ok(entry?.1)).collect::<Result<Vec<_>>>()?, [0, 1, 2, 3]);
        assert!(matches!(view.range("b".."a"), Err(Error::InvalidRange { .. })));
        // Now it is as it is.
        assert_eq!((texts.get("a")?, texts.get("b")?, keys(texts.iter()?)?.len()), (None, Some(30), 4));
        assert_eq!(numbers.at(&snapshot).get(0)?.as_deref(), Some("a"));
        Ok(())
    })
}

#[test]
fn a_snapshot_is_of_one_moment_over_all_stores() -> TestResult {
    on_both(|db| {
        let (left, right) = (db.map::<u64, u64>("left")?, db.map::<u64, u64>("right")?);
        thread::scope(|scope| -> TestResult {
            // First left, then right: right never is ahead.
            let writer = scope.spawn(|| -> TestResult {
                for number in 0..1_500 {
                    left.put(number, number)?;
                    right.put(number, number)?;
                }
                Ok(())
            });
            while !writer.is_finished() {
                let snapshot = db.snapshot()?;
                let (left, right) = (left.at(&snapshot), right.at(&snapshot));
                let (ahead, behind) = (left.iter()?.count(), right.iter()?.count());
                assert!(ahead == behind || ahead == behind + 1, "{ahead} and {behind}");
                // However often it is looked at.
                assert_eq!((left.iter()?.count(), right.iter()?.count()), (ahead, behind));
            }
            writer.join().unwrap()
        })
    })
}

#[test]
fn a_snapshot_stops_nobody_and_sees_no_uncommitted_value() -> TestResult {
    on_both(|db| {
        let (texts, _) = filled(db)?;
        let mut held = texts.lock("a")?.unwrap();
        *held = 7;
        let new = texts.create("new", 1)?;
        let snapshot = db.snapshot()?;
        held.commit()?;
        new.commit()?;
        assert_eq!((texts.at(&snapshot).get("a")?, texts.at(&snapshot).get("new")?), (Some(0), None));
        assert_eq!((texts.get("a")?, texts.get("new")?), (Some(7), Some(1)));
        Ok(())
    })
}

#[test]
fn a_scan_outlives_its_snapshot() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        (0..500).try_for_each(|number| numbers.put(number, number))?;
        let snapshot = db.snapshot()?;
        let mut scan = numbers.at(&snapshot).iter()?;
        assert_eq!(scan.next().unwrap()?, (0, 0));
        drop(snapshot);
        (0..500).try_for_each(|number| numbers.remove(number).map(drop))?;
        assert!(scan.collect::<Result<Vec<_>>>()?.into_iter().eq((1..500).map(|number| (number, number))));
        Ok(())
    })
}

#[test]
fn snapshots_of_several_moments_live_side_by_side() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let mut snapshots = Vec::new();
        for number in 0..20 {
            numbers.put(0, number)?;
            snapshots.push(db.snapshot()?);
        }
        drop(snapshots.remove(10));
        for (snapshot, number) in snapshots.iter().zip((0..20).filter(|number| *number != 10)) {
            assert_eq!(numbers.at(snapshot).get(0)?, Some(number));
        }
        Ok(())
    })
}

#[test]
fn threads_share_a_snapshot() -> TestResult {
    on_both(|db| {
        let (texts, _) = filled(db)?;
        let snapshot = db.snapshot()?;
        texts.remove("a")?;
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let view = texts.at(&snapshot);
                    for _ in 0..100 {
                        assert_eq!((view.get("a").unwrap(), view.iter().unwrap().count()), (Some(0), 4));
                    }
                });
            }
        });
        Ok(())
    })
}

#[test]
fn a_store_that_was_made_after_the_snapshot_is_empty_in_it() -> TestResult {
    on_both(|db| {
        let snapshot = db.snapshot()?;
        let (texts, _) = filled(db)?;
        let view = texts.at(&snapshot);
        assert!(!view.contains("a")? && view.iter()?.next().is_none());
        Ok(())
    })
}

#[test]
fn a_snapshot_of_another_database_is_refused_by_every_read() -> TestResult {
    on_both(|db| {
        let (texts, _) = filled(db)?;
        let other = Database::in_memory()?;
        filled(&other)?;
        let snapshot = other.snapshot()?;
        let view = texts.at(&snapshot);
        let foreign = |error: Error| matches!(error, Error::ForeignSnapshot { namespace } if namespace == "texts");
        assert!(foreign(view.get("a").unwrap_err()) && foreign(view.contains("a").unwrap_err()));
        assert!(foreign(view.iter().unwrap_err()) && foreign(view.range("a"..).unwrap_err()));
        assert!(foreign(view.prefix("a").unwrap_err()));
        Ok(())
    })
}
