//! Batches that lock entries by themselves, guards added in loops, and requests for locks in a `Vec`.

use std::thread;

use kvstore::{Batch, Database, ElementSet, Error, Outcome, Result, Store};
use kvstore_tests::{TestResult, on_both, on_both_built, wait_for_waiters, warnings_of};

#[derive(Store, Debug)]
struct Job {
    #[store(key)]
    id: u64,
    owner: String,
    tags: ElementSet<String>,
}

fn init(owner: &str) -> JobInit {
    JobInit { owner: owner.into() }
}

/// A store with the job 1, which has a tag.
fn one_job(db: &Database) -> Result<JobStore> {
    let jobs = db.store::<Job>()?;
    let mut job = jobs.create(1, init("me"))?;
    job.elements(Job::TAGS).insert("old")?;
    job.commit()?;
    Ok(jobs)
}

fn owner(jobs: &JobStore, id: u64) -> Result<Option<String>> {
    Ok(jobs.get(id)?.map(|job| job.owner))
}

#[test]
fn a_batch_inserts_and_removes_entries_of_any_stores_as_a_whole() -> TestResult {
    on_both(|db| {
        let (jobs, names) = (one_job(db)?, db.map::<String, u64>("names")?);
        names.put("me", 1)?;
        let mut batch = Batch::new();
        batch.insert(&jobs, 1, init("you"))?;
        batch.insert(&jobs, 2, init("them"))?;
        batch.insert(&names, "you", 1)?;
        assert!(batch.remove(&names, "me")? && !batch.remove(&names, "nobody")?);
        // Held until the commit, and nothing is written before.
        assert_eq!((db.locks().len(), owner(&jobs, 1)?.as_deref(), jobs.contains(2)?), (5, Some("me"), false));
        assert!(matches!(names.try_lock("nobody"), Err(Error::Locked { .. })));
        batch.commit()?;
        assert_eq!((owner(&jobs, 1)?.as_deref(), owner(&jobs, 2)?.as_deref()), (Some("you"), Some("them")));
        assert_eq!((names.get("you")?, names.count()?, db.locks().len()), (Some(1), 1, 0));
        // What replaces an entry has none of its elements.
        assert_eq!(jobs.elements(Job::TAGS, 1).count()?, 0);
        Ok(())
    })
}

