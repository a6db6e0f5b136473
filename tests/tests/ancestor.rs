//! The behaviour of the store's ancestor, point by point: what its users rely on must go on to hold.

use std::collections::BTreeMap;
use std::sync::mpsc;
use std::thread;

use kvstore::{Database, Error, MapStore, Result, Store};
use kvstore_tests::{TestResult, on_both, wait_for_waiters};

/// An entry with a value, a map, and an optional text.
#[derive(Store)]
#[store(key = String)]
struct Item {
    text: String,
    notes: BTreeMap<u32, String>,
    error: Option<String>,
}

fn init(text: &str) -> ItemInit {
    ItemInit { text: text.into() }
}

fn filled(db: &Database, keys: &[&str]) -> Result<MapStore<Item>> {
    let items = db.store::<Item>()?;
    keys.iter().try_for_each(|key| items.insert(*key, init(key)))?;
    Ok(items)
}

fn keys_of(scan: kvstore::Scan<Item>) -> Result<Vec<String>> {
    scan.map(|entry| entry.map(|(key, _)| key)).collect()
}

#[test]
fn create_gives_a_locked_new_entry_with_nothing_left_uninitialised() -> TestResult {
    on_both(|db| {
        let items = db.store::<Item>()?;
        let mut item = items.create("a", init("first"))?;
        assert!(item.is_new() && item.key() == "a");
        assert!(item.notes.is_empty() && item.error.is_none());
        item.notes.insert(1, "note".into());
        assert!(matches!(items.try_lock("a"), Err(Error::Locked { .. })));
        item.commit()?;
        let stored = items.get("a")?.unwrap();
        assert_eq!((stored.text.as_str(), stored.notes[&1].as_str()), ("first", "note"));
        Ok(())
    })
}

#[test]
fn create_of_an_existing_entry_is_an_error_and_leaves_it_alone_and_unlocked() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["a"])?;
        let error = items.create("a", init("second")).unwrap_err();
        assert!(matches!(&error, Error::AlreadyExists { namespace, key } if namespace == "item" && key == r#""a""#));
        assert_eq!(items.get("a")?.unwrap().text, "a");
        assert!(db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn create_or_get_tells_which_it_was() -> TestResult {
    on_both(|db| {
        let items = db.store::<Item>()?;
        let new = items.lock_or_create("a", init("first"))?;
        assert!(new.is_new() && new.text == "first");
        new.commit()?;
        let old = items.lock_or_create("a", init("second"))?;
        assert!(!old.is_new() && old.text == "first");
        Ok(())
    })
}

#[test]
fn get_and_lock_holds_the_entry_until_the_commit() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["a"])?;
        let mut item = items.lock("a")?.unwrap();
        assert!(matches!(items.try_lock("a"), Err(Error::Locked { .. })));
        item.text = "changed".into();
        item.commit()?;
        assert_eq!(items.try_lock("a")?.unwrap().text, "changed");
        assert!(items.lock("b")?.is_none() && db.locks().is_empty());
        Ok(())
    })
}

#[test]
fn a_read_takes_no_lock_and_sees_the_last_commit() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["a"])?;
        let mut item = items.lock("a")?.unwrap();
        item.text = "unwritten".into();
        assert_eq!(items.get("a")?.unwrap().text, "a");
        assert!(items.contains("a")?);
        item.save()?;
        assert_eq!(items.get("a")?.unwrap().text, "unwritten");
        Ok(())
    })
}

#[test]
fn who_waits_while_another_saves_and_keeps_the_lock_sees_the_final_value() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["a"])?;
        let mut item = items.lock("a")?.unwrap();
        let (sender, receiver) = mpsc::channel();
        thread::scope(|scope| -> TestResult {
            let waiting = scope.spawn(|| -> Result<String> {
                let item = items.lock("a")?.unwrap();
                sender.send(()).unwrap();
                Ok(item.text.clone())
            });
            wait_for_waiters(db, 1)?;
            for round in 0..3 {
                item.text = format!("saved {round}");
                item.save()?;
                assert!(receiver.try_recv().is_err(), "the lock was given away by a save");
            }
            item.text = "final".into();
            item.commit()?;
            assert_eq!(waiting.join().unwrap()?, "final");
            Ok(())
        })
    })
}

#[test]
fn remove_on_commit_deletes_the_entry() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["a", "b"])?;
        items.lock("a")?.unwrap().delete()?;
        assert!(!items.contains("a")? && items.get("a")?.is_none() && items.lock("a")?.is_none());
        assert!(items.contains("b")?);
        Ok(())
    })
}

#[test]
fn to_remove_twice_is_no_error() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["a"])?;
        assert!(items.remove("a")?);
        assert!(!items.remove("a")?);
        assert!(!items.remove("never")?);
        Ok(())
    })
}

