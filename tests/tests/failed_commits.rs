//! Failed commits in the error types of programs, and what becomes of their locks.

use std::error::Error as _;

use kvstore::{Batch, CommitError, Database, Error, Faults, Guard, Map, MapStore, Outcome, Result, Store};
use kvstore_tests::{Failure, TestResult, on_both, warnings_of};

/// An error type as most programs have.
#[derive(Debug, thiserror::Error)]
enum AppError {
    #[error("store: {0}")]
    Store(#[from] Error),
    #[error("io: {0}")]
    Io(#[from] std::io::Error),
    #[error("missing")]
    Missing,
}

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
}

type Numbers = MapStore<Map<u64, u64>>;

/// A database with one entry, in which the next writes fail.
fn about_to_fail(count: usize, outcome: Outcome) -> Result<(Database, Numbers, Faults)> {
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers = db.map("numbers")?;
    numbers.put(1, 10)?;
    faults.fail_next_writes(count, outcome);
    Ok((db, numbers, faults))
}

fn hand_over(jobs: &JobStore, from: &str, to: &str) -> Result<(), AppError> {
    let mut job = jobs.lock(from)?.ok_or(AppError::Missing)?;
    job.owner.push('!');
    job.commit()?;
    jobs.lock_or_create(to, JobInit { owner: "you".into() })?.commit()?;
    let (old, new) = (jobs.lock(from)?.ok_or(AppError::Missing)?, jobs.lock(to)?.ok_or(AppError::Missing)?);
    Batch::new().delete(old).write(new).commit()?;
    jobs.lock(to)?.ok_or(AppError::Missing)?.delete()?;
    std::fs::metadata("/no/such/place")?;
    Ok(())
}

#[test]
fn every_commit_serves_an_error_type_of_the_programs_own() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        jobs.insert("/a", JobInit { owner: "me".into() })?;
        assert!(matches!(hand_over(&jobs, "/a", "/b"), Err(AppError::Io(_))));
        assert!(jobs.first()?.is_none());
        assert!(matches!(hand_over(&jobs, "/a", "/b"), Err(AppError::Missing)));
        Ok(())
    })
}

#[test]
fn what_fails_is_the_programs_own_error_and_the_lock_is_free() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let jobs = db.store::<Job>()?;
    jobs.insert("/a", JobInit { owner: "me".into() })?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    let (failed, warnings) = warnings_of(|| hand_over(&jobs, "/a", "/b"));
    assert!(matches!(failed, Err(AppError::Store(Error::Engine { .. }))), "{failed:?}");
    assert!(db.locks().is_empty() && warnings.is_empty(), "{warnings:?}");
    Ok(())
}

#[test]
fn a_plain_commit_that_fails_releases_the_lock_without_a_warning() -> TestResult {
    type Way = fn(&Numbers) -> Result<()>;
    let ways: [Way; 4] = [
        |numbers| {
            let mut guard = numbers.lock(1)?.ok_or(Error::Closed)?;
            *guard += 1;
            guard.commit()
        },
        |numbers| {
            let mut guard = numbers.lock(1)?.ok_or(Error::Closed)?;
            *guard += 1;
            guard.delete()
        },
        |numbers| {
            let mut guard = numbers.lock(1)?.ok_or(Error::Closed)?;
            *guard += 1;
            Batch::new().write(guard).write(numbers.create(2, 20)?).commit()
        },
        |numbers| numbers.update(1, |number| *number += 1).map(drop),
    ];
    for way in ways {
        let (db, numbers, _faults) = about_to_fail(1, Outcome::NotApplied)?;
        let (failed, warnings) = warnings_of(|| way(&numbers));
        assert!(matches!(failed, Err(Error::Engine { .. })), "{failed:?}");
        assert!(db.locks().is_empty() && warnings.is_empty(), "{warnings:?}");
        assert_eq!((numbers.get(1)?, numbers.contains(2)?), (Some(10), false));
        way(&numbers)?;
        assert_ne!(numbers.get(1)?, Some(10));
    }
    Ok(())
}

