//! Prefixes: as arguments of their own, as ranges, and as the end of leading parts.

use std::collections::BTreeSet;
use std::fmt::Debug;

use kvstore::{Error, Key, KeyPrefix, KeyRange, Map, MapStore, Prefix, Result};
use kvstore_tests::{TestResult, on_both};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::check::{bytes, text};
use crate::{Level, Name, Place, level};

/// The keys of a range, forwards and backwards.
fn range<K: Key + PartialEq + Debug>(store: &MapStore<Map<K, u8>>, range: impl KeyRange<K> + Clone) -> Result<Vec<K>> {
    let keys = store.range(range.clone())?.keys().collect::<Result<Vec<_>>>()?;
    let mut backwards = store.range(range)?.reversed().keys().collect::<Result<Vec<_>>>()?;
    backwards.reverse();
    assert_eq!(keys, backwards);
    Ok(keys)
}

/// The keys of a prefix, which as a range are the same.
fn prefix<K: Key + PartialEq + Debug, P: KeyPrefix<K> + Clone>(
    store: &MapStore<Map<K, u8>>,
    prefix: P,
) -> Result<Vec<K>> {
    let keys = store.prefix(prefix.clone())?.keys().collect::<Result<Vec<_>>>()?;
    assert_eq!(keys, range(store, Prefix(prefix))?);
    Ok(keys)
}

fn stored<K: Key>(db: &kvstore::Database, keys: &[K]) -> Result<MapStore<Map<K, u8>>> {
    let store = db.map::<K, u8>("keys")?;
    keys.iter().try_for_each(|key| store.put(key, 0))?;
    Ok(store)
}

fn pair(tenant: &str, path: &str) -> (String, String) {
    (tenant.into(), path.into())
}

#[test]
fn of_text_and_bytes() -> TestResult {
    on_both(|db| {
        let texts = stored(db, &["", "/a", "/a\0", "/a/b", "/b", "\u{10FFFF}"].map(String::from))?;
        assert_eq!(prefix(&texts, "/a")?, ["/a", "/a\0", "/a/b"]);
        assert_eq!(prefix(&texts, "/a\0")?, ["/a\0"]);
        assert_eq!(prefix(&texts, "\u{10FFFF}")?, ["\u{10FFFF}"]);
        assert_eq!(prefix(&texts, "")?.len(), 6);
        assert_eq!(prefix(&texts, String::from("/b"))?, ["/b"]);
        assert_eq!(texts.try_lock_first(Prefix("/b"))?.map(|guard| guard.key().clone()), Some("/b".into()));
        assert!(texts.try_lock_first(Prefix("/c"))?.is_none());
        Ok(())
    })?;
    on_both(|db| {
        let raw = stored(db, &[vec![], vec![0xFF], vec![0xFF, 0xFF], vec![0xFF, 0xFF, 1]])?;
        assert_eq!(prefix(&raw, [0xFF, 0xFF])?.len(), 2);
        assert_eq!(prefix(&raw, vec![0xFF])?.len(), 3);
        Ok(())
    })
}

#[test]
fn whole_parts_and_the_beginning_of_the_last() -> TestResult {
    on_both(|db| {
        let files = stored(
            db,
            &[
                pair("acme", ""),
                pair("acme", "/a"),
                pair("acme", "/a\0"),
                pair("acme", "/ab"),
                pair("acme", "/b"),
                pair("acme2", "/a"),
                pair("acme\0", "/a"),
                pair("b", "/a"),
            ],
        )?;
        assert_eq!(
            prefix(&files, ("acme", Prefix("/a")))?,
            [pair("acme", "/a"), pair("acme", "/a\0"), pair("acme", "/ab")]
        );
        assert_eq!(prefix(&files, ("acme", Prefix("/a\0")))?, [pair("acme", "/a\0")]);
        assert_eq!(prefix(&files, ("acme", Prefix("")))?.len(), 5);
        assert_eq!(prefix(&files, ("acme",))?.len(), 5);
        assert_eq!(prefix(&files, (Prefix("acme"),))?.len(), 7);
        assert_eq!(prefix(&files, (Prefix("acme\0"),))?, [pair("acme\0", "/a")]);
        assert_eq!(prefix(&files, (Prefix(""),))?.len(), 8);
        assert_eq!(prefix(&files, (&"b".to_owned(), Prefix(String::from("/"))))?, [pair("b", "/a")]);
        let first = files.try_lock_first(Prefix(("acme", Prefix("/b"))))?;
        assert_eq!(first.map(|guard| guard.key().clone()), Some(pair("acme", "/b")));
        // A page after the first.
        let rest = files.prefix(("acme", Prefix("/a")))?.starting_at(("acme", "/ab"))?.keys();
        assert_eq!(rest.collect::<Result<Vec<_>>>()?, [pair("acme", "/ab")]);
        let outside = files.prefix(("acme", Prefix("/a")))?.starting_at(("acme", "/b"));
        assert!(matches!(outside, Err(Error::InvalidRange { .. })));
        Ok(())
    })
}

