//! What a program may change in its structs, and what happens to the records that are there.

use std::path::Path;

use kvstore::__private::{FieldSchema, InitializeValue, RecordError, RecordReader, RecordWriter, Schema, StoreCodec};
use kvstore::{Batch, Database, Error, MapStore, Result, Store};
use kvstore_tests::{TestResult, on_both};

/// The first version of a program.
mod old {
    use kvstore::{Key, Store};

    /// A job.
    #[derive(Store)]
    #[store(namespace = "jobs", key = String)]
    pub(crate) struct Job {
        pub(crate) owner: String,
        pub(crate) count: u32,
    }

    /// How urgent.
    #[derive(Key, Debug, PartialEq)]
    pub(crate) enum Level {
        Low,
        Middle(u32),
    }
}

/// A later version, whose fields all have an initial value, in another order.
mod grown {
    use std::collections::{BTreeMap, BTreeSet};

    use kvstore::{Key, Store};

    /// A job.
    #[derive(Store)]
    #[store(namespace = "jobs", key = String)]
    pub(crate) struct Job {
        pub(crate) attempts: BTreeMap<u32, String>,
        pub(crate) count: u32,
        pub(crate) tags: BTreeSet<String>,
        pub(crate) error: Option<String>,
        #[store(default = 3)]
        pub(crate) retries: u8,
        #[store(default)]
        pub(crate) note: String,
        pub(crate) owner: String,
        #[store(skip, default = 7)]
        pub(crate) cached: u64,
    }

    /// How urgent.
    #[derive(Key, Debug, PartialEq)]
    pub(crate) enum Level {
        Low,
        Middle(u32),
        High { by: String },
    }
}

fn with_old_records(path: &Path) -> Result<()> {
    let db = Database::open(path)?;
    let jobs = db.store::<old::Job>()?;
    jobs.insert("a", old::JobInit { owner: "me".into(), count: 1 })?;
    jobs.insert("b", old::JobInit { owner: "you".into(), count: 2 })?;
    db.close()
}

/// Whether the old program opens, finds its records, and nothing else.
fn old_program_works(path: &Path) -> Result<bool> {
    let db = Database::open(path)?;
    match db.store::<old::Job>() {
        Ok(jobs) => {
            let jobs = jobs.iter()?.map(|entry| entry.map(|(_, job)| (job.owner, job.count)));
            let expected = [("me".to_owned(), 1), ("you".to_owned(), 2)];
            Ok(jobs.collect::<Result<Vec<_>>>()? == expected)
        }
        Err(Error::SchemaMismatch { .. }) => Ok(false),
        Err(other) => Err(other),
    }
}

fn differences<T>(result: Result<T>) -> Vec<String> {
    match result {
        Err(Error::SchemaMismatch { differences, .. }) => differences,
        _ => Vec::new(),
    }
}

#[test]
fn fields_missing_in_old_records_start_as_they_would_in_new_ones() -> TestResult {
    let directory = tempfile::tempdir()?;
    with_old_records(directory.path())?;
    let db = Database::open(directory.path())?;
    let jobs = db.store::<grown::Job>()?;
    let job = jobs.get("a")?.unwrap();
    assert_eq!((job.owner.as_str(), job.count), ("me", 1));
    assert!(job.attempts.is_empty() && job.tags.is_empty() && job.error.is_none() && job.note.is_empty());
    assert_eq!((job.retries, job.cached), (3, 7));
    let mut job = jobs.lock("a")?.unwrap();
    job.attempts.insert(1, "started".into());
    job.commit()?;
    assert_eq!(jobs.iter()?.map(|entry| Ok(entry?.1.attempts.len())).collect::<Result<Vec<_>>>()?, [1, 0]);
    Ok(())
}

#[test]
fn the_old_program_opens_until_the_new_one_writes() -> TestResult {
    let directory = tempfile::tempdir()?;
    with_old_records(directory.path())?;
    {
        let db = Database::open(directory.path())?;
        let jobs = db.store::<grown::Job>()?;
        // Reading, locking, and changes that come to nothing are no writes.
        jobs.lock("a")?.unwrap().commit()?;
        drop(jobs.create("c", grown::JobInit { owner: String::new(), count: 0 })?);
        assert_eq!((jobs.iter()?.count(), jobs.remove("c")?), (2, false));
        assert_eq!(db.namespaces()?[0].fields().len(), 2);
    }
    assert!(old_program_works(directory.path())?);
    {
        let db = Database::open(directory.path())?;
        let jobs = db.store::<grown::Job>()?;
        jobs.update("a", |job| job.retries = 2)?;
        assert_eq!(db.namespaces()?[0].fields().len(), 7);
        jobs.update("a", |job| job.retries = 1)?;
    }
    let db = Database::open(directory.path())?;
    let found = differences(db.store::<old::Job>());
    assert_eq!(found.len(), 5);
    assert!(
        found.contains(&"field `attempts: BTreeMap<u32,String>` is stored, the program has none".to_owned()),
        "{found:?}"
    );
    // The same database still is one of the new program.
    assert_eq!(db.store::<grown::Job>()?.get("a")?.unwrap().retries, 1);
    Ok(())
}

