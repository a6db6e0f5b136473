//! Commits of single guards: what they write, what they give back when they fail, and what a failure means afterwards.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::mpsc;

use kvstore::{Batch, Database, Error, Faults, Guard, Map, MapStore, Outcome, ReadBack, Result, Store};
use kvstore_tests::{TestResult, on_both, on_both_built};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// An entry with its key in a field.
#[derive(Store)]
struct Account {
    #[store(key)]
    id: u64,
    owner: String,
    notes: BTreeMap<u32, String>,
}

/// A number that is refused by its serializer where it is 13, and by its deserializer where it is 99.
#[derive(Debug, PartialEq, Clone)]
struct Fussy(u32);

impl serde::Serialize for Fussy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 13 {
            return Err(serde::ser::Error::custom("13 is refused"));
        }
        serializer.serialize_u32(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Fussy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match serde::Deserialize::deserialize(deserializer)? {
            99 => Err(serde::de::Error::custom("99 is refused")),
            number => Ok(Self(number)),
        }
    }
}

type Numbers = MapStore<Map<u64, u64>>;

/// A database with one store, in which the next write fails.
fn about_to_fail(outcome: Outcome) -> Result<(Database, Numbers, Faults)> {
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers = db.map("numbers")?;
    numbers.put(1, 10)?;
    faults.fail_next_writes(1, outcome);
    Ok((db, numbers, faults))
}

#[test]
fn a_clean_commit_writes_nothing() -> TestResult {
    // A write would fail: so there is none.
    let (db, numbers, _faults) = about_to_fail(Outcome::Unknown)?;
    numbers.lock(1)?.unwrap().commit()?;
    let mut guard = numbers.lock(1)?.unwrap();
    guard.save()?;
    guard.save()?;
    guard.commit()?;
    assert_eq!(numbers.update(9, |_| ())?, None);
    assert!(!numbers.remove(9)? && db.locks().is_empty());
    // And the write that comes is the one that fails.
    let mut guard = numbers.lock(1)?.unwrap();
    *guard += 1;
    assert!(guard.commit().is_err());
    Ok(())
}

#[test]
fn a_commit_after_a_save_writes_only_what_changed_since() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers = db.map::<u64, u64>("numbers")?;
    let mut guard = numbers.create(1, 10)?;
    guard.save()?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    guard.save()?;
    *guard += 1;
    assert!(guard.save().is_err());
    guard.save()?;
    faults.fail_next_writes(1, Outcome::NotApplied);
    guard.save()?;
    guard.commit()?;
    assert_eq!(numbers.get(1)?, Some(11));
    Ok(())
}

#[test]
fn a_new_entry_is_written_even_if_nothing_was_changed() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.create(1, 10)?.commit()?;
        numbers.lock_or_create(2, 20)?.commit()?;
        numbers.create_next(30)?.commit()?;
        assert_eq!(numbers.iter()?.count(), 3);
        Ok(())
    })
}

#[test]
fn mark_changed_makes_the_commit_write() -> TestResult {
    on_both(|db| {
        let cells = db.map::<u64, Cell<u64>>("cells")?;
        cells.put(1, Cell::new(10))?;
        // A change behind a shared reference goes unnoticed,
        let guard = cells.lock(1)?.unwrap();
        guard.set(11);
        guard.commit()?;
        assert_eq!(cells.get(1)?.map(Cell::into_inner), Some(10));
        // unless it is told.
        let mut guard = cells.lock(1)?.unwrap();
        guard.set(11);
        guard.mark_changed();
        guard.commit()?;
        assert_eq!(cells.get(1)?.map(Cell::into_inner), Some(11));
        Ok(())
    })
}

#[test]
fn save_keeps_the_lock_and_commit_delete_and_release_free_it() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let mut guard = numbers.create(1, 10)?;
        guard.save()?;
        assert_eq!((numbers.get(1)?, db.locks().len()), (Some(10), 1));
        *guard = 11;
        guard.commit()?;
        assert_eq!((numbers.get(1)?, db.locks().len()), (Some(11), 0));
        let mut guard = numbers.lock(1)?.unwrap();
        *guard = 12;
        guard.release();
        assert_eq!((numbers.get(1)?, db.locks().len()), (Some(11), 0));
        let mut guard = numbers.lock(1)?.unwrap();
        *guard = 13;
        guard.delete()?;
        assert_eq!((numbers.get(1)?, db.locks().len()), (None, 0));
        Ok(())
    })
}

