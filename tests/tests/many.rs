//! Calls about many entries: counting them, reading several, removing a range, and the next page of a scan.

use std::ops::ControlFlow;
use std::sync::mpsc;
use std::thread;

use kvstore::{Database, ElementSet, Error, Map, MapStore, Outcome, Result, Store};
use kvstore_tests::{TestResult, on_both, on_both_built, wait_for_waiters};

type Numbers = MapStore<Map<u64, u64>>;

fn numbers(db: &Database, count: u64) -> Result<Numbers> {
    let numbers = db.map("numbers")?;
    (0..count).try_for_each(|key| numbers.put(key, key * 10))?;
    Ok(numbers)
}

#[test]
fn count_and_is_empty_see_what_is_committed() -> TestResult {
    on_both(|db| {
        let store = numbers(db, 0)?;
        let neighbour = db.map::<u64, u64>("other")?;
        neighbour.put(1, 1)?;
        assert!(store.is_empty()? && store.count()? == 0);
        let new = store.create(5, 50)?;
        assert!(store.is_empty()? && store.count()? == 0);
        new.commit()?;
        assert!(!store.is_empty()? && store.count()? == 1);
        let store = numbers(db, 3_000)?;
        assert_eq!(store.count()?, 3_000);
        Ok(())
    })
}

#[test]
fn several_values_come_in_the_order_of_their_keys_as_given() -> TestResult {
    on_both(|db| {
        let store = numbers(db, 10)?;
        assert_eq!(store.get_many([7, 99, 0, 7])?, [Some(70), None, Some(0), Some(70)]);
        assert!(store.get_many([0; 0])?.is_empty());
        let texts = db.map::<String, u64>("texts")?;
        texts.put("a", 1)?;
        assert_eq!(texts.get_many(["a", "b"])?, [Some(1), None]);
        assert!(matches!(texts.get_many(["a", &"k".repeat(70_000)]), Err(Error::TooLarge { .. })));
        let snapshot = db.snapshot()?;
        store.put(7, 71)?;
        store.remove(0)?;
        assert_eq!(store.at(&snapshot).get_many([7, 99, 0])?, [Some(70), None, Some(0)]);
        assert_eq!(store.at(&snapshot).get_shared(7)?.as_deref(), Some(&70));
        assert_eq!((store.at(&snapshot).get_shared(99)?, store.get_shared(7)?.as_deref()), (None, Some(&71)));
        let other = Database::in_memory()?.snapshot()?;
        assert!(matches!(store.at(&other).get_shared(7), Err(Error::ForeignSnapshot { .. })));
        assert!(matches!(store.at(&other).get_many([7]), Err(Error::ForeignSnapshot { .. })));
        Ok(())
    })
}

#[test]
fn a_scan_starts_after_a_key_wherever_that_lies() -> TestResult {
    on_both(|db| {
        let store = numbers(db, 100)?;
        let keys = |scan: kvstore::Scan<_>| -> Result<Vec<u64>> { scan.keys().collect() };
        assert_eq!(keys(store.range(10..13)?.starting_after(10)?)?, [11, 12]);
        assert_eq!(keys(store.range(10..13)?.starting_after(5)?)?, [10, 11, 12]);
        assert_eq!(keys(store.range(10..=12)?.starting_after(12)?)?, [0; 0]);
        assert_eq!(keys(store.range(10..=12)?.starting_after(11)?.reversed())?, [12]);
        assert_eq!(keys(store.range(10..14)?.starting_at(11)?.starting_after(11)?)?, [12, 13]);
        assert_eq!(keys(store.range(10..14)?.starting_after(11)?.starting_at(11)?)?, [12, 13]);
        assert_eq!(keys(store.iter()?.starting_after(u64::MAX)?)?, [0; 0]);
        assert!(matches!(store.range(10..13)?.starting_after(14), Err(Error::InvalidRange { .. })));
        // A scan that has begun goes on after the key, or where it is.
        let mut scan = store.range(10..14)?;
        assert_eq!(scan.next().transpose()?, Some((10, 100)));
        assert_eq!(keys(scan.starting_after(11)?)?, [12, 13]);
        let texts = db.map::<String, u64>("texts")?;
        ["a", "a\0", "a\0\0", "ab", "b"].iter().try_for_each(|key| texts.put(*key, 0))?;
        let rest = texts.prefix("a")?.starting_after("a")?.keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(rest, ["a\0", "a\0\0", "ab"]);
        assert!(matches!(texts.prefix("a")?.starting_after("b"), Err(Error::InvalidRange { .. })));
        Ok(())
    })
}