#[test]
fn every_plain_write_says_that_its_outcome_is_unknown() -> TestResult {
    type Way = fn(&Numbers) -> Result<()>;
    let ways: [Way; 9] = [
        |numbers| numbers.create(2, 20)?.commit(),
        |numbers| numbers.create(2, 20)?.save(),
        |numbers| numbers.lock(1)?.ok_or(Error::Closed)?.delete(),
        |numbers| Batch::new().write(numbers.create(2, 20)?).commit(),
        |numbers| numbers.insert(1, 11),
        |numbers| numbers.put(1, 11),
        |numbers| numbers.update(1, |number| *number += 1).map(drop),
        |numbers| numbers.remove(1).map(drop),
        |numbers| Ok(numbers.create(2, 20)?.try_commit()?),
    ];
    for (number, way) in ways.iter().enumerate() {
        let (db, numbers, _faults) = about_to_fail(1, Outcome::Unknown)?;
        let failed = way(&numbers).err().ok_or("it was to fail")?;
        let Error::OutcomeUnknown { reason, source } = &failed else {
            return Err(format!("{number}: {failed:?}").into());
        };
        assert!(reason.contains("failed to write") && failed.to_string().contains(reason), "{reason}");
        assert!(matches!(source.downcast_ref(), Some(Error::Engine { action: "write", .. })));
        assert!(failed.source().is_some_and(|source| source.source().is_some()) && db.locks().is_empty());
        // Nothing was written since: a later write is refused, and that is certain.
        assert!(matches!(numbers.put(3, 30), Err(Error::Failed { .. })));
    }
    Ok(())
}

#[test]
fn a_save_of_unknown_outcome_keeps_the_guard() -> TestResult {
    let (db, numbers, _faults) = about_to_fail(1, Outcome::Unknown)?;
    let mut guard = numbers.lock(1)?.ok_or("gone")?;
    *guard += 1;
    assert!(matches!(guard.save(), Err(Error::OutcomeUnknown { .. })));
    assert_eq!((*guard, db.locks().len()), (11, 1));
    assert!(matches!(guard.save(), Err(Error::Failed { .. })));
    guard.release();
    Ok(())
}

fn refused(numbers: &Numbers) -> Result<Guard<Map<u64, u64>>> {
    let mut guard = numbers.lock(1)?.ok_or(Error::Closed)?;
    *guard += 1;
    Ok(guard)
}

#[test]
fn a_commit_error_becomes_the_error_inside_and_other_error_types_keep_the_guard() -> TestResult {
    let (db, numbers, _faults) = about_to_fail(3, Outcome::NotApplied)?;
    let converted = || -> Result<()> { Ok(refused(&numbers)?.try_commit()?) };
    assert!(matches!(converted(), Err(Error::Engine { .. })) && db.locks().is_empty());
    let boxed = || -> Result<(), Failure> { Ok(refused(&numbers)?.try_commit()?) };
    let error = boxed().err().ok_or("it was to fail")?;
    assert!(error.to_string().contains("failed to write") && db.locks().len() == 1, "{error}");
    let back = error.downcast::<CommitError<Guard<Map<u64, u64>>>>().map_err(|_| "another error")?;
    back.into_held().release();
    drop(boxed().err().ok_or("it was to fail")?);
    assert!(db.locks().is_empty());
    boxed()?;
    assert_eq!(numbers.get(1)?, Some(11));
    Ok(())
}

#[test]
fn a_commit_error_shows_the_error_inside() -> TestResult {
    let (_db, numbers, _faults) = about_to_fail(1, Outcome::NotApplied)?;
    let failed = numbers.lock(1)?.ok_or("gone")?.try_delete().err().ok_or("it was to fail")?;
    assert_eq!(failed.to_string(), failed.error().to_string());
    assert_eq!(format!("{failed:#}"), format!("{:#}", failed.error()));
    let cause = |error: &dyn std::error::Error| error.source().map(ToString::to_string);
    assert!(cause(&failed).is_some() && cause(&failed) == cause(failed.error()));
    Ok(())
}