#[test]
fn is_new_never_changes_in_the_life_of_a_guard() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let mut new = numbers.create(1, 10)?;
        new.save()?;
        *new = 11;
        new.save()?;
        assert!(new.is_new());
        new.commit()?;
        let mut old = numbers.lock_or_create(1, 10)?;
        *old = 12;
        old.save()?;
        assert!(!old.is_new());
        // What was saved and then deleted under one lock is gone.
        let mut new = numbers.create(2, 20)?;
        new.save()?;
        new.delete()?;
        assert!(!numbers.contains(2)?);
        Ok(())
    })
}

#[test]
fn insert_and_remove_do_not_decode_what_was_there() -> TestResult {
    on_both_built(&Database::builder().read_back(ReadBack::Never), |db| {
        let fussy = db.map::<u64, Fussy>("fussy")?;
        fussy.put(1, Fussy(99))?;
        fussy.put(2, Fussy(99))?;
        // What decodes can't get at them, and keeps no lock.
        let refused = |error: Error| matches!(error, Error::Decode { reason, .. } if reason.contains("99 is refused"));
        assert!(refused(fussy.get(1).unwrap_err()) && refused(fussy.lock(1).unwrap_err()));
        assert!(refused(fussy.lock_or_create(1, Fussy(1)).unwrap_err()) && refused(fussy.first().unwrap_err()));
        assert!(refused(fussy.lock_all([1]).unwrap_err()) && refused(fussy.try_lock_first(..).unwrap_err()));
        assert!(matches!(fussy.create(1, Fussy(1)), Err(Error::AlreadyExists { .. })));
        assert!(db.locks().is_empty() && fussy.contains(1)?);
        fussy.insert(1, Fussy(3))?;
        assert!(fussy.remove(2)? && !fussy.remove(2)?);
        assert_eq!(fussy.get(1)?, Some(Fussy(3)));
        Ok(())
    })
}

#[test]
fn update_commits_and_answers_what_the_function_returned() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.put(1, 10)?;
        let before = numbers.update(1, |number| std::mem::replace(number, 11))?;
        assert_eq!((before, numbers.get(1)?, numbers.update(2, |_| ())?), (Some(10), Some(11), None));
        Ok(())
    })
}

#[test]
fn a_failed_commit_gives_the_guard_back_locked_to_be_mended_and_retried() -> TestResult {
    on_both(|db| {
        let fussy = db.map::<u64, Fussy>("fussy")?;
        fussy.put(1, Fussy(1))?;
        let mut guard = fussy.lock(1)?.unwrap();
        guard.0 = 13;
        let failed = guard.try_commit().unwrap_err();
        assert_eq!(failed.outcome(), Outcome::NotApplied);
        assert!(matches!(failed.error(), Error::Encode { namespace, key, reason }
            if namespace == "fussy" && key == "1" && reason.contains("13 is refused")));
        assert!(matches!(fussy.try_lock(1), Err(Error::Locked { .. })));
        assert_eq!(fussy.get(1)?, Some(Fussy(1)));
        let mut guard = failed.into_held();
        assert_eq!(guard.0, 13);
        assert!(matches!(guard.save(), Err(Error::Encode { .. })));
        guard.0 = 14;
        guard.commit()?;
        assert_eq!(fussy.get(1)?, Some(Fussy(14)));
        assert!(db.locks().is_empty());
        // Of what the store writes by itself, nothing is left locked either.
        assert!(matches!(fussy.put(2, Fussy(13)), Err(Error::Encode { .. })));
        assert!(matches!(fussy.update(1, |fussy| fussy.0 = 13), Err(Error::Encode { .. })));
        assert!(db.locks().is_empty() && !fussy.contains(2)?);
        assert_eq!(fussy.get(1)?, Some(Fussy(14)));
        Ok(())
    })
}

#[test]
fn a_write_that_was_not_applied_may_be_tried_again() -> TestResult {
    let (db, numbers, faults) = about_to_fail(Outcome::NotApplied)?;
    let failed = numbers.lock(1)?.unwrap().try_delete().unwrap_err();
    assert_eq!(failed.outcome(), Outcome::NotApplied);
    assert!(matches!(failed.error(), Error::Engine { .. }));
    assert_eq!((numbers.get(1)?, db.locks().len()), (Some(10), 1));
    let (error, guard) = failed.into_parts();
    assert!(matches!(error, Error::Engine { .. }));
    guard.delete()?;
    assert_eq!((numbers.get(1)?, db.locks().len()), (None, 0));
    // Not even a hint is left: others go on.
    faults.fail_next_writes(1, Outcome::NotApplied);
    assert!(numbers.put(2, 20).is_err());
    numbers.put(2, 20)?;
    Ok(())
}

