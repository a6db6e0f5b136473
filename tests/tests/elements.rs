//! Element-wise collections: fields whose elements are stored one by one.

use std::sync::atomic::{AtomicUsize, Ordering};

use kvstore::{
    Batch, Database, ElementDeque, ElementMap, ElementSet, Error, MapStore, Outcome, ReadBack, Result, Store,
};
use kvstore_tests::{TestResult, on_both, on_both_built, warnings_of};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Debug, PartialEq, Clone)]
struct Attempt {
    worker: String,
    failed: bool,
}

fn attempt(worker: &str) -> Attempt {
    Attempt { worker: worker.into(), failed: false }
}

/// A job with all three kinds.
#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    attempts: ElementMap<u32, Attempt>,
    tags: ElementSet<(String, u8)>,
    log: ElementDeque<String>,
    #[store(default)]
    count: u32,
}

fn init() -> JobInit {
    JobInit { owner: "me".into() }
}

fn numbers(jobs: &MapStore<Job>, key: &str) -> Result<Vec<u32>> {
    jobs.elements(Job::ATTEMPTS, key).iter()?.keys().collect()
}

fn log(jobs: &MapStore<Job>, key: &str) -> Result<Vec<String>> {
    jobs.elements(Job::LOG, key).iter()?.collect()
}

/// An entry with five attempts.
fn five(jobs: &MapStore<Job>, key: &str) -> TestResult {
    let mut job = jobs.create(key, init())?;
    let mut attempts = job.elements(Job::ATTEMPTS);
    for number in 1..=5 {
        attempts.insert(number, attempt("w"))?;
    }
    Ok(job.commit()?)
}

#[test]
fn elements_are_inserted_read_and_removed_under_a_guard_and_read_without_a_lock() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        let mut job = jobs.create("/a", init())?;
        let mut attempts = job.elements(Job::ATTEMPTS);
        assert!(attempts.is_empty()? && attempts.get(1)?.is_none() && attempts.first()?.is_none());
        attempts.insert(2, attempt("b"))?;
        attempts.insert(1, attempt("a"))?;
        attempts.insert(7, attempt("c"))?;
        assert_eq!(attempts.get(2)?, Some(attempt("b")));
        assert_eq!((attempts.first()?, attempts.last()?), (Some((1, attempt("a"))), Some((7, attempt("c")))));
        assert!(attempts.remove(7)? && !attempts.remove(7)? && !attempts.contains(7)?);
        let mut tags = job.elements(Job::TAGS);
        tags.insert(("new", 1))?;
        tags.insert(("big", 2))?;
        assert!(tags.contains(("new", 1))? && !tags.contains(("new", 2))?);
        let mut log = job.elements(Job::LOG);
        log.push_back("one".into())?;
        log.push_back("two".into())?;
        log.push_front("zero".into())?;
        assert_eq!((log.front()?.as_deref(), log.back()?.as_deref()), (Some("zero"), Some("two")));
        job.commit()?;

        let attempts = jobs.elements(Job::ATTEMPTS, "/a");
        assert_eq!(attempts.get(2)?, Some(attempt("b")));
        assert!(attempts.contains(1)? && !attempts.contains(7)? && !attempts.is_empty()?);
        assert_eq!(attempts.count()?, 2);
        assert_eq!(attempts.iter()?.reversed().collect::<Result<Vec<_>>>()?, [(2, attempt("b")), (1, attempt("a"))]);
        let tags = jobs.elements(Job::TAGS, "/a");
        assert_eq!(tags.iter()?.collect::<Result<Vec<_>>>()?, [("big".to_owned(), 2), ("new".to_owned(), 1)]);
        assert_eq!(tags.range(("c", 0)..)?.count(), 1);
        let log = jobs.elements(Job::LOG, "/a");
        assert_eq!((log.get(1)?.as_deref(), log.get(3)?, log.count()?), (Some("one"), None, 3));

        let mut job = jobs.lock("/a")?.ok_or("gone")?;
        let mut log = job.elements(Job::LOG);
        assert!(log.set(1, "uno".into())? && !log.set(3, String::new())?);
        assert_eq!((log.pop_front()?.as_deref(), log.pop_back()?.as_deref()), (Some("zero"), Some("two")));
        assert_eq!((log.pop_back()?.as_deref(), log.pop_back()?, log.pop_front()?), (Some("uno"), None, None));
        assert!(log.is_empty()? && log.count()? == 0 && log.front()?.is_none() && log.iter()?.next().is_none());
        job.commit()?;
        assert_eq!(jobs.elements(Job::LOG, "/a").count()?, 0);
        // Nothing is there of an entry that is not.
        let nobody = jobs.elements(Job::ATTEMPTS, "/b");
        assert!(nobody.is_empty()? && nobody.get(1)?.is_none() && nobody.iter()?.next().is_none());
        Ok(())
    })
}

