//! Batches: several guards of any stores, all or nothing.

use std::collections::BTreeMap;
use std::thread;

use kvstore::{Batch, Database, Error, Map, MapStore, Outcome, Result, Store};
use kvstore_tests::{TestResult, on_both, warnings_of};

/// A unit of work, with its key in a field.
#[derive(Store)]
struct Work {
    #[store(key)]
    id: (String, u64),
    notes: BTreeMap<u32, String>,
}

/// A number that is refused where it is 13.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Fussy(u32);

impl serde::Serialize for Fussy {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            13 => Err(serde::ser::Error::custom("13 is refused")),
            number => serializer.serialize_u32(number),
        }
    }
}

impl<'de> serde::Deserialize<'de> for Fussy {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        serde::Deserialize::deserialize(deserializer).map(Self)
    }
}

type Numbers = MapStore<Map<u64, Fussy>>;

fn stores(db: &Database) -> Result<(Numbers, MapStore<Work>)> {
    Ok((db.map("numbers")?, db.store()?))
}

#[test]
fn a_batch_over_two_stores_writes_all_and_frees_every_lock() -> TestResult {
    on_both(|db| {
        let (numbers, works) = stores(db)?;
        numbers.put(1, Fussy(1))?;
        works.insert(("acme", 1), WorkInit {})?;
        let mut number = numbers.lock(1)?.unwrap();
        number.0 = 2;
        let (new, done) = (works.create(("acme", 2), WorkInit {})?, works.lock(("acme", 1))?.unwrap());
        let (committed, warnings) = warnings_of(|| Batch::new().write(number).write(new).delete(done).commit());
        committed?;
        assert_eq!(warnings, Vec::<String>::new());
        assert_eq!(numbers.get(1)?, Some(Fussy(2)));
        assert!(!works.contains(("acme", 1))? && works.contains(("acme", 2))?);
        assert!(db.locks().is_empty());
        Batch::new().commit()?;
        Ok(())
    })
}

