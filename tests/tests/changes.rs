//! Changes of one entry in one call: what they return, what they write, and what they leave locked.

use std::sync::atomic::{AtomicBool, Ordering};

use kvstore::{Database, ElementMap, Error, Map, MapStore, Outcome, Result, Store};
use kvstore_tests::{TestResult, on_both, warnings_of};

#[derive(Store, Debug)]
#[store(key = String)]
struct Job {
    owner: String,
    files: ElementMap<u32, String>,
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("no")]
    No,
    #[error(transparent)]
    Store(#[from] Error),
}

fn init(owner: &str) -> JobInit {
    JobInit { owner: owner.into() }
}

/// A store with a job of one file.
fn one_job(db: &Database) -> Result<JobStore> {
    let jobs = db.store::<Job>()?;
    let mut job = jobs.create("/a", init("me"))?;
    job.elements(Job::FILES).insert(1, "one".into())?;
    job.commit()?;
    Ok(jobs)
}

#[test]
fn update_commits_whatever_the_function_returns_and_try_update_does_not() -> TestResult {
    on_both(|db| {
        let jobs = one_job(db)?;
        let change = |job: &mut Job| -> Result<(), Refused> {
            job.owner = "changed".into();
            Err(Refused::No)
        };
        let (tried, warnings) = warnings_of(|| jobs.try_update("/a", change));
        assert!(matches!(tried, Err(Refused::No)) && warnings.is_empty(), "{warnings:?}");
        assert_eq!(jobs.get("/a")?.map(|job| job.owner).as_deref(), Some("me"));
        assert!(db.locks().is_empty());
        assert!(matches!(jobs.update("/a", change), Ok(Some(Err(Refused::No)))));
        assert_eq!(jobs.get("/a")?.map(|job| job.owner).as_deref(), Some("changed"));
        Ok(())
    })
}

#[test]
fn try_update_commits_on_ok_and_passes_the_errors_of_the_store_on() -> TestResult {
    on_both(|db| {
        let jobs = one_job(db)?;
        let length = jobs.try_update::<_, Refused>("/a", |job| {
            job.owner.push('!');
            Ok(job.owner.len())
        })?;
        assert_eq!((length, jobs.get("/a")?.map(|job| job.owner).as_deref()), (Some(3), Some("me!")));
        assert!(matches!(jobs.try_update::<(), Refused>("/b", |_| Err(Refused::No)), Ok(None)));
        // With `?` inside, and the crate's own error type.
        let copied = jobs.try_update("/a", |job| -> Result<()> {
            job.owner = jobs.get("/a")?.map(|job| job.owner + "?").unwrap_or_default();
            Ok(())
        })?;
        assert_eq!((copied, jobs.get("/a")?.map(|job| job.owner).as_deref()), (Some(()), Some("me!?")));
        let too_long = "k".repeat(70_000);
        let refused = jobs.try_update::<(), Refused>(too_long, |_| Ok(()));
        assert!(matches!(refused, Err(Refused::Store(Error::TooLarge { .. }))));
        Ok(())
    })
}

#[test]
fn a_failed_commit_of_try_update_is_an_error_of_the_functions_type() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let jobs = one_job(&db)?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    let (failed, warnings) = warnings_of(|| {
        jobs.try_update("/a", |job| {
            job.owner.push('!');
            Ok::<_, Refused>(())
        })
    });
    assert!(matches!(failed, Err(Refused::Store(Error::Engine { .. }))), "{failed:?}");
    assert!(db.locks().is_empty() && warnings.is_empty(), "{warnings:?}");
    Ok(())
}

#[test]
fn replace_and_take_return_the_value_that_was_there_and_its_elements_are_gone() -> TestResult {
    on_both(|db| {
        let jobs = one_job(db)?;
        let old = jobs.replace("/a", init("you"))?;
        assert_eq!(old.map(|job| job.owner).as_deref(), Some("me"));
        assert_eq!(jobs.elements(Job::FILES, "/a").count()?, 0);
        assert!(jobs.replace("/b", init("them"))?.is_none());
        assert_eq!(jobs.take("/a")?.map(|job| job.owner).as_deref(), Some("you"));
        assert!(jobs.take("/a")?.is_none() && !jobs.contains("/a")?);
        assert_eq!(jobs.take("/b")?.map(|job| job.owner).as_deref(), Some("them"));
        assert!(jobs.is_empty()? && db.locks().is_empty());
        // What is made again has no elements of an earlier entry.
        let jobs = one_job(db)?;
        assert!(jobs.take("/a")?.is_some());
        jobs.insert("/a", init("me"))?;
        assert_eq!(jobs.elements(Job::FILES, "/a").count()?, 0);
        Ok(())
    })
}

#[test]
fn what_can_t_be_decoded_is_neither_replaced_nor_taken() -> TestResult {
    on_both(|db| {
        let texts = db.map::<u64, String>("texts")?;
        texts.put(1, "text".into())?;
        drop(texts);
        let numbers = db.map::<u64, u64>("texts");
        // The type of bare values is not in the catalog: the records tell.
        let numbers = numbers?;
        assert!(matches!(numbers.replace(1, 2), Err(Error::Decode { .. })));
        assert!(matches!(numbers.take(1), Err(Error::Decode { .. })));
        assert!(numbers.contains(1)? && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_replacement_that_fails_leaves_what_was_there() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers: MapStore<Map<u64, u64>> = db.map("numbers")?;
    numbers.put(1, 10)?;
    faults.fail_next_writes(2, Outcome::NotApplied);
    assert!(matches!(numbers.replace(1, 11), Err(Error::Engine { .. })));
    assert!(matches!(numbers.take(1), Err(Error::Engine { .. })));
    assert_eq!((numbers.get(1)?, db.locks().len()), (Some(10), 0));
    faults.fail_next_writes(1, Outcome::Unknown);
    assert!(matches!(numbers.take(1), Err(Error::OutcomeUnknown { .. })));
    Ok(())
}

#[test]
fn delete_returning_gives_the_value_of_a_deleted_entry() -> TestResult {
    on_both(|db| {
        let jobs = one_job(db)?;
        let job = jobs.lock("/a")?.ok_or("gone")?.delete_returning()?;
        assert_eq!(job.owner, "me");
        assert!(jobs.is_empty()? && db.locks().is_empty());
        // One that never was, with what was done to it.
        let mut new = jobs.create("/b", init("me"))?;
        new.owner.push('!');
        let (job, warnings) = warnings_of(|| new.delete_returning());
        assert!(job?.owner == "me!" && warnings.is_empty() && jobs.is_empty()?);
        Ok(())
    })
}

#[test]
fn an_initializer_is_made_only_for_an_entry_that_is_not_there() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        let made = AtomicBool::new(false);
        let make = || {
            made.store(true, Ordering::Relaxed);
            init("me")
        };
        let job = jobs.lock_or_create_with("/a", make)?;
        assert!(job.is_new() && made.swap(false, Ordering::Relaxed));
        job.commit()?;
        assert!(!jobs.lock_or_create_with("/a", make)?.is_new() && !made.load(Ordering::Relaxed));
        assert!(matches!(
            jobs.lock_or_create_with("/b", || Job { files: ElementMap::default(), owner: "x".into() })?.commit(),
            Ok(())
        ));
        Ok(())
    })
}