#[test]
fn changes_are_seen_through_the_guard_and_by_others_once_it_is_saved() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        five(&jobs, "/a")?;
        let mut job = jobs.lock("/a")?.ok_or("gone")?;
        let mut attempts = job.elements(Job::ATTEMPTS);
        attempts.remove(3)?;
        attempts.insert(9, attempt("n"))?;
        attempts.insert(4, attempt("n"))?;
        let seen = attempts.iter()?.collect::<Result<Vec<_>>>()?;
        let expected =
            [(1, "w"), (2, "w"), (4, "n"), (5, "w"), (9, "n")].map(|(number, worker)| (number, attempt(worker)));
        assert_eq!(seen, expected);
        let backwards = attempts.range(2..9)?.reversed().keys().collect::<Result<Vec<_>>>()?;
        assert_eq!((backwards, attempts.count()?), (vec![5, 4, 2], 5));
        assert_eq!(numbers(&jobs, "/a")?, [1, 2, 3, 4, 5]);
        job.save()?;
        assert_eq!(numbers(&jobs, "/a")?, [1, 2, 4, 5, 9]);
        // What follows the save is not written.
        job.elements(Job::ATTEMPTS).clear()?;
        assert!(job.elements(Job::ATTEMPTS).is_empty()?);
        job.release();
        assert_eq!(numbers(&jobs, "/a")?, [1, 2, 4, 5, 9]);
        Ok(())
    })
}

/// A scan may be turned round at any point, with changes among what is stored.
#[test]
fn a_scan_that_is_turned_round_returns_what_is_left() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        five(&jobs, "/a")?;
        let mut job = jobs.lock("/a")?.ok_or("gone")?;
        let mut attempts = job.elements(Job::ATTEMPTS);
        for number in [0, 2, 6] {
            attempts.insert(number, attempt("n"))?;
        }
        attempts.remove(4)?;
        let all = [0, 1, 2, 3, 5, 6];
        for taken in 0..=all.len() {
            for taken_back in 0..=all.len() - taken {
                let mut scan = attempts.iter()?.keys();
                let first = scan.by_ref().take(taken).collect::<Result<Vec<_>>>()?;
                let mut back = scan.reversed();
                let last = back.by_ref().take(taken_back).collect::<Result<Vec<_>>>()?;
                let rest = back.reversed().collect::<Result<Vec<_>>>()?;
                assert_eq!(first, all[..taken]);
                assert!(last.iter().eq(all[all.len() - taken_back..].iter().rev()), "{taken} {taken_back} {last:?}");
                assert_eq!(rest, all[taken..all.len() - taken_back], "{taken} {taken_back}");
            }
        }
        job.release();
        Ok(())
    })
}