#[test]
fn a_batch_in_which_one_value_does_not_serialize_writes_nothing() -> TestResult {
    on_both(|db| {
        let (numbers, works) = stores(db)?;
        numbers.put(1, Fussy(1))?;
        let mut refused = numbers.lock(1)?.unwrap();
        refused.0 = 13;
        let batch = Batch::new().write(works.create(("acme", 1), WorkInit {})?).write(refused);
        let failed = batch.write(numbers.create(2, Fussy(2))?).try_commit().unwrap_err();
        assert!(matches!(failed.error(), Error::Encode { key, .. } if key == "1"));
        assert_eq!((failed.outcome(), db.locks().len()), (Outcome::NotApplied, 3));
        assert!(!works.contains(("acme", 1))? && !numbers.contains(2)? && numbers.get(1)? == Some(Fussy(1)));
        // Taken back, mended, and committed again with the rest.
        let mut batch = failed.into_held();
        assert!(batch.take(&numbers, 9).is_none() && batch.take(&works, ("acme", 9)).is_none());
        let mut mended = batch.take(&numbers, 1).unwrap();
        assert!(batch.take(&numbers, 1).is_none());
        mended.0 = 14;
        batch.write(mended).commit()?;
        assert!(works.contains(("acme", 1))? && numbers.contains(2)? && numbers.get(1)? == Some(Fussy(14)));
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_batch_in_which_one_key_field_was_changed_writes_nothing() -> TestResult {
    on_both(|db| {
        let (numbers, works) = stores(db)?;
        let mut changed = works.create(("acme", 1), WorkInit {})?;
        changed.id.1 = 2;
        let failed = Batch::new().write(numbers.create(1, Fussy(1))?).write(changed).try_commit().unwrap_err();
        assert!(matches!(failed.error(), Error::KeyChanged { found, .. } if found == r#"("acme", 2)"#));
        drop(failed);
        assert!(numbers.iter()?.next().is_none() && works.iter()?.next().is_none() && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_batch_that_the_engine_refuses_writes_nothing_and_may_be_tried_again() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let (numbers, works) = stores(&db)?;
    let batch = Batch::new().write(numbers.create(1, Fussy(1))?).write(works.create(("acme", 1), WorkInit {})?);
    faults.fail_next_writes(1, Outcome::NotApplied);
    let failed = batch.try_commit().unwrap_err();
    assert_eq!((failed.outcome(), db.locks().len()), (Outcome::NotApplied, 2));
    assert!(!numbers.contains(1)? && !works.contains(("acme", 1))?);
    failed.into_held().commit()?;
    assert!(numbers.contains(1)? && works.contains(("acme", 1))? && db.locks().is_empty());

    let failed = Batch::new().write({
        faults.fail_next_writes(1, Outcome::Unknown);
        numbers.create(2, Fussy(2))?
    });
    let failed = failed.try_commit().unwrap_err();
    assert_eq!(failed.outcome(), Outcome::Unknown);
    assert!(matches!(failed.into_held().commit(), Err(Error::Failed { .. })));
    assert!(db.locks().is_empty());
    Ok(())
}

#[test]
fn a_clean_guard_in_a_batch_is_not_written() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let (numbers, works) = stores(&db)?;
    numbers.put(1, Fussy(1))?;
    works.insert(("acme", 1), WorkInit {})?;
    faults.fail_next_writes(1, Outcome::Unknown);
    // Neither what is unchanged, nor the deletion of what never was, is a write, which would fail.
    let clean = Batch::new().write(numbers.lock(1)?.unwrap()).write(works.lock(("acme", 1))?.unwrap());
    clean.delete(numbers.create(2, Fussy(2))?).commit()?;
    assert!(!numbers.contains(2)? && db.locks().is_empty());
    Ok(())
}

#[test]
fn guards_of_two_databases_in_one_batch_are_refused() -> TestResult {
    on_both(|db| {
        let other = Database::in_memory()?;
        let (numbers, elsewhere) = (db.map::<u64, u64>("numbers")?, other.map::<u64, u64>("numbers")?);
        let batch = Batch::new().write(numbers.create(1, 10)?).write(elsewhere.create(2, 20)?);
        let failed = batch.try_commit().unwrap_err();
        assert!(matches!(failed.error(), Error::ForeignGuard { key, .. } if key == "2"));
        assert_eq!((failed.outcome(), db.locks().len(), other.locks().len()), (Outcome::NotApplied, 1, 1));
        // The same key of the other database is another entry.
        let mut batch = failed.into_held();
        assert!(batch.take(&numbers, 2).is_none() && batch.take(&elsewhere, 1).is_none());
        batch.take(&elsewhere, 2).unwrap().commit()?;
        batch.commit()?;
        assert_eq!((numbers.get(1)?, elsewhere.get(2)?), (Some(10), Some(20)));
        Ok(())
    })
}

#[test]
fn a_batch_that_is_dropped_writes_nothing_and_frees_every_lock() -> TestResult {
    on_both(|db| {
        let (numbers, works) = stores(db)?;
        numbers.put(1, Fussy(1))?;
        let (dropped, warnings) = warnings_of(|| -> Result<()> {
            let mut changed = numbers.lock(1)?.unwrap();
            changed.0 = 2;
            drop(Batch::new().write(changed).write(works.create(("acme", 1), WorkInit {})?));
            Ok(())
        });
        dropped?;
        assert_eq!(warnings.len(), 1, "{warnings:?}");
        assert!(numbers.get(1)? == Some(Fussy(1)) && works.iter()?.next().is_none() && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn no_reader_ever_sees_half_a_batch() -> TestResult {
    on_both(|db| {
        let (left, right) = (db.map::<u64, u64>("left")?, db.map::<u64, u64>("right")?);
        left.put(1, 0)?;
        right.put(1, 0)?;
        thread::scope(|scope| -> TestResult {
            let writer = scope.spawn(|| -> TestResult {
                for _ in 0..2_000 {
                    let (a, b) = db.lock_together((left.wanted(1), right.wanted(1)))?;
                    let (mut a, mut b) = (a.unwrap(), b.unwrap());
                    *a += 1;
                    *b += 1;
                    Batch::new().write(a).write(b).commit()?;
                }
                Ok(())
            });
            while !writer.is_finished() {
                let snapshot = db.snapshot()?;
                assert_eq!(left.at(&snapshot).get(1)?, right.at(&snapshot).get(1)?);
            }
            writer.join().unwrap()
        })
    })
}