#[test]
fn every_kind_of_first_write_records_the_grown_schema() -> TestResult {
    let writes: [fn(&MapStore<grown::Job>) -> TestResult; 4] = [
        |jobs| Ok(jobs.insert("c", grown::JobInit { owner: "me".into(), count: 0 })?),
        |jobs| Ok(jobs.remove("a").map(drop)?),
        |jobs| Ok(jobs.lock("a")?.unwrap().delete()?),
        |jobs| {
            let (mut one, other) = (jobs.lock("a")?.unwrap(), jobs.lock("b")?.unwrap());
            one.count += 1;
            Ok(Batch::new().write(one).delete(other).commit()?)
        },
    ];
    for write in writes {
        let directory = tempfile::tempdir()?;
        with_old_records(directory.path())?;
        let db = Database::open(directory.path())?;
        write(&db.store::<grown::Job>()?)?;
        db.close()?;
        assert!(!old_program_works(directory.path())?);
        assert!(Database::open(directory.path())?.store::<grown::Job>().is_ok());
    }
    Ok(())
}

/// A schema that does not fit, and what is to be said of it.
macro_rules! refused {
    ($($name:ident { $($field:tt)* } key $key:ty => [$($difference:literal),+],)*) => {
        #[test]
        fn a_schema_that_does_not_fit_is_refused_with_each_difference_before_anything_is_touched() -> TestResult {
            let directory = tempfile::tempdir()?;
            with_old_records(directory.path())?;
            $({
                /// A job.
                #[derive(Store)]
                #[store(namespace = "jobs", key = $key)]
                struct $name { $($field)* }

                let db = Database::open(directory.path())?;
                let before = format!("{:?}", db.namespaces()?);
                let error = db.store::<$name>().unwrap_err();
                assert!(matches!(&error, Error::SchemaMismatch { namespace, .. } if namespace == "jobs"));
                assert_eq!(differences(Err::<(), _>(error)), [$($difference),+]);
                assert_eq!(format!("{:?}", db.namespaces()?), before);
                db.close()?;
                assert!(old_program_works(directory.path())?);
            })*
            Ok(())
        }
    };
}

refused! {
    Removed { owner: String, } key String => ["field `count: u32` is stored, the program has none"],
    Retyped { owner: String, count: u64, } key String => ["field `count` is stored as `u32`, the program has `u64`"],
    Required { owner: String, count: u32, size: u64, } key String =>
        ["field `size: u64` is new and required: records without it have no value for it, so it needs `#[store(default)]`"],
    OtherKey { owner: String, count: u32, } key (String, u64) =>
        ["keys are stored as `string`, the program has `(string,u64)`"],
    Renamed { owners: Vec<String>, count: Option<u32>, } key Vec<u8> => [
        "keys are stored as `string`, the program has `bytes`",
        "field `owner: String` is stored, the program has none",
        "field `count` is stored as `u32`, the program has `Option<u32>`"
    ],
}

/// Not what is stored there.
#[derive(Store)]
#[store(namespace = "bare", key = String)]
struct Bare {}

#[test]
fn structs_and_bare_values_are_not_taken_for_each_other() -> TestResult {
    let directory = tempfile::tempdir()?;
    with_old_records(directory.path())?;
    let db = Database::open(directory.path())?;
    assert_eq!(differences(db.map::<String, u64>("jobs")), ["structs are stored, the program has bare values"]);
    db.map::<String, u64>("bare")?.put("a", 1)?;
    db.close()?;
    let db = Database::open(directory.path())?;
    assert_eq!(differences(db.store::<Bare>()), ["bare values are stored, the program has a struct"]);
    Ok(())
}

/// What the derive makes, with another version than it can make today.
struct Versioned<const VERSION: u32>;

impl<const VERSION: u32> StoreCodec<u64, Self> for Versioned<VERSION> {
    const NAMESPACE: Option<&'static str> = Some("versioned");
    const SCHEMA: Schema = Schema { version: VERSION, fields: Some(&[] as &[FieldSchema]) };

    fn encode(_value: &Self, record: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        record.fields(0).map(drop)
    }

    fn decode(_key: &[u8], record: &mut RecordReader<'_>) -> Result<Self, RecordError> {
        record.fields().map(|_| Self)
    }
}

impl<const VERSION: u32> InitializeValue<Self> for Versioned<VERSION> {
    fn into_value(self, _key: &[u8], _fill_key: bool) -> Result<Self, RecordError> {
        Ok(self)
    }
}

impl<const VERSION: u32> Store for Versioned<VERSION> {
    type Key = u64;
    type Value = Self;
}

#[test]
fn another_version_is_refused() -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = Database::open(directory.path())?;
    db.store::<Versioned<300>>()?.insert(1, Versioned)?;
    assert_eq!(db.namespaces()?[0].version(), 300);
    db.close()?;
    let db = Database::open(directory.path())?;
    assert_eq!(differences(db.store::<Versioned<2>>()), ["version 300 is stored, the program has version 2"]);
    assert!(db.store::<Versioned<300>>()?.get(1)?.is_some());
    Ok(())
}