/// A string part with others behind it is delimited: its beginning is not the whole.
#[test]
fn the_beginning_of_a_part_in_the_middle() -> TestResult {
    on_both(|db| {
        let key = |tenant: &str, number, path: &str, last| (String::from(tenant), number, String::from(path), last);
        let files =
            stored(db, &[key("a", 1, "x", 1), key("a", 1, "x\0y", 1), key("a", 1, "xy", 2), key("ab", 1, "x", 3)])?;
        assert_eq!(prefix(&files, ("a", 1, Prefix("x")))?.len(), 3);
        assert_eq!(prefix(&files, ("a", 1, "x"))?.len(), 1);
        assert_eq!(prefix(&files, ("a", 1, Prefix("x\0")))?.len(), 1);
        assert_eq!(prefix(&files, (Prefix("a"),))?.len(), 4);
        assert_eq!(prefix(&files, ("a",))?.len(), 3);
        assert_eq!(prefix(&files, ("ab", 1))?.len(), 1);
        Ok(())
    })
}

#[test]
fn of_composites_within_composites() -> TestResult {
    on_both(|db| {
        let key = |a: &str, b: &str, c: &str| (pair(a, b), String::from(c));
        let nested = stored(db, &[key("a", "b", "c"), key("a", "bc", "d"), key("ab", "b", "c")])?;
        assert_eq!(prefix(&nested, (Prefix(("a",)),))?.len(), 2);
        assert_eq!(prefix(&nested, (Prefix(("a", Prefix("bc"))),))?, [key("a", "bc", "d")]);
        assert_eq!(prefix(&nested, (("a", "b"), Prefix("c")))?, [key("a", "b", "c")]);
        assert_eq!(prefix(&nested, (Prefix((Prefix("a"),)),))?.len(), 3);
        Ok(())
    })?;
    on_both(|db| {
        let one = stored(db, &[("a".to_owned(),), ("ab".to_owned(),), ("b".to_owned(),)])?;
        assert_eq!(prefix(&one, (Prefix("a"),))?.len(), 2);
        Ok(())
    })
}

#[test]
fn of_structs_and_newtypes() -> TestResult {
    on_both(|db| {
        let place = |owner: &str, level, number, rest: &[u8]| Place {
            owner: Name(owner.into()),
            level,
            number,
            rest: rest.to_vec(),
        };
        let middle = || Level::Middle("m".into(), 3);
        let places = stored(
            db,
            &[
                place("a", Level::Low, 1, b"x"),
                place("a", Level::Low, 1, b"xy"),
                place("a", middle(), 1, b"x"),
                place("ab", Level::Low, 1, b"x"),
            ],
        )?;
        assert_eq!(prefix(&places, ("a",))?.len(), 3);
        assert_eq!(prefix(&places, (Prefix("a"),))?.len(), 4);
        assert_eq!(prefix(&places, ("a", Level::Low, 1, Prefix([b'x', b'y'])))?.len(), 1);
        assert_eq!(prefix(&places, (Name("a".into()), Prefix(Level::MIDDLE)))?, [place("a", middle(), 1, b"x")]);
        assert_eq!(prefix(&places, ("a", Prefix((Level::MIDDLE, Prefix("m")))))?.len(), 1);
        assert_eq!(prefix(&places, ("a", Prefix((Level::MIDDLE, ""))))?.len(), 0);
        Ok(())
    })?;
    on_both(|db| {
        let names = stored(db, &["a", "ab", "b"].map(|name| Name(name.into())))?;
        assert_eq!(prefix(&names, "a")?.len(), 2);
        let wrapped = db.map::<(u8, Name), u8>("wrapped")?;
        wrapped.put((1, "ab"), 0)?;
        assert_eq!(prefix(&wrapped, (1, Prefix("a")))?.len(), 1);
        Ok(())
    })
}