#[test]
fn a_dropped_guard_drops_its_changes_with_a_warning_and_a_released_one_without() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        five(&jobs, "/a")?;
        let change = |number| -> TestResult<_> {
            let mut job = jobs.lock("/a")?.ok_or("gone")?;
            job.elements(Job::ATTEMPTS).remove(number)?;
            Ok(job)
        };
        let ((), warnings) = warnings_of(|| change(1).map(drop).unwrap_or_default());
        assert!(warnings.len() == 1 && warnings[0].contains("the change is lost"), "{warnings:?}");
        let (released, warnings) = warnings_of(|| change(2).map(kvstore::Guard::release));
        released?;
        let (kept, more) = warnings_of(|| -> TestResult { Ok(change(3)?.commit()?) });
        kept?;
        let (deleted, yet_more) = warnings_of(|| -> TestResult { Ok(change(4)?.delete()?) });
        assert_eq!((warnings, more, yet_more), (vec![], vec![], vec![]));
        assert!(deleted.is_ok() && !jobs.contains("/a")?);
        // To read, or to change nothing, is no change.
        five(&jobs, "/b")?;
        let (read, warnings) = warnings_of(|| -> TestResult<bool> {
            let mut job = jobs.lock("/b")?.ok_or("gone")?;
            let mut attempts = job.elements(Job::ATTEMPTS);
            Ok(attempts.remove(77)? || attempts.get(1)?.is_none() || job.elements(Job::LOG).pop_front()?.is_some())
        });
        assert!(!read? && warnings.is_empty(), "{warnings:?}");
        Ok(())
    })
}

static ENCODED: AtomicUsize = AtomicUsize::new(0);

/// Counts how often a record is written.
mod counted {
    use std::sync::atomic::Ordering;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
    pub(super) fn serialize<S: Serializer>(value: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        super::ENCODED.fetch_add(1, Ordering::SeqCst);
        value.serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u8, D::Error> {
        u8::deserialize(deserializer)
    }
}

#[derive(Store)]
#[store(key = u64)]
struct Counted {
    #[store(with = "counted", default)]
    value: u8,
    elements: ElementSet<u32>,
}

#[test]
fn the_record_is_written_with_the_first_elements_and_not_with_later_ones() -> TestResult {
    on_both_built(&Database::builder().read_back(ReadBack::Never), |db| {
        let store = db.store::<Counted>()?;
        store.create(1, CountedInit {})?.commit()?;
        let encoded = |change: &dyn Fn(&mut CountedGuard) -> Result<()>, batch: bool| -> TestResult<usize> {
            let before = ENCODED.load(Ordering::SeqCst);
            let mut guard = store.lock(1)?.ok_or("gone")?;
            change(&mut guard)?;
            if batch {
                Batch::new().write(guard).commit()?;
            } else {
                guard.commit()?;
            }
            Ok(ENCODED.load(Ordering::SeqCst) - before)
        };
        // A removal of what is not there gives no entry its first elements.
        assert_eq!(encoded(&|guard| guard.elements(Counted::ELEMENTS).remove(1).map(drop), false)?, 0);
        assert_eq!(encoded(&|guard| guard.elements(Counted::ELEMENTS).insert(1), false)?, 1);
        assert_eq!(encoded(&|guard| guard.elements(Counted::ELEMENTS).insert(2), false)?, 0);
        assert_eq!(encoded(&|guard| guard.elements(Counted::ELEMENTS).insert(3), true)?, 0);
        assert_eq!(encoded(&|guard| guard.elements(Counted::ELEMENTS).clear(), true)?, 0);
        assert_eq!(encoded(&|guard| guard.elements(Counted::ELEMENTS).insert(4), false)?, 0);
        let both = |guard: &mut CountedGuard| {
            guard.value += 1;
            guard.elements(Counted::ELEMENTS).insert(5)
        };
        assert_eq!(encoded(&both, false)?, 1);
        assert_eq!(store.elements(Counted::ELEMENTS, 1).iter()?.collect::<Result<Vec<_>>>()?, [4, 5]);
        assert_eq!(store.get(1)?.map(|counted| counted.value), Some(1));
        Ok(())
    })
}

#[test]
fn an_entry_that_is_created_again_has_no_elements_of_the_old_one() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        let ways: [fn(&MapStore<Job>) -> TestResult; 5] = [
            |jobs| Ok(jobs.remove("/a").map(drop)?),
            |jobs| Ok(jobs.insert("/a", init())?),
            |jobs| Ok(jobs.insert("/a", Job { owner: "x".into(), count: 1, ..jobs.get("/a")?.ok_or("gone")? })?),
            |jobs| Ok(jobs.lock("/a")?.ok_or("gone")?.delete()?),
            |jobs| {
                let mut job = jobs.lock("/a")?.ok_or("gone")?;
                job.elements(Job::ATTEMPTS).insert(77, attempt("late"))?;
                Ok(Batch::new().delete(job).commit()?)
            },
        ];
        for way in ways {
            jobs.remove("/a")?;
            five(&jobs, "/a")?;
            five(&jobs, "/ab")?;
            way(&jobs)?;
            assert_eq!(jobs.elements(Job::ATTEMPTS, "/a").count()?, 0);
            let mut job = jobs.lock_or_create("/a", init())?;
            assert!(job.elements(Job::ATTEMPTS).is_empty()? && job.elements(Job::ATTEMPTS).get(1)?.is_none());
            job.elements(Job::ATTEMPTS).insert(2, attempt("again"))?;
            job.commit()?;
            assert_eq!((numbers(&jobs, "/a")?, numbers(&jobs, "/ab")?.len()), (vec![2], 5));
            jobs.remove("/ab")?;
        }
        Ok(())
    })
}