#[test]
fn who_waits_for_a_removed_entry_sees_its_absence_and_may_create_it() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["a"])?;
        let item = items.lock("a")?.unwrap();
        thread::scope(|scope| -> TestResult {
            let waiting = scope.spawn(|| items.lock("a").map(|found| found.is_some()));
            wait_for_waiters(db, 1)?;
            item.delete()?;
            assert!(!waiting.join().unwrap()?);
            Ok(())
        })?;
        let again = items.lock_or_create("a", init("again"))?;
        assert!(again.is_new() && again.text == "again");
        Ok(())
    })
}

#[test]
fn generated_keys_are_13_base_36_digits_in_order() -> TestResult {
    on_both(|db| {
        let items = db.store::<Item>()?;
        let mut made = Vec::new();
        for number in 0..100 {
            let item = items.create_next(init(&number.to_string()))?;
            made.push(item.key().clone());
            item.commit()?;
        }
        assert!(made.iter().all(|key| key.len() == 13));
        assert!(made.iter().all(|key| key.chars().all(|digit| matches!(digit, '0'..='9' | 'a'..='z'))));
        assert!(made.is_sorted_by(|a, b| a < b));
        assert_eq!(keys_of(items.iter()?)?, made);
        let texts = items.iter()?.map(|entry| entry.map(|(_, item)| item.text)).collect::<Result<Vec<_>>>()?;
        assert_eq!(texts, (0..100).map(|number| number.to_string()).collect::<Vec<_>>());
        Ok(())
    })
}

#[test]
fn scans_run_over_all_entries_in_the_order_of_their_keys() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["b", "a", "aa", "c"])?;
        assert_eq!(keys_of(items.iter()?)?, ["a", "aa", "b", "c"]);
        Ok(())
    })
}

#[test]
fn scans_of_an_empty_store_have_no_entries() -> TestResult {
    on_both(|db| {
        let items = db.store::<Item>()?;
        assert!(items.iter()?.next().is_none() && items.prefix("a")?.next().is_none());
        assert!(items.first()?.is_none() && items.last()?.is_none() && items.try_lock_first(..)?.is_none());
        Ok(())
    })
}

#[test]
fn scans_by_prefix_start_and_stop_key() -> TestResult {
    on_both(|db| {
        let items = filled(db, &["/a", "/a/1", "/a/2", "/a/4", "/ab", "/b"])?;
        // By prefix: of characters, not of directories.
        assert_eq!(keys_of(items.prefix("/a")?)?, ["/a", "/a/1", "/a/2", "/a/4", "/ab"]);
        assert_eq!(keys_of(items.prefix("/a/")?)?, ["/a/1", "/a/2", "/a/4"]);
        // From a start key that does not exist.
        assert_eq!(keys_of(items.iter()?.starting_at("/a/3")?)?, ["/a/4", "/ab", "/b"]);
        // Until a stop key, which is left out.
        assert_eq!(keys_of(items.iter()?.ending_before("/a/2")?)?, ["/a", "/a/1"]);
        // All three.
        let all = items.prefix("/a/")?.starting_at("/a/2")?.ending_before("/a/3")?;
        assert_eq!(keys_of(all)?, ["/a/2"]);
        // A start outside the prefix is a mistake.
        assert!(matches!(items.prefix("/a/")?.starting_at("/b"), Err(Error::InvalidRange { .. })));
        assert!(matches!(items.prefix("/a/")?.starting_at("/a"), Err(Error::InvalidRange { .. })));
        Ok(())
    })
}

#[test]
fn an_undecodable_record_in_the_middle_of_a_scan_is_an_error_in_its_place() -> TestResult {
    let directory = tempfile::tempdir()?;
    // The keys are those of the same namespace; the values of one session are no values for the next.
    let db = Database::open(directory.path())?;
    let texts = db.map::<String, String>("values")?;
    ["1", "no number", "3"].iter().zip(["a", "b", "c"]).try_for_each(|(text, key)| texts.put(key, (*text).into()))?;
    db.close()?;

    let db = Database::open(directory.path())?;
    let either = db.map::<String, Number>("values")?;
    let scanned = either.iter()?.collect::<Vec<_>>();
    assert_eq!(scanned.len(), 3);
    assert!(matches!(&scanned[0], Ok((key, Number(1))) if key == "a"));
    assert!(matches!(&scanned[1], Err(Error::Decode { namespace, key, reason })
        if namespace == "values" && key == r#""b""# && reason.contains("no number")));
    assert!(matches!(&scanned[2], Ok((key, Number(3))) if key == "c"));
    // What is not decoded can still be replaced and removed.
    either.put("b", Number(2))?;
    assert_eq!(either.iter()?.map(|entry| usize::from(entry.is_ok())).sum::<usize>(), 3);
    Ok(())
}

/// A number that is stored as text.
#[derive(Debug, PartialEq)]
struct Number(u32);

impl serde::Serialize for Number {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Number {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <String as serde::Deserialize>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| serde::de::Error::custom(format_args!("{text:?} is no number")))
    }
}