#[test]
fn after_a_hard_error_writes_and_locks_are_refused_and_reads_go_on() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let (numbers, texts) = (db.map::<u64, u64>("numbers")?, db.map::<u64, String>("texts")?);
    numbers.put(1, 10)?;
    let mut other = numbers.create(2, 20)?;
    faults.fail_next_writes(1, Outcome::Unknown);
    let failed = numbers.lock(1)?.unwrap().try_delete().unwrap_err();
    assert_eq!(failed.outcome(), Outcome::Unknown);
    drop(failed);
    // Whatever writes or locks, also by guards taken before.
    let failed = |error: &Error| matches!(error, Error::Failed { reason } if reason.contains("told to fail"));
    *other += 1;
    let error = other.try_commit().unwrap_err();
    assert!(failed(error.error()) && error.outcome() == Outcome::NotApplied);
    drop(error);
    assert!(failed(&numbers.lock(1).unwrap_err()) && failed(&numbers.try_lock(1).unwrap_err()));
    assert!(failed(&numbers.create(3, 30).unwrap_err()) && failed(&numbers.put(3, 30).unwrap_err()));
    assert!(failed(&numbers.remove(1).unwrap_err()) && failed(&numbers.update(1, |_| ()).unwrap_err()));
    assert!(failed(&numbers.lock_all([1]).unwrap_err()) && failed(&numbers.try_lock_first(..).unwrap_err()));
    assert!(failed(&numbers.create_next(1).unwrap_err()) && failed(&texts.put(1, String::new()).unwrap_err()));
    assert!(failed(&db.lock_together((numbers.wanted(1), texts.wanted(1))).unwrap_err()));
    assert!(failed(&db.map::<u64, u64>("new").unwrap_err()));
    assert!(failed(&numbers.replace(1, 1).unwrap_err()) && failed(&numbers.take(1).unwrap_err()));
    assert!(failed(&numbers.remove_range(..).unwrap_err()) && failed(&numbers.skip_keys_to(5_000).unwrap_err()));
    assert!(failed(&numbers.try_update(1, |_| Ok::<_, Error>(())).unwrap_err()));
    assert!(failed(&Batch::new().insert(&numbers, 1, 1).unwrap_err()));
    // Reads of every kind.
    assert_eq!((numbers.get(1)?, numbers.contains(1)?), (Some(10), true));
    assert_eq!((numbers.count()?, numbers.is_empty()?, numbers.get_many([1, 2])?), (1, false, vec![Some(10), None]));
    assert_eq!((numbers.iter()?.count(), numbers.first()?, numbers.last()?), (1, Some((1, 10)), Some((1, 10))));
    let snapshot = db.snapshot()?;
    assert_eq!((numbers.at(&snapshot).get(1)?, db.namespaces()?.len()), (Some(10), 2));
    assert!(db.locks().is_empty());
    Ok(())
}

#[test]
fn after_an_unknown_outcome_nothing_is_said_to_be_committed() -> TestResult {
    type End = fn(Guard<Map<u64, u64>>) -> Result<()>;
    let failed = |error: &Error| matches!(error, Error::Failed { reason } if reason.contains("told to fail"));
    // Each of these has nothing to write: the entry was never saved for sure, or is unchanged.
    let ends: [End; 4] = [
        Guard::delete,
        |mut guard| guard.save(),
        |guard| Batch::new().delete(guard).commit(),
        |guard| Batch::new().write(guard).commit(),
    ];
    for end in ends {
        let (db, faults) = Database::in_memory_with_faults()?;
        let numbers = db.map::<u64, u64>("numbers")?;
        let mut created = numbers.create(1, 7)?;
        faults.fail_next_writes(1, Outcome::Unknown);
        assert!(created.save().is_err());
        assert!(failed(&end(created).unwrap_err()));
    }
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers = db.map::<u64, u64>("numbers")?;
    numbers.put(1, 10)?;
    let (unchanged, mut other) = (numbers.lock(1)?.unwrap(), numbers.create(2, 20)?);
    faults.fail_next_writes(1, Outcome::Unknown);
    assert!(other.save().is_err());
    assert!(failed(&unchanged.commit().unwrap_err()));
    Ok(())
}