#[test]
fn of_variants_with_their_leading_fields() -> TestResult {
    #[derive(Key, Debug, PartialEq, Clone)]
    enum Event {
        Idle,
        Created(u64, String),
        Moved {
            from: String,
            to: String,
            number: u8,
        },
        Named(String),
        #[key(prefix = GONE)]
        Removed(u8),
    }
    /// Over an enum.
    #[derive(Key, Debug, PartialEq)]
    struct Wrapped(Event);

    let created = |number, name: &str| Event::Created(number, name.into());
    let moved = |from: &str, to: &str, number| Event::Moved { from: from.into(), to: to.into(), number };
    on_both(|db| {
        let events = stored(
            db,
            &[
                Event::Idle,
                created(0, "eu"),
                created(7, "eu\u{1}"),
                created(7, "us"),
                created(u64::MAX, ""),
                moved("a", "b", 1),
                moved("a", "bc", 1),
                moved("ab", "b", 1),
                Event::Named("x".into()),
                Event::Named("xy".into()),
                Event::Removed(1),
            ],
        )?;
        assert_eq!(prefix(&events, Event::CREATED)?.len(), 4);
        assert_eq!(prefix(&events, (Event::CREATED, 7))?, [created(7, "eu\u{1}"), created(7, "us")]);
        assert_eq!(prefix(&events, (Event::CREATED, 7, Prefix("eu")))?, [created(7, "eu\u{1}")]);
        assert_eq!(prefix(&events, Event::MOVED)?.len(), 3);
        assert_eq!(prefix(&events, (Event::MOVED, "a"))?, [moved("a", "b", 1), moved("a", "bc", 1)]);
        assert_eq!(prefix(&events, (Event::MOVED, "a", "b"))?, [moved("a", "b", 1)]);
        assert_eq!(prefix(&events, (Event::MOVED, "a", Prefix("b")))?.len(), 2);
        assert_eq!(prefix(&events, (Event::MOVED, Prefix("a")))?.len(), 3);
        assert_eq!(prefix(&events, (Event::NAMED, Prefix("x")))?.len(), 2);
        assert_eq!(prefix(&events, Event::GONE)?, [Event::Removed(1)]);
        assert_eq!(
            events.try_lock_first(Prefix(Event::MOVED))?.map(|guard| guard.key().clone()),
            Some(moved("a", "b", 1))
        );

        let by_tenant = db.map::<(String, Event, u8), u8>("by_tenant")?;
        by_tenant.put(("acme", created(7, "eu"), 1), 0)?;
        by_tenant.put(("acme", Event::Idle, 1), 0)?;
        assert_eq!(prefix(&by_tenant, ("acme", Prefix(Event::CREATED)))?.len(), 1);
        assert_eq!(prefix(&by_tenant, ("acme", Prefix((Event::CREATED, 7, Prefix("e")))))?.len(), 1);
        assert_eq!(prefix(&by_tenant, ("acme", Prefix((Event::CREATED, 8))))?.len(), 0);
        let wrapped = db.map::<Wrapped, u8>("wrapped")?;
        wrapped.put(Wrapped(created(7, "eu")), 0)?;
        assert_eq!(prefix(&wrapped, (Event::CREATED, 7))?.len(), 1);
        Ok(())
    })
}

/// The keys that a prefix finds are those that begin so, of any keys, and of no others.
#[test]
fn of_any_keys_what_begins_so_is_found() -> TestResult {
    type Key = (String, (Vec<u8>, Level), String);
    let keys = proptest::collection::vec((text(), (bytes(), level()), text()), 1..12);
    let mut runner = TestRunner::new(Config { cases: 48, failure_persistence: None, ..Config::default() });
    Ok(runner.run(&(keys, any::<prop::sample::Index>(), 0..4_usize), |(keys, chosen, cut)| {
        let store = kvstore::Database::in_memory().and_then(|db| stored(&db, &keys)).map_err(failed)?;
        let (a, (b, level), c) = chosen.get(&keys);
        let check = |found: Result<Vec<Key>>, begins: &dyn Fn(&Key) -> bool| {
            let expected: BTreeSet<_> = keys.iter().filter(|key| begins(key)).cloned().collect();
            prop_assert!(found.map_err(failed)?.iter().eq(&expected));
            Ok(())
        };
        let a_cut = a.chars().take(cut).collect::<String>();
        let b_cut = b.get(..cut).unwrap_or(b);
        let c_cut = c.chars().take(cut).collect::<String>();
        check(prefix(&store, (Prefix(&a_cut),)), &|key| key.0.starts_with(&a_cut))?;
        check(prefix(&store, (a,)), &|key| key.0 == *a)?;
        check(prefix(&store, (a, Prefix((Prefix(b_cut),)))), &|key| key.0 == *a && key.1.0.starts_with(b_cut))?;
        check(prefix(&store, (a, Prefix((b,)))), &|key| key.0 == *a && key.1.0 == *b)?;
        let whole = |key: &Key| key.0 == *a && key.1 == (b.clone(), level.clone());
        check(prefix(&store, (a, (b, level))), &whole)?;
        check(prefix(&store, (a, (b, level), Prefix(&c_cut))), &|key| whole(key) && key.2.starts_with(&c_cut))?;
        let of_middle = |key: &Key| key.0 == *a && key.1.0 == *b && matches!(key.1.1, Level::Middle(..));
        check(prefix(&store, (a, Prefix((b, Prefix(Level::MIDDLE))))), &of_middle)?;
        let of_high =
            |key: &Key, by| key.0 == *a && key.1.0 == *b && matches!(key.1.1, Level::High { by: is, .. } if is == by);
        check(prefix(&store, (a, Prefix((b, Prefix((Level::HIGH, -1)))))), &|key| of_high(key, -1))?;
        if let Level::Middle(name, _) = level {
            let begins = |key: &Key| of_middle(key) && matches!(&key.1.1, Level::Middle(is, _) if is.starts_with(name));
            check(prefix(&store, (a, Prefix((b, Prefix((Level::MIDDLE, Prefix(name))))))), &begins)?;
        }
        Ok(())
    })?)
}

fn failed(error: Error) -> TestCaseError {
    TestCaseError::fail(error.to_string())
}