#[test]
fn a_range_is_removed_and_nothing_beside_it() -> TestResult {
    on_both(|db| {
        let store = numbers(db, 2_000)?;
        let neighbour = db.map::<u64, u64>("other")?;
        neighbour.put(1, 1)?;
        assert_eq!(store.remove_range(100..1_900)?, 1_800);
        assert_eq!((store.count()?, store.contains(99)?, store.contains(100)?), (200, true, false));
        assert_eq!((store.remove_range(100..1_900)?, store.remove_range(5..5)?), (0, 0));
        assert_eq!(store.remove_range(..=1)?, 2);
        assert_eq!(store.remove_range(1_999..)?, 1);
        assert!(matches!(
            store.remove_range((std::ops::Bound::Included(9), std::ops::Bound::Excluded(1))),
            Err(Error::InvalidRange { .. })
        ));
        assert_eq!((store.remove_range(..)?, store.is_empty()?, neighbour.count()?), (197, true, 1));
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn the_progress_of_a_removal_grows_and_may_end_it() -> TestResult {
    on_both(|db| {
        let store = numbers(db, 2_000)?;
        let mut seen = Vec::new();
        let removed = store.remove_range_with(.., |removed| {
            assert!(db.locks().is_empty());
            seen.push(removed);
            if removed >= 1_000 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        })?;
        assert!(seen.len() > 1 && seen.is_sorted() && seen.last() == Some(&removed), "{seen:?}");
        assert!((1_000..2_000).contains(&removed) && store.count()? == 2_000 - removed);
        assert_eq!(store.remove_range(..)?, 2_000 - removed);
        Ok(())
    })
}

#[test]
fn a_removal_waits_for_what_is_held_and_removes_what_it_finds_then() -> TestResult {
    on_both(|db| {
        let store = numbers(db, 10)?;
        let (kept, mut changed) = (store.lock(3)?.ok_or("gone")?, store.lock(5)?.ok_or("gone")?);
        let (removed, waited) = mpsc::channel();
        thread::scope(|scope| -> TestResult {
            scope.spawn(|| removed.send(store.remove_range(..)));
            wait_for_waiters(db, 1)?;
            // All that nobody held is gone by now.
            assert_eq!(store.iter()?.keys().collect::<Result<Vec<_>>>()?, [3, 5]);
            *changed += 1;
            changed.commit()?;
            kept.delete()?;
            // What was deleted meanwhile is not counted.
            assert_eq!(waited.recv()??, 9);
            Ok(())
        })?;
        assert!(store.is_empty()? && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_removal_that_waits_in_vain_says_for_what_and_keeps_what_it_did() -> TestResult {
    let settings = Database::builder().lock_timeout(std::time::Duration::from_millis(10));
    on_both_built(&settings, |db| {
        let store = numbers(db, 10)?;
        let held = store.lock(3)?.ok_or("gone")?;
        assert!(matches!(store.remove_range(..), Err(Error::LockTimeout { key, .. }) if key == "3"));
        assert_eq!(store.count()?, 1);
        drop(held);
        assert_eq!((store.remove_range(..)?, db.locks().len()), (1, 0));
        Ok(())
    })
}

#[derive(Store)]
#[store(key = u64)]
struct Job {
    tags: ElementSet<String>,
}

#[test]
fn the_elements_of_a_range_go_with_its_entries() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        for key in 0..300 {
            let mut job = jobs.create(key, JobInit {})?;
            job.elements(Job::TAGS).insert(format!("tag {key}"))?;
            job.commit()?;
        }
        assert_eq!(jobs.remove_range(1..)?, 299);
        for key in 0..300 {
            jobs.lock_or_create(key, JobInit {})?.commit()?;
            assert_eq!(jobs.elements(Job::TAGS, key).count()?, u64::from(key == 0));
        }
        Ok(())
    })
}

#[test]
fn a_removal_that_fails_tells_and_can_be_repeated() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let store = numbers(&db, 1_000)?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    assert!(matches!(store.remove_range(..), Err(Error::Engine { .. })));
    assert_eq!((store.count()?, db.locks().len()), (1_000, 0));
    assert_eq!(store.remove_range(..)?, 1_000);
    Ok(())
}
