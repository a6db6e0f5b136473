//! Namespaces: their names, what is told of them, and how they go.

use std::collections::BTreeMap;

use kvstore::{Database, ElementSet, Error, Outcome, Result, Store};
use kvstore_tests::{TestResult, on_both};

/// An entry.
#[derive(Store)]
struct HTTPJob {
    #[store(key)]
    id: (String, u64),
    owner: String,
    attempts: BTreeMap<u32, String>,
    #[store(skip)]
    cached: u64,
}

#[test]
fn the_catalog_tells_name_version_key_fields_and_size() -> TestResult {
    on_both(|db| {
        assert!(db.namespaces()?.is_empty());
        let jobs = db.store::<HTTPJob>()?;
        (0..10).try_for_each(|number| jobs.insert(("acme", number), HTTPJobInit { owner: "me".into() }))?;
        db.map::<u64, String>("bare")?;
        let found = db.namespaces()?;
        assert_eq!(found.iter().map(kvstore::NamespaceInfo::name).collect::<Vec<_>>(), ["bare", "http_job"]);
        assert_eq!((found[1].version(), found[1].key(), found[1].estimated_entries()), (1, "(string,u64)", 10));
        let fields = [("owner", "String"), ("attempts", "BTreeMap<u32,String>")];
        assert!(found[1].fields().iter().map(|(name, type_name)| (name.as_str(), type_name.as_str())).eq(fields));
        assert_eq!((found[0].key(), found[0].fields(), found[0].estimated_entries()), ("u64", &[][..], 0));
        // The key is not stored twice, and what is skipped starts anew.
        let job = jobs.get(("acme", 7))?.unwrap();
        assert_eq!((job.id, job.owner.as_str(), job.cached), (("acme".to_owned(), 7), "me", 0));
        assert!(job.attempts.is_empty());
        Ok(())
    })
}

#[test]
fn names_are_1_to_128_bytes_without_control_characters() -> TestResult {
    on_both(|db| {
        for name in ["", "a\nb", "\0", "a\u{7f}", "\u{85}", &"n".repeat(129), &"ü".repeat(65)] {
            assert!(matches!(db.map::<u64, u64>(name), Err(Error::InvalidNamespace { name: of, .. }) if of == name));
        }
        for name in ["a", " ", "/", "a b", "ü", &"n".repeat(128), &"ü".repeat(64)] {
            db.map::<u64, u64>(name)?.put(1, 1)?;
        }
        assert_eq!(db.namespaces()?.len(), 7);
        assert!(matches!(db.drop_namespace("never"), Ok(false)));
        Ok(())
    })
}

#[test]
fn a_namespace_in_use_is_not_dropped() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.put(1, 10)?;
        let refused = |result: Result<bool>| {
            matches!(result, Err(Error::NamespaceInUse { namespace, held_by, .. })
            if namespace == "numbers" && held_by.contains("Map<u64, u64>"))
        };
        assert!(refused(db.drop_namespace("numbers")) && refused(db.clone().drop_namespace("numbers")));
        assert_eq!(numbers.get(1)?, Some(10));
        assert!(!db.drop_namespace("other")?);
        // Neither a guard, nor a scan, nor a view may find it gone.
        let (guard, scan, snapshot) = (numbers.lock(1)?, numbers.iter()?, db.snapshot()?);
        let view = numbers.at(&snapshot);
        drop(numbers);
        assert!(refused(db.drop_namespace("numbers")));
        drop(guard);
        assert!(refused(db.drop_namespace("numbers")));
        drop(scan);
        assert!(refused(db.drop_namespace("numbers")) && refused(db.rename_namespace("numbers", "new")));
        drop(view);
        assert!(db.drop_namespace("numbers")? && !db.drop_namespace("numbers")?);
        assert!(db.map::<u64, u64>("numbers")?.is_empty()?);
        Ok(())
    })
}

#[test]
fn a_namespace_whose_handles_are_gone_opens_for_another_type_and_again() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let key = numbers.next_key()?;
        let clone = numbers.clone();
        drop(numbers);
        assert!(matches!(db.map::<u64, String>("numbers"), Err(Error::NamespaceInUse { .. })));
        drop(clone);
        // The same type goes on with the numbers that were leased.
        assert_eq!(db.map::<u64, u64>("numbers")?.next_key()?, key + 1);
        db.map::<u64, String>("numbers")?.put(1, "one".to_owned())?;
        assert!(matches!(db.map::<String, u64>("numbers"), Err(Error::SchemaMismatch { .. })));
        let numbers = db.map::<u64, u64>("numbers")?;
        assert!(matches!(numbers.get(1), Err(Error::Decode { .. })));
        assert!(matches!(db.map::<u64, String>("numbers"), Err(Error::NamespaceInUse { .. })));
        Ok(())
    })
}