/// A subscriber of `tracing` that hands each error to a function.
struct OnError<F>(F);

impl<F: Fn() + 'static> Subscriber for OnError<F>
where
    Self: Send + Sync,
{
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= Level::ERROR
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, _event: &Event<'_>) {
        (self.0)();
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

#[test]
fn a_database_has_failed_before_that_is_logged() -> TestResult {
    let failed = |error: &Error| matches!(error, Error::Failed { .. });
    // A subscriber that panics.
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers = db.map::<u64, u64>("numbers")?;
    faults.fail_next_writes(1, Outcome::Unknown);
    let panicked = tracing::subscriber::with_default(OnError(|| resume_unwind(Box::new("on purpose"))), || {
        catch_unwind(AssertUnwindSafe(|| numbers.put(1, 10)))
    });
    assert!(panicked.is_err(), "nothing was logged");
    assert!(failed(&numbers.put(2, 20).unwrap_err()) && failed(&db.sync().unwrap_err()));

    // One that writes, or asks for a number, in the very namespace whose lease has failed.
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers = db.map::<u64, u64>("numbers")?;
    faults.fail_next_writes(1, Outcome::Unknown);
    let (send, heard) = mpsc::channel();
    let log = numbers.clone();
    let writes = OnError(move || send.send((log.put(1, 10), log.create_next(1).map(drop))).unwrap());
    let error = tracing::subscriber::with_default(writes, || numbers.create_next(1).unwrap_err());
    assert!(matches!(error, Error::OutcomeUnknown { .. }), "{error}");
    let heard: Vec<_> = heard.try_iter().collect();
    assert_eq!(heard.len(), 1, "{heard:?}");
    assert!(heard.iter().all(|(put, next)| [put, next].iter().all(|result| result.as_ref().is_err_and(failed))));
    assert!(failed(&db.map::<u64, u64>("new").unwrap_err()));
    Ok(())
}

#[test]
fn an_unknown_outcome_of_a_new_namespace_is_said() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    faults.fail_next_writes(1, Outcome::Unknown);
    assert!(matches!(db.map::<u64, u64>("numbers"), Err(Error::OutcomeUnknown { .. })));
    Ok(())
}

#[test]
fn a_commit_whose_key_field_was_changed_fails_and_writes_nothing() -> TestResult {
    on_both(|db| {
        let accounts = db.store::<Account>()?;
        let mut account = accounts.create(7, AccountInit { owner: "me".into() })?;
        assert_eq!((account.id, *account.key()), (7, 7));
        account.id = 8;
        account.notes.insert(1, "note".into());
        let failed = account.try_commit().unwrap_err();
        assert!(matches!(failed.error(), Error::KeyChanged { key, found, .. } if key == "7" && found == "8"));
        assert_eq!(failed.outcome(), Outcome::NotApplied);
        assert!(!accounts.contains(7)? && !accounts.contains(8)?);
        let mut account = failed.into_held();
        account.id = 7;
        account.commit()?;
        let stored = accounts.get(7)?.unwrap();
        assert_eq!((stored.id, stored.owner.as_str(), stored.notes.len()), (7, "me", 1));
        assert!(matches!(accounts.update(7, |account| account.id = 8), Err(Error::KeyChanged { .. })));
        Ok(())
    })
}

#[test]
fn a_whole_value_must_have_the_key_it_is_stored_under() -> TestResult {
    on_both(|db| {
        let accounts = db.store::<Account>()?;
        let account = |id| Account { id, owner: "me".into(), notes: BTreeMap::new() };
        assert!(matches!(accounts.create(7, account(8)), Err(Error::KeyChanged { .. })));
        assert!(matches!(accounts.insert(7, account(8)), Err(Error::KeyChanged { .. })));
        assert!(matches!(accounts.lock_or_create(7, account(8)), Err(Error::KeyChanged { .. })));
        assert!(accounts.iter()?.next().is_none() && db.locks().is_empty());
        accounts.insert(7, account(7))?;
        // A generated key is filled in.
        let made = accounts.create_next(account(0))?;
        assert_eq!(made.id, *made.key());
        Ok(())
    })
}