#[test]
fn a_value_that_is_replaced_under_its_guard_keeps_its_elements() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        five(&jobs, "/a")?;
        jobs.update("/a", |job| {
            let (attempts, tags, log) = (ElementMap::new(), ElementSet::default(), ElementDeque::new());
            *job = Job { owner: "other".into(), attempts, tags, log, count: 7 };
        })?;
        assert_eq!(jobs.get("/a")?.map(|job| job.count), Some(7));
        assert_eq!(numbers(&jobs, "/a")?.len(), 5);
        Ok(())
    })
}

#[test]
fn a_snapshot_keeps_the_elements_that_it_saw() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        five(&jobs, "/a")?;
        jobs.update("/a", |job| job.count = 1)?;
        let before = db.snapshot()?;
        let mut job = jobs.lock("/a")?.ok_or("gone")?;
        job.elements(Job::ATTEMPTS).remove(1)?;
        job.elements(Job::ATTEMPTS).insert(2, attempt("new"))?;
        job.commit()?;
        let between = db.snapshot()?;
        jobs.remove("/a")?;
        let mut job = jobs.create("/a", init())?;
        job.elements(Job::LOG).push_back("new".into())?;
        job.commit()?;

        let (before, between) = (jobs.at(&before), jobs.at(&between));
        let attempts = before.elements(Job::ATTEMPTS, "/a");
        assert_eq!(
            (attempts.count()?, attempts.get(1)?, attempts.get(2)?),
            (5, Some(attempt("w")), Some(attempt("w")))
        );
        let attempts = between.elements(Job::ATTEMPTS, "/a");
        assert_eq!((attempts.count()?, attempts.get(1)?, attempts.get(2)?), (4, None, Some(attempt("new"))));
        assert!(attempts.contains(5)? && between.elements(Job::LOG, "/a").is_empty()?);
        assert_eq!((numbers(&jobs, "/a")?.len(), log(&jobs, "/a")?), (0, vec!["new".to_owned()]));
        // A scan sees the moment at which it is made.
        let scan = jobs.elements(Job::LOG, "/a").iter()?;
        jobs.remove("/a")?;
        assert_eq!(scan.collect::<Result<Vec<_>>>()?, ["new"]);
        let other = Database::in_memory()?;
        let foreign = other.snapshot()?;
        let view = jobs.at(&foreign);
        let elements = view.elements(Job::ATTEMPTS, "/a");
        assert!(matches!(elements.get(1), Err(Error::ForeignSnapshot { .. })));
        assert!(matches!(elements.iter(), Err(Error::ForeignSnapshot { .. })));
        Ok(())
    })
}

