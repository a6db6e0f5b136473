//! What is checked of every type of keys.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;
use std::ops::Bound;

use kvstore::__private::KeyBuf;
use kvstore::{Database, Error, Key, KeyArg, Map, MapStore, Result};
use kvstore_tests::TestResult;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

pub(crate) fn last_form<K: Key>(key: &K) -> Vec<u8> {
    let mut bytes = KeyBuf::new();
    key.encode_last(&mut bytes);
    bytes.as_slice().to_vec()
}

pub(crate) fn part_form<K: Key>(key: &K) -> Vec<u8> {
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
pub(crate) fn check_ranges<K: Key + Ord + Clone + Debug>(store: &MapStore<Map<K, u64>>, ends: &[K]) -> TestResult {
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
pub(crate) fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0), Just(1), Just(0xFE), Just(0xFF), any::<u8>()];
    proptest::collection::vec(byte, 0..6)
}

pub(crate) fn text() -> impl Strategy<Value = String> {
    let letter =
        prop_oneof![Just('\0'), Just('\u{1}'), Just('a'), Just('b'), Just('ÿ'), Just(char::MAX), any::<char>()];
    proptest::collection::vec(letter, 0..5).prop_map(|letters| letters.into_iter().collect())
}

/// Any value, and the extremes often.
pub(crate) fn number<T: Arbitrary + Clone + 'static>(extremes: [T; 4]) -> BoxedStrategy<T> {
    prop_oneof![1 => proptest::sample::select(extremes.to_vec()), 2 => any::<T>()].boxed()
}

/// Runs both checks of a type: on any keys together with its extremes, and on any bytes.
pub(crate) fn check<K: Key + Ord + Clone + Debug + 'static>(
    extremes: &[K],
    keys: impl Strategy<Value = K>,
) -> TestResult
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
