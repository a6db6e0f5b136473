//! Keys order as their types do, in bytes and in every scan and range.

#![allow(clippy::needless_borrows_for_generic_args, reason = "borrowed arguments are what is tested")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::Bound;

use kvstore::__private::KeyBuf;
use kvstore::{Database, Error, Key, KeyArg, Map, MapStore, Result};
use kvstore_tests::{TestResult, on_both};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

/// A key over another.
#[derive(Key, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id(u64);

/// A key over text.
#[derive(Key, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Name(String);

/// A key of several fields.
#[derive(Key, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    owner: Name,
    level: Level,
    number: i32,
    rest: Vec<u8>,
}

/// A key of variants.
#[derive(Key, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Low,
    Middle(String, u8),
    High { by: i16, name: String },
}

fn last_form<K: Key>(key: &K) -> Vec<u8> {
    let mut bytes = KeyBuf::new();
    key.encode_last(&mut bytes);
    bytes.as_slice().to_vec()
}

fn part_form<K: Key>(key: &K) -> Vec<u8> {
    let mut bytes = KeyBuf::new();
    key.encode_part(&mut bytes);
    bytes.as_slice().to_vec()
}

/// Keys that scan as they sort, by their bytes and in a store.
fn check_order<K: Key + Ord + Clone + Debug>(keys: &[K]) -> Result<(), TestCaseError>
where
    for<'a> &'a K: KeyArg<K>,
{
    for a in keys {
        prop_assert_eq!(&K::decode_last(&last_form(a)).map_err(|error| TestCaseError::fail(error.to_string()))?, a);
        let part = [part_form(a), vec![7]].concat();
        let mut rest = part.as_slice();
        prop_assert_eq!(&K::decode_part(&mut rest).map_err(|error| TestCaseError::fail(error.to_string()))?, a);
        prop_assert_eq!(rest, [7]);
        for b in keys {
            prop_assert_eq!(a.cmp(b), last_form(a).cmp(&last_form(b)), "{:?} and {:?}", a, b);
            prop_assert_eq!(a.cmp(b), part_form(a).cmp(&part_form(b)), "{:?} and {:?} as parts", a, b);
            // No part is the beginning of another.
            prop_assert!(a == b || !part_form(b).starts_with(&part_form(a)) || part_form(a).is_empty());
        }
    }
    let failed = |error: Error| TestCaseError::fail(error.to_string());
    let sorted: BTreeSet<_> = keys.iter().cloned().collect();
    let scanned = scanned(keys).map_err(failed)?;
    prop_assert!(scanned.iter().eq(&sorted), "scanned {:?}, sorted {:?}", scanned, sorted);
    Ok(())
}

fn scanned<K: Key>(keys: &[K]) -> Result<Vec<K>> {
    let store = Database::in_memory()?.map::<K, ()>("keys")?;
    keys.iter().try_for_each(|key| store.put(key, ()))?;
    store.iter()?.keys().collect()
}

/// Whatever reads as a key is the bytes of that key, and nothing panics.
fn check_bytes<K: Key>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(key) = K::decode_last(bytes) {
        prop_assert_eq!(last_form(&key), bytes);
    }
    let mut rest = bytes;
    if let Ok(key) = K::decode_part(&mut rest) {
        prop_assert_eq!([part_form(&key).as_slice(), rest].concat(), bytes);
    }
    Ok(())
}

/// Every range between any two of `ends` has the entries that a `BTreeMap` has.
fn check_ranges<K: Key + Ord + Clone + Debug>(store: &MapStore<Map<K, u64>>, ends: &[K]) -> TestResult {
    let mut model = BTreeMap::new();
    for (number, key) in (0..).zip(ends) {
        store.put(key, number)?;
        model.insert(key.clone(), number);
    }
    let bounds = |key: &K| [Bound::Included(key.clone()), Bound::Excluded(key.clone()), Bound::Unbounded];
    for start in ends.iter().flat_map(bounds) {
        for end in ends.iter().flat_map(bounds) {
            let range = (start.clone(), end.clone());
            let found = store.range(range.clone());
            let (from, to) = (key_of(&start), key_of(&end));
            if from.zip(to).is_some_and(|(from, to)| from > to) {
                assert!(matches!(found, Err(Error::InvalidRange { .. })), "{range:?}");
                continue;
            }
            let expected: Vec<_> = match &range {
                // Where a `BTreeMap` panics.
                (Bound::Excluded(from), Bound::Excluded(to)) if from == to => Vec::new(),
                range => model.range(range.clone()).map(|(key, number)| (key.clone(), *number)).collect(),
            };
            assert_eq!(found?.collect::<Result<Vec<_>>>()?, expected, "{range:?}");
            let mut backwards = store.range(range.clone())?.reversed().collect::<Result<Vec<_>>>()?;
            backwards.reverse();
            assert_eq!(backwards, expected, "{range:?} backwards");
        }
    }
    Ok(())
}

fn key_of<K>(bound: &Bound<K>) -> Option<&K> {
    match bound {
        Bound::Included(key) | Bound::Excluded(key) => Some(key),
        Bound::Unbounded => None,
    }
}