#[test]
fn elements_are_committed_with_the_other_guards_of_a_batch_or_not_at_all() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let (jobs, names) = (db.store::<Job>()?, db.map::<u64, String>("names")?);
    five(&jobs, "/a")?;
    let mut job = jobs.lock("/a")?.ok_or("gone")?;
    job.elements(Job::ATTEMPTS).insert(6, attempt("w"))?;
    job.elements(Job::LOG).push_back("six".into())?;
    faults.fail_next_writes(2, Outcome::NotApplied);
    let failed = Batch::new().write(job).write(names.create(1, "one".to_owned())?).try_commit();
    let failed = failed.err().ok_or("committed")?;
    assert!(numbers(&jobs, "/a")?.len() == 5 && log(&jobs, "/a")?.is_empty() && !names.contains(1)?);
    let mut batch = failed.into_held();
    let mut job = batch.take(&jobs, "/a").ok_or("lost")?;
    assert!(job.save().is_err());
    // The changes are still there.
    job.elements(Job::LOG).push_back("seven".into())?;
    batch.write(job).commit()?;
    assert_eq!((numbers(&jobs, "/a")?.len(), log(&jobs, "/a")?.join(" ")), (6, "six seven".to_owned()));
    assert_eq!(names.get(1)?.as_deref(), Some("one"));
    Ok(())
}

#[test]
fn an_element_whose_outcome_is_unknown_is_not_taken_back_in_silence() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let jobs = db.store::<Job>()?;
    jobs.insert("/a", JobInit { owner: "me".into() })?;
    let mut job = jobs.lock("/a")?.ok_or("gone")?;
    job.elements(Job::ATTEMPTS).insert(1, attempt("w"))?;
    faults.fail_next_writes(1, Outcome::Unknown);
    assert!(job.save().is_err());
    job.elements(Job::ATTEMPTS).remove(1)?;
    // Whether the element is there, only the next open can tell.
    assert!(matches!(job.commit(), Err(Error::Failed { .. })));
    Ok(())
}

#[test]
fn scans_over_entries_do_not_meet_elements() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        for key in ["/a", "/b", "/c"] {
            five(&jobs, key)?;
        }
        assert_eq!(jobs.iter()?.keys().collect::<Result<Vec<_>>>()?, ["/a", "/b", "/c"]);
        assert_eq!(jobs.prefix("/")?.count(), 3);
        assert_eq!(
            (jobs.first()?.map(|row| row.0), jobs.last()?.map(|row| row.0)),
            (Some("/a".into()), Some("/c".into()))
        );
        let names = db.namespaces()?;
        assert_eq!((names.len(), names[0].estimated_entries()), (1, 3));
        assert_eq!(names[0].fields()[1], ("attempts".to_owned(), "ElementMap<u32,Attempt>".to_owned()));
        assert_eq!(jobs.try_lock_first(..)?.map(|job| job.key().clone()), Some("/a".into()));
        Ok(())
    })
}

#[test]
fn what_is_cleared_is_gone_whatever_its_size_and_what_is_inserted_after_it_stays() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        for size in [0, 1, 1024, 1025, 3000] {
            let mut job = jobs.lock_or_create("/a", init())?;
            for number in 0..size {
                job.elements(Job::ATTEMPTS).insert(number, attempt("w"))?;
            }
            job.elements(Job::LOG).push_back("log".into())?;
            job.save()?;
            let mut attempts = job.elements(Job::ATTEMPTS);
            attempts.insert(size, attempt("w"))?;
            attempts.clear()?;
            assert!(attempts.is_empty()? && attempts.get(0)?.is_none() && attempts.last()?.is_none());
            attempts.insert(9999, attempt("late"))?;
            attempts.insert(0, attempt("late"))?;
            assert!(attempts.remove(9999)? && !attempts.contains(9999)?);
            assert_eq!(attempts.iter()?.keys().collect::<Result<Vec<_>>>()?, [0]);
            job.commit()?;
            assert_eq!(numbers(&jobs, "/a")?, [0]);
            let mut job = jobs.lock("/a")?.ok_or("gone")?;
            job.elements(Job::LOG).clear()?;
            job.elements(Job::LOG).push_front("again".into())?;
            job.commit()?;
            assert_eq!(log(&jobs, "/a")?, ["again"]);
            jobs.remove("/a")?;
        }
        Ok(())
    })
}

/// A value that says when it does not want to be written or read.
#[derive(Debug)]
struct Moody(u8);