#[test]
fn types_are_compared_as_written_without_blanks_and_paths() -> TestResult {
    mod one {
        /// An entry.
        #[derive(kvstore::Store)]
        #[store(namespace = "entry", key = u64)]
        pub(super) struct One {
            pub(super) map: std::collections::BTreeMap<u32, Vec<String>>,
            #[store(type = "Text", default)]
            pub(super) text: String,
        }
    }
    #[expect(unused_qualifications, reason = "the path is to be cut from the type")]
    mod two {
        use std::collections::BTreeMap as Sorted;
        use std::collections::BTreeMap;
        pub(super) type Words = String;
        /// An entry.
        #[derive(kvstore::Store)]
        #[store(namespace = "entry", key = u64)]
        pub(super) struct Two {
            #[store(type = "Text", default)]
            pub(super) text: Words,
            pub(super) map: BTreeMap<u32, std::vec::Vec<String>>,
        }
        /// An entry.
        #[derive(kvstore::Store)]
        #[store(namespace = "entry", key = u64)]
        pub(super) struct Three {
            #[store(type = "Text", default)]
            pub(super) text: Words,
            #[store(default)]
            pub(super) map: Sorted<u32, Vec<String>>,
        }
    }
    let directory = tempfile::tempdir()?;
    let stored = one::One { map: [(1, vec!["a".into()])].into(), text: "b".into() };
    Database::open(directory.path())?.store::<one::One>()?.insert(1, stored)?;
    let read = Database::open(directory.path())?.store::<two::Two>()?.get(1)?.unwrap();
    assert_eq!((read.map[&1][0].as_str(), read.text.as_str()), ("a", "b"));
    // Another name for the same type is another type, unless the attribute says otherwise.
    let found = differences(Database::open(directory.path())?.store::<two::Three>());
    assert_eq!(
        found,
        ["field `map` is stored as `BTreeMap<u32,Vec<String>>`, the program has `Sorted<u32,Vec<String>>`"]
    );
    Ok(())
}

#[test]
fn what_lies_inside_field_types_is_checked_by_decoding() -> TestResult {
    let directory = tempfile::tempdir()?;
    Database::open(directory.path())?.map::<u64, (u32, String)>("pairs")?.put(1, (7, "a".into()))?;
    let pairs = Database::open(directory.path())?.map::<u64, (u32, u32)>("pairs")?;
    assert!(matches!(pairs.get(1), Err(Error::Decode { namespace, key, .. }) if namespace == "pairs" && key == "1"));
    drop(pairs);
    // Not silently shortened, either.
    let pairs = Database::open(directory.path())?.map::<u64, (u32,)>("pairs")?;
    assert!(matches!(pairs.get(1), Err(Error::Decode { .. })));
    Ok(())
}

#[test]
fn two_types_in_one_namespace_are_refused_by_both_names() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let error = db.map::<u64, String>("numbers").unwrap_err();
        assert!(matches!(&error, Error::NamespaceInUse { namespace, held_by, wanted }
            if namespace == "numbers" && held_by.contains("Map<u64, u64>") && wanted.contains("String>")));
        let jobs = db.store::<old::Job>()?;
        let error = db.clone().store::<grown::Job>().unwrap_err();
        assert!(error.to_string().contains("old::Job") && error.to_string().contains("grown::Job"), "{error}");
        drop(jobs);
        db.store::<grown::Job>()?;
        // The same type is the same store.
        numbers.put(1, 10)?;
        assert_eq!(db.map::<u64, u64>("numbers")?.get(1)?, Some(10));
        Ok(())
    })
}

#[test]
fn an_enum_used_as_key_may_grow_at_its_end_only() -> TestResult {
    let directory = tempfile::tempdir()?;
    let levels = Database::open(directory.path())?.map::<(old::Level, u64), u8>("levels")?;
    levels.put((old::Level::Low, 1), 0)?;
    levels.put((old::Level::Middle(7), 1), 1)?;
    drop(levels);
    let levels = Database::open(directory.path())?.map::<(grown::Level, u64), u8>("levels")?;
    assert_eq!(levels.get((grown::Level::Middle(7), 1))?, Some(1));
    drop(levels);
    // Until the first write, the old program opens.
    assert!(Database::open(directory.path())?.map::<(old::Level, u64), u8>("levels").is_ok());
    let levels = Database::open(directory.path())?.map::<(grown::Level, u64), u8>("levels")?;
    levels.put((grown::Level::High { by: "me".into() }, 1), 2)?;
    assert_eq!(levels.iter()?.map(|entry| Ok(entry?.1)).collect::<Result<Vec<_>>>()?, [0, 1, 2]);
    drop(levels);
    let found = differences(Database::open(directory.path())?.map::<(old::Level, u64), u8>("levels"));
    let keys = "keys are stored as `(enum{Low,Middle(u32),High(by:string)},u64)`, the program has `(enum{Low,Middle(u32)},u64)`";
    assert_eq!(found, [keys]);
    Ok(())
}