/// Bytes close to those that mean something in an escaped form.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0), Just(1), Just(0xFE), Just(0xFF), any::<u8>()];
    proptest::collection::vec(byte, 0..6)
}

fn text() -> impl Strategy<Value = String> {
    let letter =
        prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), Just('b'), Just('ÿ'), Just(char::MAX), any::<char>()];
    proptest::collection::vec(letter, 0..5).prop_map(|letters| letters.into_iter().collect())
}

/// Any value, and the extremes often.
fn number<T: Arbitrary + Clone + 'static>(extremes: [T; 4]) -> BoxedStrategy<T> {
    prop_oneof![1 => proptest::sample::select(extremes.to_vec()), 2 => any::<T>()].boxed()
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        Just(Level::Low),
        (text(), any::<u8>()).prop_map(|(name, number)| Level::Middle(name, number)),
        (any::<i16>(), text()).prop_map(|(by, name)| Level::High { by, name }),
    ]
}

fn place() -> impl Strategy<Value = Place> {
    let number = number([i32::MIN, -1, 0, i32::MAX]);
    let parts = (text(), level(), number, bytes());
    parts.prop_map(|(owner, level, number, rest)| Place { owner: Name(owner), level, number, rest })
}

/// Runs both checks of a type: on any keys together with its extremes, and on any bytes.
fn check<K: Key + Ord + Clone + Debug + 'static>(extremes: &[K], keys: impl Strategy<Value = K>) -> TestResult
where
    for<'a> &'a K: KeyArg<K>,
{
    // Extremes first, so that they fail by themselves.
    check_order(extremes).map_err(|error| error.to_string())?;
    let mut runner = TestRunner::new(Config { cases: 64, failure_persistence: None, ..Config::default() });
    runner.run(&proptest::collection::vec(keys, 0..8), |mut keys| {
        keys.extend_from_slice(extremes);
        check_order(&keys)?;
        // Keys that were damaged by one byte, by a cut, and by another key behind them.
        for bytes in keys.iter().flat_map(|key| [last_form(key), part_form(key)]) {
            check_bytes::<K>(&bytes)?;
            for (index, byte) in bytes.iter().enumerate() {
                check_bytes::<K>(&bytes[..index])?;
                for other in [0, 1, 0x80, 0xFF, !byte] {
                    let mut damaged = bytes.clone();
                    damaged[index] = other;
                    check_bytes::<K>(&damaged)?;
                }
            }
            check_bytes::<K>(&[bytes.as_slice(), &[0]].concat())?;
        }
        Ok(())
    })?;
    runner.run(&bytes(), |bytes| check_bytes::<K>(&bytes))?;
    Ok(runner.run(&proptest::collection::vec(any::<u8>(), 0..40), |bytes| check_bytes::<K>(&bytes))?)
}

macro_rules! integers {
    ($($type:ident)*) => {$(
        #[test]
        fn $type() -> TestResult {
            let extremes = [$type::MIN, $type::MAX, 0, 1, $type::MIN + 1, $type::MAX - 1, $type::MAX / 2, $type::MAX / 2 + 1];
            check(&extremes, number([$type::MIN, 0, 1, $type::MAX]))?;
            on_both(|db| check_ranges(&db.map("keys")?, &[$type::MIN, $type::MIN + 1, 7, $type::MAX - 1, $type::MAX]))
        }
    )*};
}

mod integers {
    use super::*;
    integers!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);
}

#[test]
fn negative_numbers_come_before_positive_ones() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<i64, ()>("numbers")?;
        for number in [1, -1, i64::MAX, 0, i64::MIN] {
            numbers.put(number, ())?;
        }
        let keys = numbers.iter()?.keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(keys, [i64::MIN, -1, 0, 1, i64::MAX]);
        assert_eq!(numbers.range(..0)?.count(), 2);
        Ok(())
    })
}

#[test]
fn booleans_and_characters() -> TestResult {
    check(&[false, true], any::<bool>())?;
    let extremes = ['\0', 'a', '\u{D7FF}', '\u{E000}', char::MAX];
    check(&extremes, any::<char>())?;
    on_both(|db| {
        check_ranges(&db.map("booleans")?, &[false, true])?;
        check_ranges(&db.map("characters")?, &extremes)
    })
}

#[test]
fn text_and_bytes() -> TestResult {
    let texts = ["", "\0", "\0\0", "\u{1}", "a", "a\0", "a\0b", "ab", "b", "\u{10FFFF}"].map(String::from);
    check(&texts, text())?;
    let raw =
        [&[][..], &[0], &[0, 0], &[0, 0xFF], &[0, 1], &[1], &[0xFF], &[0xFF, 0], &[0xFF, 0xFF]].map(<[u8]>::to_vec);
    check(&raw, bytes())?;
    check(&[[0; 3], [0, 0, 1], [0xFF; 3]], any::<[u8; 3]>())?;
    check(&[[0; 0]], any::<[u8; 0]>())?;
    on_both(|db| {
        check_ranges(&db.map("texts")?, &texts)?;
        check_ranges(&db.map("bytes")?, &raw)?;
        check_ranges(&db.map("arrays")?, &[[0; 2], [0, 1], [1, 0], [0xFF, 0xFF]])
    })
}