impl Serialize for Moody {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0 == 1 { Err(serde::ser::Error::custom("not today")) } else { self.0.serialize(serializer) }
    }
}

impl<'de> Deserialize<'de> for Moody {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u8::deserialize(deserializer)? {
            2 => Err(serde::de::Error::custom("not now")),
            other => Ok(Self(other)),
        }
    }
}

#[derive(Store)]
#[store(key = u64)]
struct Odd {
    by_name: ElementMap<String, Moody>,
    queue: ElementDeque<Moody>,
}

#[test]
fn errors_name_the_entry_and_the_element() -> TestResult {
    on_both_built(&Database::builder().read_back(ReadBack::Never), |db| {
        let odd = db.store::<Odd>()?;
        let mut guard = odd.create(7, OddInit {})?;
        let mut by_name = guard.elements(Odd::BY_NAME);
        let error = by_name.insert("a", Moody(1)).unwrap_err();
        assert!(matches!(&error, Error::Encode { namespace, key, .. } if namespace == "odd" && key == "7"));
        assert_eq!(error.to_string(), r#"odd[7] can't be encoded: element by_name["a"]: not today"#);
        let long = "x".repeat(65_537);
        let error = by_name.insert(&long, Moody(0)).unwrap_err();
        assert!(matches!(error, Error::TooLarge { what: "element key", size: 65_537, limit: 65_536, .. }), "{error}");
        assert!(matches!(by_name.get(&long), Err(Error::TooLarge { .. })));
        assert!(matches!(by_name.remove(&long), Err(Error::TooLarge { .. })));
        assert!(matches!(by_name.range(long.as_str()..), Err(Error::TooLarge { .. })));
        let error = by_name.range("b".."a").unwrap_err();
        assert_eq!(error.to_string(), "invalid range in odd: a range of elements of `by_name` starts after its end");
        by_name.insert(&long[1..], Moody(0))?;
        assert_eq!(by_name.range(&long[1..]..)?.count(), 1);
        assert!(by_name.remove(&long[1..])?);
        for (name, value) in [("b", 0), ("c", 2), ("d", 3)] {
            by_name.insert(name, Moody(value))?;
            guard.elements(Odd::QUEUE).push_back(Moody(value))?;
            by_name = guard.elements(Odd::BY_NAME);
        }
        guard.commit()?;

        let by_name = odd.elements(Odd::BY_NAME, 7);
        let error = by_name.get("c").unwrap_err();
        assert!(matches!(&error, Error::Decode { namespace, key, .. } if namespace == "odd" && key == "7"));
        assert_eq!(error.to_string(), r#"odd[7] can't be decoded: element by_name["c"]: not now"#);
        let all: Vec<_> = by_name.iter()?.map(|element| element.map(|(name, moody)| (name, moody.0))).collect();
        assert!(matches!(all.as_slice(), [Ok((b, 0)), Err(Error::Decode { .. }), Ok((d, 3))] if b == "b" && d == "d"));
        assert_eq!((by_name.count()?, by_name.contains("c")?, by_name.iter()?.keys().count()), (3, true, 3));
        let mut guard = odd.lock(7)?.ok_or("gone")?;
        let mut queue = guard.elements(Odd::QUEUE);
        assert_eq!(queue.pop_front()?.map(|moody| moody.0), Some(0));
        let error = queue.pop_front().unwrap_err();
        assert_eq!(error.to_string(), "odd[7] can't be decoded: element queue[1]: not now");
        assert_eq!((queue.count()?, queue.pop_back()?.map(|moody| moody.0)), (2, Some(3)));
        assert!(queue.set(0, Moody(4))? && guard.elements(Odd::BY_NAME).remove("c")?);
        guard.commit()?;
        assert_eq!(odd.elements(Odd::QUEUE, 7).front()?.map(|moody| moody.0), Some(4));
        Ok(())
    })
}

#[test]
fn a_key_over_the_limit_is_told_by_reads() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        let long = "x".repeat(65_537);
        let elements = jobs.elements(Job::ATTEMPTS, &long);
        assert!(matches!(elements.get(1), Err(Error::TooLarge { what: "key", .. })));
        assert!(matches!(elements.iter(), Err(Error::TooLarge { what: "key", .. })));
        assert!(matches!(elements.count(), Err(Error::TooLarge { what: "key", .. })));
        Ok(())
    })
}