#[test]
fn a_renamed_namespace_has_its_entries_elements_and_generated_keys() -> TestResult {
    #[derive(Store)]
    #[store(key = u64)]
    struct Job {
        owner: String,
        files: ElementSet<String>,
    }
    mod renamed {
        #[derive(kvstore::Store)]
        #[store(key = u64, namespace = "work")]
        pub(super) struct Work {
            pub(super) owner: String,
            pub(super) files: kvstore::ElementSet<String>,
        }
    }
    on_both(|db| {
        assert!(!db.rename_namespace("job", "work")?);
        let jobs = db.store::<Job>()?;
        let mut job = jobs.create_next(JobInit { owner: "me".into() })?;
        job.elements(Job::FILES).insert("a".to_owned())?;
        let key = *job.key();
        job.commit()?;
        jobs.remove(jobs.next_key()?)?;
        db.map::<u64, u64>("taken")?.put(1, 1)?;
        assert!(matches!(db.rename_namespace("job", "work"), Err(Error::NamespaceInUse { .. })));
        drop(jobs);
        for (name, there) in [("taken", "taken"), ("job", "job")] {
            let refused = db.rename_namespace("job", name);
            assert!(matches!(refused, Err(Error::NamespaceExists { namespace }) if namespace == there));
        }
        assert!(matches!(db.rename_namespace("job", ""), Err(Error::InvalidNamespace { .. })));
        assert!(db.rename_namespace("job", "work")? && !db.rename_namespace("job", "work")?);
        let names = db.namespaces()?;
        assert!(names.iter().map(kvstore::NamespaceInfo::name).eq(["taken", "work"]));

        let work = db.store::<renamed::Work>()?;
        assert_eq!(work.get(key)?.map(|work| work.owner).as_deref(), Some("me"));
        assert_eq!(work.elements(renamed::Work::FILES, key).iter()?.collect::<Result<Vec<_>>>()?, ["a"]);
        assert!(work.next_key()? > key + 1);
        let file = work.lock(key)?.ok_or("gone")?;
        assert!(db.locks().first().is_some_and(|lock| lock.namespace() == "work"));
        drop(file);
        // The old name is free, and begins anew.
        let jobs = db.store::<Job>()?;
        assert!(jobs.is_empty()? && jobs.next_key()? == 1);
        Ok(())
    })
}

#[test]
fn a_namespace_renamed_before_a_crash_is_renamed_after_it() -> TestResult {
    let directory = tempfile::tempdir()?;
    for (old, new) in [("a", "b"), ("b", "c"), ("c", "a")] {
        let db = Database::open(directory.path())?;
        let next = db.map::<u64, u64>(old)?.next_key()?;
        assert!(db.rename_namespace(old, new)?);
        let renamed = db.map::<u64, u64>(new)?;
        assert!(renamed.next_key()? > next && renamed.is_empty()?);
        renamed.put(0, 0)?;
        renamed.remove(0)?;
    }
    Ok(())
}

#[test]
fn a_failed_change_of_a_namespace_changes_nothing() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    db.map::<u64, u64>("old")?.put(1, 10)?;
    faults.fail_next_writes(2, Outcome::NotApplied);
    assert!(matches!(db.rename_namespace("old", "new"), Err(Error::Engine { .. })));
    assert!(matches!(db.drop_namespace("old"), Err(Error::Engine { .. })));
    assert_eq!((db.map::<u64, u64>("old")?.get(1)?, db.namespaces()?.len()), (Some(10), 1));
    faults.fail_next_writes(1, Outcome::Unknown);
    assert!(matches!(db.rename_namespace("old", "new"), Err(Error::OutcomeUnknown { .. })));
    assert!(matches!(db.drop_namespace("old"), Err(Error::Failed { .. })));
    Ok(())
}

#[test]
fn a_dropped_namespace_is_gone_with_all_its_entries_and_its_neighbours_stay() -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = Database::open(directory.path())?;
    for name in ["before", "middle", "behind"] {
        let numbers = db.map::<u64, u64>(name)?;
        (0..2_000).try_for_each(|number| numbers.put(number, number))?;
        assert_eq!(numbers.next_key()?, 2_000);
        numbers.put(u64::MAX, 0)?;
    }
    db.close()?;

    let db = Database::open(directory.path())?;
    let before = db.map::<u64, u64>("before")?;
    assert!(db.drop_namespace("middle")? && !db.drop_namespace("middle")?);
    assert_eq!(db.namespaces()?.len(), 2);
    assert_eq!((before.iter()?.count(), db.map::<u64, u64>("behind")?.iter()?.count()), (2_001, 2_001));
    // The name is free for anything else, which starts empty and counts from the beginning.
    let middle = db.map::<String, String>("middle")?;
    assert!(middle.iter()?.next().is_none() && middle.first()?.is_none() && middle.try_lock_first(..)?.is_none());
    middle.create_next("first".to_owned())?.commit()?;
    assert_eq!(middle.first()?, Some(("0000000000001".to_owned(), "first".to_owned())));
    drop((before, middle));
    db.close()?;

    let db = Database::open(directory.path())?;
    assert_eq!(db.map::<String, String>("middle")?.iter()?.count(), 1);
    assert_eq!(db.map::<u64, u64>("behind")?.iter()?.count(), 2_001);
    Ok(())
}

#[test]
fn a_dropped_number_is_never_used_again() -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = Database::open(directory.path())?;
    db.map::<u64, u64>("last")?.put(1, 10)?;
    db.close()?;
    // A snapshot still sees the entries of the old number: were it used again, they would show up in the new namespace.
    for _ in 0..3 {
        let db = Database::open(directory.path())?;
        let snapshot = db.snapshot()?;
        assert!(db.drop_namespace("last")?);
        let last = db.map::<u64, u64>("last")?;
        assert!(last.at(&snapshot).iter()?.next().is_none());
        assert!(last.iter()?.next().is_none());
        last.put(1, 10)?;
    }
    Ok(())
}