#[test]
fn of_several_calls_for_one_entry_the_last_counts() -> TestResult {
    on_both(|db| {
        let jobs = one_job(db)?;
        // Inserted over a guard, with changes of its elements.
        let mut held = jobs.lock(1)?.ok_or("gone")?;
        held.owner = "nobody".into();
        held.elements(Job::TAGS).insert("new")?;
        let mut batch = Batch::new().write(held);
        batch.insert(&jobs, 1, init("first"))?;
        batch.insert(&jobs, 1, init("second"))?;
        assert!(batch.take(&jobs, 1).is_none() && db.locks().len() == 1);
        batch.commit()?;
        assert_eq!((owner(&jobs, 1)?.as_deref(), jobs.elements(Job::TAGS, 1).count()?), (Some("second"), 0));
        // Removed over a guard, then again, and inserted after that.
        let mut batch = Batch::new();
        batch.add_write(jobs.lock(1)?.ok_or("gone")?);
        assert!(batch.remove(&jobs, 1)? && !batch.remove(&jobs, 1)?);
        batch.insert(&jobs, 1, init("third"))?;
        batch.commit()?;
        assert_eq!(owner(&jobs, 1)?.as_deref(), Some("third"));
        // Removed over a new entry, and over a deletion.
        let mut batch = Batch::new().delete(jobs.lock(1)?.ok_or("gone")?).write(jobs.create(2, init("new"))?);
        assert!(!batch.remove(&jobs, 1)? && batch.remove(&jobs, 2)?);
        batch.commit()?;
        assert!(jobs.is_empty()? && db.locks().is_empty());
        // Inserted, and removed after that.
        let mut batch = Batch::new();
        batch.insert(&jobs, 3, init("new"))?;
        assert!(batch.remove(&jobs, 3)?);
        batch.commit()?;
        assert!(jobs.is_empty()? && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_call_that_fails_leaves_the_batch_as_it_was() -> TestResult {
    let settings = Database::builder().lock_timeout(std::time::Duration::from_millis(10));
    on_both_built(&settings, |db| {
        let jobs = one_job(db)?;
        let mut batch = Batch::new();
        batch.insert(&jobs, 1, init("you"))?;
        let whole = Job { id: 7, owner: "x".into(), tags: ElementSet::default() };
        assert!(
            matches!(batch.insert(&jobs, 1, whole), Err(Error::KeyChanged { key, found, .. }) if key == "1" && found == "7")
        );
        let held = jobs.create(2, init("held"))?;
        assert!(matches!(batch.insert(&jobs, 2, init("late")), Err(Error::LockTimeout { .. })));
        assert!(matches!(batch.remove(&jobs, 2), Err(Error::LockTimeout { .. })));
        held.release();
        let texts = db.map::<String, u64>("texts")?;
        assert!(matches!(batch.remove(&texts, "k".repeat(70_000)), Err(Error::TooLarge { .. })));
        assert_eq!(db.locks().len(), 1);
        batch.commit()?;
        assert_eq!((owner(&jobs, 1)?.as_deref(), jobs.count()?), (Some("you"), 1));
        Ok(())
    })
}

#[test]
fn a_batch_waits_for_an_entry_that_somebody_holds() -> TestResult {
    on_both(|db| {
        let jobs = one_job(db)?;
        let mut held = jobs.lock(1)?.ok_or("gone")?;
        held.owner = "before".into();
        thread::scope(|scope| -> TestResult {
            let removal = scope.spawn(|| -> Result<bool> {
                let mut batch = Batch::new();
                let there = batch.remove(&jobs, 1)?;
                batch.insert(&jobs, 2, init("after"))?;
                batch.commit()?;
                Ok(there)
            });
            wait_for_waiters(db, 1)?;
            held.delete()?;
            assert!(!removal.join().map_err(|_| "panicked")??);
            Ok(())
        })?;
        assert_eq!((owner(&jobs, 2)?.as_deref(), jobs.count()?), (Some("after"), 1));
        Ok(())
    })
}

#[test]
fn a_batch_that_fails_or_is_dropped_writes_none_of_its_inserts() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let jobs = one_job(&db)?;
    let fill = |batch: &mut Batch| -> Result<()> {
        batch.insert(&jobs, 1, init("you"))?;
        batch.insert(&jobs, 2, init("new"))
    };
    let mut batch = Batch::new();
    fill(&mut batch)?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    let failed = batch.try_commit().err().ok_or("it was to fail")?;
    assert_eq!((owner(&jobs, 1)?.as_deref(), db.locks().len()), (Some("me"), 2));
    failed.into_held().commit()?;
    assert_eq!((owner(&jobs, 1)?.as_deref(), jobs.count()?), (Some("you"), 2));

    jobs.remove(2)?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    let mut batch = Batch::new();
    batch.insert(&jobs, 1, init("lost"))?;
    let (failed, warnings) = warnings_of(|| batch.commit());
    assert!(matches!(failed, Err(Error::Engine { .. })) && warnings.is_empty(), "{warnings:?}");
    let mut batch = Batch::new();
    fill(&mut batch)?;
    let (shown, warnings) = warnings_of(|| {
        format!("{batch:?}")
            + &{
                drop(batch);
                String::new()
            }
    });
    assert_eq!((shown.as_str(), warnings.len()), ("[insert job[1], insert job[2]]", 2), "{warnings:?}");
    assert_eq!((owner(&jobs, 1)?.as_deref(), jobs.count()?, db.locks().len()), (Some("you"), 1, 0));
    Ok(())
}

#[test]
fn inserts_into_another_database_are_refused_by_the_commit() -> TestResult {
    let (db, other) = (Database::in_memory()?, Database::in_memory()?);
    let (here, there) = (db.map::<u64, u64>("numbers")?, other.map::<u64, u64>("numbers")?);
    let mut batch = Batch::new();
    batch.insert(&here, 1, 10)?;
    batch.insert(&there, 1, 20)?;
    assert!(matches!(batch.commit(), Err(Error::ForeignGuard { .. })));
    assert!(here.is_empty()? && there.is_empty()? && db.locks().is_empty() && other.locks().is_empty());
    Ok(())
}

#[test]
fn requests_in_a_vec_are_answered_in_their_order() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.put(1, 10)?;
        numbers.put(3, 30)?;
        let wanted = [3, 2, 1].map(|key| numbers.wanted(key)).into_iter().collect::<Vec<_>>();
        let guards = db.lock_together(wanted)?;
        let seen = guards.iter().map(|guard| guard.as_deref().copied()).collect::<Vec<_>>();
        assert_eq!((seen, db.locks().len()), (vec![Some(30), None, Some(10)], 2));
        drop(guards);
        let mut batch = Batch::new();
        for mut guard in db.lock_together((1..=3).map(|key| numbers.wanted_or_create(key, 0)).collect::<Vec<_>>())? {
            assert_eq!(guard.is_new(), *guard.key() == 2);
            *guard += 1;
            batch.add_write(guard);
        }
        batch.add_delete(numbers.create(4, 40)?);
        batch.commit()?;
        assert_eq!(numbers.get_many(1..=4)?, [Some(11), Some(1), Some(31), None]);
        let twice = vec![numbers.wanted(1), numbers.wanted(1)];
        assert!(matches!(db.lock_together(twice), Err(Error::DuplicateKey { .. })));
        let foreign = vec![Database::in_memory()?.map::<u64, u64>("numbers")?.wanted(1)];
        assert!(matches!(db.lock_together(foreign), Err(Error::ForeignGuard { .. })));
        assert!(db.lock_together(Vec::<kvstore::Wanted<kvstore::Map<u64, u64>>>::new())?.is_empty());
        assert!(db.locks().is_empty());
        Ok(())
    })
}