#[test]
fn elements_of_a_closed_database_answer_closed() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        five(&jobs, "/a")?;
        let mut job = jobs.lock("/a")?.ok_or("gone")?;
        job.elements(Job::ATTEMPTS).insert(6, attempt("w"))?;
        db.clone().close()?;
        assert!(matches!(jobs.elements(Job::ATTEMPTS, "/a").get(1), Err(Error::Closed)));
        assert!(matches!(job.elements(Job::ATTEMPTS).get(1), Err(Error::Closed)));
        assert!(matches!(job.elements(Job::ATTEMPTS).iter()?.next(), Some(Err(Error::Closed))));
        assert!(matches!(job.commit(), Err(Error::Closed)));
        Ok(())
    })
}

#[test]
fn elements_are_there_when_the_database_is_opened_again() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("db");
    for round in 1..=3 {
        // The handle is gone at the end, and with it the thread that deletes elements: the directory is free at once.
        let db = Database::open(&path)?;
        let jobs = db.store::<Job>()?;
        let mut job = jobs.lock_or_create("/a", init())?;
        job.elements(Job::LOG).push_back(format!("round {round}"))?;
        job.elements(Job::ATTEMPTS).insert(round, attempt("w"))?;
        job.commit()?;
        assert_eq!(u32::try_from(log(&jobs, "/a")?.len())?, round);
        assert_eq!(numbers(&jobs, "/a")?, (1..=round).collect::<Vec<_>>());
        five(&jobs, &format!("/{round}"))?;
        jobs.remove(format!("/{round}"))?;
        if round == 2 {
            db.close()?;
        }
    }
    let checkpoint = directory.path().join("copy");
    Database::open(&path)?.checkpoint(&checkpoint)?;
    let jobs = Database::open(&checkpoint)?.store::<Job>()?;
    assert_eq!(log(&jobs, "/a")?, ["round 1", "round 2", "round 3"]);
    Ok(())
}

#[test]
fn a_dropped_namespace_is_empty_when_it_is_made_again() -> TestResult {
    let directory = tempfile::tempdir()?;
    {
        let db = Database::open(directory.path())?;
        five(&db.store::<Job>()?, "/a")?;
    }
    let db = Database::open(directory.path())?;
    assert!(db.drop_namespace("job")?);
    let jobs = db.store::<Job>()?;
    jobs.insert("/a", init())?;
    assert_eq!((numbers(&jobs, "/a")?.len(), db.namespaces()?.len()), (0, 1));
    Ok(())
}

/// What a program may change in its structs.
mod schema {
    use super::*;

    /// Without elements.
    mod plain {
        #[derive(kvstore::Store)]
        #[store(namespace = "jobs", key = String)]
        pub(super) struct Job {
            pub(super) owner: String,
        }
    }

    macro_rules! version {
        ($module:ident, $($field:tt)*) => {
            mod $module {
                #[derive(kvstore::Store)]
                #[store(namespace = "jobs", key = String)]
                pub(super) struct Job {
                    pub(super) owner: String,
                    $($field)*
                }
            }
        };
    }