#[test]
fn tuples_of_every_length() -> TestResult {
    let zero = String::from("\0");
    let pairs = [("", ""), ("", "a"), ("a", ""), ("a", "b"), ("a", "bc"), ("ab", "c"), ("a\0", "b"), ("\0", "\0")]
        .map(|(a, b)| (String::from(a), String::from(b)));
    check(&pairs, (text(), text()))?;
    check(&[(zero.clone(), vec![]), (String::new(), vec![0])], (text(), bytes()))?;
    let number = || number([i64::MIN, -1, 0, i64::MAX]);
    check(&[(vec![], i64::MIN, true), (vec![0], i64::MAX, false)], (bytes(), number(), any::<bool>()))?;
    check(&[], (text(), any::<u8>(), bytes(), number()))?;
    check(&[], (any::<u16>(), text(), text(), any::<char>(), bytes()))?;
    check(&[], (text(), text(), text(), text(), text(), text()))?;
    on_both(|db| check_ranges(&db.map("pairs")?, &pairs))
}

#[test]
fn tuples_within_tuples() -> TestResult {
    let nested = [(("a", "b"), "c"), (("a", "bc"), ""), (("", ""), ""), (("a\0", ""), "b"), (("a", ""), "\0b")]
        .map(|((a, b), c)| ((String::from(a), String::from(b)), String::from(c)));
    check(&nested, ((text(), text()), text()))?;
    check(&[], (bytes(), (text(), (bytes(), any::<i8>()))))?;
    check(&[], (((any::<u8>(), text()), bytes()), (text(), any::<[u8; 2]>())))?;
    on_both(|db| check_ranges(&db.map("nested")?, &nested))
}

#[test]
fn derived_newtypes_structs_and_enums() -> TestResult {
    check(&[Id(0), Id(u64::MAX)], any::<u64>().prop_map(Id))?;
    check(&[Name(String::new()), Name("\0".into())], text().prop_map(Name))?;
    let levels = [
        Level::Low,
        Level::Middle(String::new(), 0),
        Level::Middle("\0".into(), 0xFF),
        Level::High { by: i16::MIN, name: String::new() },
        Level::High { by: -1, name: "\0".into() },
        Level::High { by: i16::MAX, name: "z".into() },
    ];
    check(&levels, level())?;
    check(&[], place())?;
    check(&[], (level(), place(), text()))?;
    on_both(|db| check_ranges(&db.map("levels")?, &levels))
}

#[test]
fn a_newtype_has_the_bytes_of_what_it_wraps() -> TestResult {
    assert_eq!(last_form(&Id(7)), last_form(&7_u64));
    assert_eq!(part_form(&Name("a\0".into())), part_form(&String::from("a\0")));
    // So that a program may start to use one on the data it has.
    let directory = tempfile::tempdir()?;
    Database::open(directory.path())?.map::<u64, u64>("keys")?.put(7, 70)?;
    let keys = Database::open(directory.path())?.map::<Id, u64>("keys")?;
    assert_eq!(keys.get(Id(7))?, Some(70));
    Ok(())
}

#[test]
fn every_argument_that_stands_for_a_key_finds_its_entry() -> TestResult {
    on_both(|db| {
        let (texts, bytes) = (db.map::<String, u64>("texts")?, db.map::<Vec<u8>, u64>("bytes")?);
        texts.put("a\0b", 1)?;
        let owned = String::from("a\0b");
        assert!(texts.contains(&owned)? && texts.contains(owned.as_str())? && texts.contains(owned)?);
        bytes.put([0, 1], 1)?;
        let owned = vec![0, 1];
        assert!(bytes.contains(&[0, 1])? && bytes.contains(&owned)? && bytes.contains(owned.as_slice())?);
        assert!(bytes.contains(owned)?);
        let nested = db.map::<((String, Vec<u8>), u64), u64>("nested")?;
        nested.put((("a\0b", [0, 1]), 7), 1)?;
        assert!(nested.contains((("a\0b", vec![0, 1]), &7))? && nested.contains(((String::from("a\0b"), &[0, 1]), 7))?);
        let places = db.map::<Place, u64>("places")?;
        let place = Place { owner: Name("a".into()), level: Level::Low, number: -1, rest: vec![] };
        places.put(&place, 1)?;
        assert!(places.contains(place)?);
        assert_eq!(places.prefix((Name("a".into()), Level::Low))?.count(), 1);
        Ok(())
    })
}

#[test]
fn an_empty_string_is_a_key_like_any_other() -> TestResult {
    on_both(|db| {
        let texts = db.map::<String, u64>("texts")?;
        texts.create("", 1)?.commit()?;
        texts.put("a", 2)?;
        assert!(matches!(texts.try_lock("")?.map(|guard| guard.key().clone()), Some(key) if key.is_empty()));
        assert_eq!(texts.first()?, Some((String::new(), 1)));
        assert!(texts.remove("")? && !texts.contains("")?);
        Ok(())
    })
}
