//! Keys with `#[key(as = "..")]` that are not read back as themselves: refused by all that would store them.

#![allow(clippy::panic, reason = "where a helper of a test fails, the test fails")]

use std::cmp::Reverse;
use std::path::Path;

use kvstore::{Batch, Database, ElementMap, ElementSet, Error, Guard, Key, Result, Store};
use kvstore_tests::{TestResult, on_both};

/// A variant was added, and its number forgotten where it is read.
#[derive(Key, Clone, Copy, PartialEq, Eq, Debug)]
#[key(as = "u8")]
enum Priority {
    Low = 10,
    High = 200,
    New = 99,
}

impl From<Priority> for u8 {
    fn from(priority: Priority) -> Self {
        priority as Self
    }
}

impl TryFrom<u8> for Priority {
    type Error = ();

    fn try_from(number: u8) -> std::result::Result<Self, ()> {
        match number {
            10 => Ok(Self::Low),
            200 => Ok(Self::High),
            _ => Err(()),
        }
    }
}

/// Read as another one.
#[derive(Key, Clone, PartialEq, Eq, Debug)]
#[key(as = "u8")]
struct Wrong(u8);

impl From<Wrong> for u8 {
    fn from(wrong: Wrong) -> Self {
        wrong.0
    }
}

impl From<u8> for Wrong {
    fn from(number: u8) -> Self {
        Self(number.wrapping_add(1))
    }
}

/// Text in lower case, which a borrowed argument need not be.
#[derive(Key, Clone, PartialEq, Eq, Debug)]
#[key(as = "String")]
struct Email(String);

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl From<String> for Email {
    fn from(text: String) -> Self {
        Self(text.to_lowercase())
    }
}

#[derive(Key, Clone, PartialEq, Eq, Debug)]
struct Newtype(Priority);

#[derive(Key, Clone, PartialEq, Eq, Debug)]
struct Place {
    shelf: u8,
    priority: Priority,
    number: u8,
}

#[derive(Key, Clone, PartialEq, Eq, Debug)]
enum Event {
    Started,
    Moved(u8, Priority),
}

#[derive(Store, Debug)]
#[store(key = Priority)]
struct Job {
    number: u8,
    set: ElementSet<Priority>,
    map: ElementMap<(u8, Wrong), u8>,
}

#[derive(Store, Debug)]
struct Named {
    #[store(key)]
    key: Wrong,
    number: u8,
}

#[track_caller]
fn refused<T: std::fmt::Debug>(result: Result<T>, reason: &str) {
    match result {
        Err(Error::InvalidKey { reason: found, .. }) => assert!(found.contains(reason), "{found}"),
        other => panic!("{other:?}"),
    }
}

const REFUSES: &str = "`TryFrom` refuses it";
const CHANGES: &str = "`TryFrom` makes another key of it";

#[test]
fn every_way_to_store_an_entry_refuses_its_key() -> TestResult {
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        let init = || JobInit { number: 1 };
        refused(jobs.create(Priority::New, init()), REFUSES);
        refused(jobs.lock_or_create(Priority::New, init()), REFUSES);
        refused(jobs.lock_or_create_with(Priority::New, init), REFUSES);
        refused(jobs.insert(Priority::New, init()), REFUSES);
        refused(jobs.replace(Priority::New, init()), REFUSES);
        refused(db.lock_together((jobs.wanted_or_create(Priority::New, init()), jobs.wanted(Priority::Low))), REFUSES);
        refused(db.lock_together(vec![jobs.wanted_or_create(Priority::New, init())]), REFUSES);
        let numbers = db.map::<Wrong, u8>("numbers")?;
        refused(numbers.put(Wrong(5), 1), CHANGES);
        let mut batch = Batch::new();
        batch.insert(&jobs, Priority::High, init())?;
        refused(batch.insert(&jobs, Priority::New, init()), REFUSES);
        refused(batch.insert(&numbers, Wrong(5), 1), CHANGES);
        batch.commit()?;
        let keys = jobs.iter()?.keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(keys, [Priority::High]);
        assert!(numbers.is_empty()?);
        assert!(db.locks().is_empty());

        // Reads find nothing.
        assert!(jobs.get(Priority::New)?.is_none() && jobs.lock(Priority::New)?.is_none());
        Ok(())
    })
}