    version!(grown, pub(super) tags: kvstore::ElementSet<u32>,);
    version!(more, pub(super) tags: kvstore::ElementSet<u32>, pub(super) log: kvstore::ElementDeque<String>,);
    version!(retyped, pub(super) tags: kvstore::ElementSet<u64>,);
    version!(as_value, pub(super) tags: std::collections::BTreeSet<u32>,);
    version!(other_kind, #[store(type = "ElementSet<u32>")] pub(super) tags: kvstore::ElementMap<u32, ()>,);
    version!(other_key, #[store(type = "ElementSet<u32>")] pub(super) tags: kvstore::ElementSet<u64>,);

    fn open<T: Store<Value = T>>(path: &std::path::Path) -> Result<MapStore<T>> {
        Database::open(path)?.store::<T>()
    }

    fn differences<T: Store<Value = T>>(path: &std::path::Path) -> String {
        match open::<T>(path) {
            Err(Error::SchemaMismatch { differences, .. }) => differences.join("; "),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn element_fields_can_be_added_and_neither_removed_nor_given_another_type() -> TestResult {
        let directory = tempfile::tempdir()?;
        let path = directory.path();
        open::<plain::Job>(path)?.insert("/a", plain::Job { owner: "me".into() })?;
        // Opened, and not written: the old program opens still, and so does one with another type.
        open::<grown::Job>(path)?;
        open::<plain::Job>(path)?;
        open::<retyped::Job>(path)?;
        {
            let jobs = open::<grown::Job>(path)?;
            let mut job = jobs.lock("/a")?.ok_or("gone")?;
            assert!(job.owner == "me" && job.elements(grown::Job::TAGS).is_empty()?);
            job.elements(grown::Job::TAGS).insert(5)?;
            job.commit()?;
        }
        assert_eq!(differences::<plain::Job>(path), "field `tags: ElementSet<u32>` is stored, the program has none");
        let expected = "field `tags` is stored as `ElementSet<u32>`, the program has `ElementSet<u64>`";
        assert!(differences::<retyped::Job>(path).starts_with(expected));
        let expected = "field `tags` is stored as `ElementSet<u32>`, the program has `BTreeSet<u32>`";
        assert_eq!(differences::<as_value::Job>(path), expected);
        let expected = "the elements of field `tags` are stored as a set, the program has a map";
        assert_eq!(differences::<other_kind::Job>(path), expected);
        let expected = "the keys of the elements of field `tags` are stored as `u32`, the program has `u64`";
        assert_eq!(differences::<other_key::Job>(path), expected);
        {
            let jobs = open::<more::Job>(path)?;
            let mut job = jobs.lock("/a")?.ok_or("gone")?;
            job.elements(more::Job::LOG).push_back("more".into())?;
            job.commit()?;
        }
        assert!(differences::<grown::Job>(path).starts_with("field `log: ElementDeque<String>` is stored"));
        let jobs = open::<more::Job>(path)?;
        assert!(jobs.elements(more::Job::TAGS, "/a").contains(5)?);
        assert_eq!(jobs.elements(more::Job::LOG, "/a").front()?.as_deref(), Some("more"));
        Ok(())
    }

    /// How urgent, in two versions.
    mod level {
        #[derive(kvstore::Key, Debug, PartialEq)]
        pub(super) enum Old {
            Low,
        }

        #[derive(kvstore::Key, Debug, PartialEq)]
        pub(super) enum New {
            Low,
            High(u8),
        }
    }

    version!(low, #[store(type = "Levels")] pub(super) levels: kvstore::ElementSet<super::level::Old>,);
    version!(high, #[store(type = "Levels")] pub(super) levels: kvstore::ElementSet<super::level::New>,);

    #[test]
    fn the_keys_of_elements_may_grow_as_keys_of_entries_may() -> TestResult {
        let directory = tempfile::tempdir()?;
        let path = directory.path();
        {
            let jobs = open::<low::Job>(path)?;
            let mut job = jobs.create("/a", low::JobInit { owner: "me".into() })?;
            job.elements(low::Job::LEVELS).insert(level::Old::Low)?;
            job.commit()?;
        }
        open::<high::Job>(path)?;
        open::<low::Job>(path)?; // nothing was written since
        {
            let jobs = open::<high::Job>(path)?;
            let mut job = jobs.lock("/a")?.ok_or("gone")?;
            job.elements(high::Job::LEVELS).insert(level::New::High(3))?;
            job.commit()?;
        }
        let expected = "the keys of the elements of field `levels` are stored as `enum{Low,High(u8)}`, the program has `enum{Low}`";
        assert_eq!(differences::<low::Job>(path), expected);
        let levels = open::<high::Job>(path)?.elements(high::Job::LEVELS, "/a").iter()?.collect::<Result<Vec<_>>>()?;
        assert_eq!(levels, [level::New::Low, level::New::High(3)]);
        Ok(())
    }
}