#[test]
fn the_key_is_refused_before_the_key_field_is_looked_at() -> TestResult {
    on_both(|db| {
        let named = db.store::<Named>()?;
        refused(named.insert(Wrong(5), NamedInit { number: 1 }), CHANGES);
        refused(named.insert(Wrong(5), Named { key: Wrong(5), number: 1 }), CHANGES);
        refused(named.create(Wrong(5), NamedInit { number: 1 }), CHANGES);
        let mut batch = Batch::new();
        refused(batch.insert(&named, Wrong(5), NamedInit { number: 1 }), CHANGES);
        assert!(named.is_empty()?);
        Ok(())
    })
}

#[test]
fn elements_are_refused_by_their_keys() -> TestResult {
    on_both(|db| {
        let mut job = db.store::<Job>()?.lock_or_create(Priority::Low, JobInit { number: 1 })?;
        let set = job.elements(Job::SET).insert(Priority::New).unwrap_err();
        assert!(matches!(&set, Error::Encode { reason, .. } if reason.contains(REFUSES)), "{set:?}");
        assert!(set.to_string().contains("set[99]"), "{set}");
        let map = job.elements(Job::MAP).insert((1, Wrong(5)), 1).unwrap_err();
        assert!(matches!(&map, Error::Encode { reason, .. } if reason.contains(CHANGES)), "{map:?}");
        job.elements(Job::SET).insert(Priority::High)?;
        job.commit()?;
        let found = db.store::<Job>()?.elements(Job::SET, Priority::Low).iter()?.collect::<Result<Vec<_>>>()?;
        assert_eq!(found, [Priority::High]);
        assert!(db.store::<Job>()?.elements(Job::MAP, Priority::Low).is_empty()?);
        Ok(())
    })
}

/// Puts both keys, of which the first has to be refused and the second to be found.
#[track_caller]
fn put_both<K: Key + PartialEq + std::fmt::Debug>(db: &Database, name: &str, bad: &K, good: &K) -> TestResult {
    let map = db.map::<K, u8>(name)?;
    refused(map.put(bad, 1), REFUSES);
    map.put(good, 1)?;
    assert_eq!(map.iter()?.keys().collect::<Result<Vec<_>>>()?.iter().collect::<Vec<_>>(), [good]);
    assert_eq!(map.lock(good)?.as_ref().map(Guard::key), Some(good));
    Ok(())
}

#[test]
fn a_converted_key_is_refused_inside_others() -> TestResult {
    use Priority::{Low, New};
    on_both(|db| {
        put_both(db, "first", &(New, 1_u8), &(Low, 1))?;
        put_both(db, "last", &("a".to_owned(), 1_u8, New), &("a".to_owned(), 1, Low))?;
        put_both(db, "option", &Some(New), &Some(Low))?;
        put_both(db, "reverse", &Reverse(New), &Reverse(Low))?;
        put_both(db, "nested", &(1_u8, Some(Reverse((New,)))), &(1, Some(Reverse((Low,)))))?;
        put_both(db, "newtype", &Newtype(New), &Newtype(Low))?;
        let place = |priority| Place { shelf: 1, priority, number: 1 };
        put_both(db, "struct", &place(New), &place(Low))?;
        put_both(db, "enum", &Event::Moved(1, New), &Event::Moved(1, Low))?;
        put_both(db, "other", &Event::Moved(1, New), &Event::Started)
    })
}

#[test]
fn borrowed_arguments_are_what_the_conversion_makes_or_refused() -> TestResult {
    on_both(|db| {
        let emails = db.map::<Email, u8>("emails")?;
        refused(emails.put("Me@Here", 1), CHANGES);
        refused(emails.create("Me@Here", 1), CHANGES);
        emails.put("me@here", 1)?;
        assert_eq!(emails.first()?, Some((Email("me@here".into()), 1)));
        Ok(())
    })
}

#[test]
fn an_entry_with_such_a_key_is_not_locked_and_can_be_removed() -> TestResult {
    let directory = tempfile::tempdir()?;
    let open = |path: &Path| Database::open(path);
    open(directory.path())?.map::<u8, u8>("keys")?.put(99, 1)?;
    let db = open(directory.path())?;
    let keys = db.map::<Priority, u8>("keys")?;
    refused(keys.lock(Priority::New), REFUSES);
    refused(keys.lock_all([Priority::New]), REFUSES);
    refused(keys.lock_or_create(Priority::New, 2), REFUSES);
    refused(db.lock_together((keys.wanted(Priority::New), keys.wanted(Priority::Low))), REFUSES);
    refused(keys.update(Priority::New, |number| *number = 2), REFUSES);
    assert_eq!(keys.get(Priority::New)?, Some(1));
    assert!(keys.remove(Priority::New)?);
    assert!(keys.is_empty()?);
    Ok(())
}
