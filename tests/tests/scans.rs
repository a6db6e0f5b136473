//! Scans: which entries, in which order, as of when.

use std::ops::Bound;

use kvstore::{Database, Error, Map, MapStore, ReadBack, Result, Scan, Store};
use kvstore_tests::{TestResult, on_both, on_both_built};

fn keys_of<T: Store>(scan: Scan<T>) -> Result<Vec<T::Key>> {
    scan.map(|entry| entry.map(|(key, _)| key)).collect()
}

fn fill(numbers: &MapStore<Map<u64, u64>>, keys: impl IntoIterator<Item = u64>) -> Result<()> {
    keys.into_iter().try_for_each(|key| numbers.put(key, key * 10))
}

fn is_invalid<R>(result: Result<R>) -> bool {
    matches!(result, Err(Error::InvalidRange { .. }))
}

#[test]
fn ranges_of_every_form() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        fill(&numbers, 1..=5)?;
        assert_eq!(keys_of(numbers.iter()?)?, [1, 2, 3, 4, 5]);
        assert_eq!(keys_of(numbers.range(..)?)?, [1, 2, 3, 4, 5]);
        assert_eq!(keys_of(numbers.range(2..)?)?, [2, 3, 4, 5]);
        assert_eq!(keys_of(numbers.range(..4)?)?, [1, 2, 3]);
        assert_eq!(keys_of(numbers.range(..=4)?)?, [1, 2, 3, 4]);
        assert_eq!(keys_of(numbers.range(2..4)?)?, [2, 3]);
        assert_eq!(keys_of(numbers.range(2..=4)?)?, [2, 3, 4]);
        assert_eq!(keys_of(numbers.range((Bound::Excluded(2), Bound::Included(4)))?)?, [3, 4]);
        assert_eq!(keys_of(numbers.range((Bound::Excluded(2), Bound::Unbounded))?)?, [3, 4, 5]);
        assert_eq!(numbers.iter()?.map(|entry| entry.map(|(_, value)| value)).sum::<Result<u64>>()?, 150);

        let texts = db.map::<String, u64>("texts")?;
        for text in ["a", "b", "c", "d"] {
            texts.put(text, 0)?;
        }
        let (from, to) = (String::from("b"), String::from("d"));
        assert_eq!(keys_of(texts.range("b".."d")?)?, ["b", "c"]);
        assert_eq!(keys_of(texts.range(&from..&to)?)?, ["b", "c"]);
        assert_eq!(keys_of(texts.range(&from..=&to)?)?, ["b", "c", "d"]);
        assert_eq!(keys_of(texts.range(from..)?)?, ["b", "c", "d"]);
        let pairs = db.map::<(String, u64), u64>("pairs")?;
        for (text, number) in [("a", 1), ("a", 2), ("b", 1)] {
            pairs.put((text, number), 0)?;
        }
        assert_eq!(keys_of(pairs.range(("a", 2)..)?)?, [("a".into(), 2), ("b".into(), 1)]);
        Ok(())
    })
}

#[test]
fn a_start_after_the_end_is_an_error_and_an_equal_one_is_empty() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        fill(&numbers, 1..=5)?;
        #[expect(clippy::reversed_empty_ranges, reason = "that is what is tested")]
        let reversed = 4..2;
        assert!(is_invalid(numbers.range(reversed.clone())) && is_invalid(numbers.try_lock_first(reversed)));
        assert!(is_invalid(numbers.range((Bound::Excluded(4), Bound::Included(2)))));
        assert!(is_invalid(numbers.iter()?.starting_at(4)?.ending_before(2)));
        assert!(is_invalid(numbers.iter()?.ending_before(2)?.starting_at(4)));
        assert!(is_invalid(numbers.range(..2)?.starting_at(4)) && is_invalid(numbers.range(4..)?.ending_before(2)));
        assert_eq!(numbers.range(3..3)?.count(), 0);
        assert_eq!(numbers.range((Bound::Excluded(3), Bound::Excluded(3)))?.count(), 0);
        assert_eq!(numbers.range((Bound::Excluded(3), Bound::Included(3)))?.count(), 0);
        assert_eq!(numbers.range((Bound::Excluded(3), Bound::Unbounded))?.ending_before(3)?.count(), 0);
        assert_eq!(numbers.iter()?.starting_at(3)?.ending_before(3)?.count(), 0);
        assert_eq!(numbers.range(3..=3)?.count(), 1);
        Ok(())
    })
}

#[test]
fn bounds_narrow_a_scan_and_never_widen_it() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        fill(&numbers, 1..=9)?;
        assert_eq!(keys_of(numbers.range(3..7)?.starting_at(1)?.ending_before(9)?)?, [3, 4, 5, 6]);
        assert_eq!(keys_of(numbers.range(3..7)?.starting_at(5)?)?, [5, 6]);
        assert_eq!(keys_of(numbers.range(3..7)?.ending_before(5)?.ending_before(6)?)?, [3, 4]);
        Ok(())
    })
}

#[test]
fn a_key_and_the_next_possible_one_are_two_keys() -> TestResult {
    on_both(|db| {
        let texts = db.map::<String, u64>("texts")?;
        let nothing = |scan: Result<Scan<Map<String, u64>>>| scan.is_ok_and(|scan| scan.count() == 0);
        // "a\0" is the next key behind "a": what starts at it starts after "a", which is not to be taken for what starts
        // behind "a".
        assert!(is_invalid(texts.range("a\0"..)?.ending_before("a")));
        assert!(is_invalid(texts.iter()?.ending_before("a")?.starting_at("a\0")));
        assert!(is_invalid(texts.range(..="a")?.starting_at("a\0")) && is_invalid(texts.range("a\0"..="a")));
        let behind_a = || texts.range((Bound::Excluded("a"), Bound::Unbounded));
        assert!(is_invalid(behind_a()?.starting_at("a\0")?.ending_before("a")));
        assert!(nothing(behind_a()?.ending_before("a")) && nothing(texts.range(..="a")?.ending_before("a\0")));
        assert!(nothing(texts.range("a\0"..)?.ending_before("a\0")));
        Ok(())
    })
}

#[test]
fn bounds_of_a_prefix_scan_must_lie_within_the_prefix() -> TestResult {
    on_both(|db| {
        let texts = db.map::<String, u64>("texts")?;
        for text in ["a", "b", "b/1", "b/2", "b/3", "c"] {
            texts.put(text, 0)?;
        }
        let under_b = || texts.prefix("b/");
        assert_eq!(keys_of(under_b()?.starting_at("b/2")?)?, ["b/2", "b/3"]);
        assert_eq!(keys_of(under_b()?.starting_at("b/")?.ending_before("b/2")?)?, ["b/1"]);
        assert_eq!(keys_of(under_b()?.starting_at("b/17")?.ending_before("b/9")?)?, ["b/2", "b/3"]);
        for outside in ["", "a", "b", "b.", "b0", "c"] {
            assert!(is_invalid(under_b()?.starting_at(outside)), "start at {outside:?}");
            assert!(is_invalid(under_b()?.ending_before(outside)), "end before {outside:?}");
        }
        assert!(is_invalid(under_b()?.starting_at("b/3")?.ending_before("b/1")));
        assert_eq!(under_b()?.starting_at("b/2")?.ending_before("b/2")?.count(), 0);
        Ok(())
    })
}

#[test]
fn prefixes_of_bytes_reach_to_the_last_one() -> TestResult {
    on_both(|db| {
        let (bytes, behind) = (db.map::<Vec<u8>, u64>("bytes")?, db.map::<Vec<u8>, u64>("behind")?);
        let all: [&[u8]; 7] =
            [&[], &[0], &[0xFE, 0xFF], &[0xFF], &[0xFF, 0xFE, 0xFF], &[0xFF, 0xFF], &[0xFF, 0xFF, 0xFF]];
        for key in all {
            bytes.put(key, 0)?;
            behind.put(key, 0)?;
        }
        assert_eq!(keys_of(bytes.prefix([0xFF, 0xFF])?)?, [vec![0xFF, 0xFF], vec![0xFF; 3]]);
        assert_eq!(keys_of(bytes.prefix([0xFF; 3])?)?, [vec![0xFF; 3]]);
        assert_eq!(keys_of(bytes.prefix([0xFF])?)?.len(), 4);
        assert_eq!(keys_of(bytes.prefix([])?)?, all);
        assert_eq!(keys_of(bytes.prefix([0xFF, 0xFF])?.reversed())?, [vec![0xFF; 3], vec![0xFF, 0xFF]]);
        assert_eq!(bytes.prefix([1])?.count(), 0);
        Ok(())
    })
}

#[test]
fn prefixes_of_tuples_are_whole_parts() -> TestResult {
    type Nested = ((String, String), u32, Vec<u8>);
    on_both(|db| {
        let pairs = db.map::<(String, String), u64>("pairs")?;
        for pair in [("a", "b"), ("a", "bc"), ("a\0", "b"), ("ab", "c"), ("", "abc"), ("a", "")] {
            pairs.put(pair, 0)?;
        }
        let seconds =
            |prefix| keys_of(pairs.prefix((prefix,))?).map(|keys| keys.into_iter().map(|key| key.1).collect());
        let seconds = |prefix| -> Result<Vec<String>> { seconds(prefix) };
        assert_eq!(seconds("a")?, ["", "b", "bc"]);
        assert_eq!(
            (seconds("ab")?, seconds("")?, seconds("a\0")?),
            (vec!["c".into()], vec!["abc".into()], vec!["b".into()])
        );
        assert!(seconds("abc")?.is_empty());
        assert_eq!(pairs.prefix(("a",))?.starting_at(("a", "b"))?.ending_before(("a", "bc"))?.count(), 1);
        assert!(is_invalid(pairs.prefix(("a",))?.starting_at(("ab", "c"))));

        let nested = db.map::<Nested, u64>("nested")?;
        for (a, b, c, d) in [("x", "y", 1, 0), ("x", "y", 1, 0xFF), ("x", "y", 2, 0), ("x", "z", 1, 0)] {
            nested.put(((a, b), c, [d]), 0)?;
        }
        assert_eq!(nested.prefix((("x", "y"),))?.count(), 3);
        assert_eq!(nested.prefix((("x", "y"), 1))?.count(), 2);
        assert_eq!(nested.prefix((("x", "y"), 3))?.count(), 0);
        Ok(())
    })
}

#[test]
fn a_reversed_scan_has_the_same_entries() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        fill(&numbers, 1..=9)?;
        assert_eq!(keys_of(numbers.range(3..7)?.reversed())?, [6, 5, 4, 3]);
        assert_eq!(keys_of(numbers.range(3..7)?.reversed().reversed())?, [3, 4, 5, 6]);
        assert_eq!(keys_of(numbers.iter()?.reversed().starting_at(3)?.ending_before(5)?)?, [4, 3]);
        assert_eq!(keys_of(numbers.iter()?.starting_at(3)?.reversed().ending_before(5)?)?, [4, 3]);
        // In the middle, what is left runs backwards.
        let mut scan = numbers.iter()?;
        assert_eq!(scan.by_ref().take(3).count(), 3);
        let mut scan = scan.reversed();
        assert_eq!(scan.by_ref().take(2).map(|entry| Ok(entry?.0)).collect::<Result<Vec<_>>>()?, [9, 8]);
        assert_eq!(keys_of(scan.reversed())?, [4, 5, 6, 7]);
        Ok(())
    })
}

#[test]
fn bounds_may_be_set_in_the_middle_of_a_scan() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        fill(&numbers, 1..=100)?;
        let mut scan = numbers.iter()?;
        assert_eq!(scan.by_ref().take(20).count(), 20);
        let mut scan = scan.ending_before(90)?.starting_at(50)?;
        assert_eq!(scan.next().unwrap()?.0, 50);
        let mut keys = scan.keys();
        assert_eq!(keys.next().unwrap()?, 51);
        assert_eq!(keys.count(), 38);
        Ok(())
    })
}

#[test]
fn keys_do_not_decode_values() -> TestResult {
    on_both_built(&Database::builder().read_back(ReadBack::Never), |db| {
        let refused = db.map::<u64, Refused>("refused")?;
        (1..=40).try_for_each(|key| refused.put(key, Refused(true)))?;
        assert_eq!(refused.iter()?.keys().collect::<Result<Vec<_>>>()?, (1..=40).collect::<Vec<_>>());
        assert_eq!(refused.range(3..5)?.reversed().keys().collect::<Result<Vec<_>>>()?, [4, 3]);
        assert!(refused.iter()?.all(|entry| matches!(entry, Err(Error::Decode { .. }))));
        Ok(())
    })
}

/// Refuses to be read where it is `true`.
#[derive(Debug)]
struct Refused(bool);

impl serde::Serialize for Refused {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Refused {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let refused = serde::Deserialize::deserialize(deserializer)?;
        if refused { Err(serde::de::Error::custom("refused")) } else { Ok(Self(false)) }
    }
}

#[test]
fn an_entry_that_does_not_decode_is_an_error_in_its_place_wherever_it_lies() -> TestResult {
    on_both_built(&Database::builder().read_back(ReadBack::Never), |db| {
        let mixed = db.map::<u64, Refused>("mixed")?;
        // Pages end behind 16, 80, 336 and 1360 rows.
        let bad = [0, 15, 16, 79, 80, 81, 336, 1359, 1360, 1999];
        (0..2_000).try_for_each(|key| mixed.put(key, Refused(bad.contains(&key))))?;
        for scan in [mixed.iter()?, mixed.iter()?.reversed()] {
            let entries: Vec<_> = scan.collect();
            assert_eq!(entries.len(), 2_000);
            assert_eq!(entries.iter().filter(|entry| entry.is_err()).count(), bad.len());
        }
        for (key, entry) in (0..).zip(mixed.iter()?) {
            match entry {
                Ok((found, _)) => assert!(found == key && !bad.contains(&key)),
                Err(Error::Decode { key: found, .. }) => assert!(found == key.to_string() && bad.contains(&key)),
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    })
}

#[test]
fn a_scan_sees_the_moment_it_starts() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        fill(&numbers, (0..1_000).map(|number| number * 2))?;
        let mut scan = numbers.iter()?;
        let (reversed, keys, ranged) = (numbers.iter()?.reversed(), numbers.iter()?.keys(), numbers.range(1_000..)?);
        assert_eq!(scan.next().unwrap()?, (0, 0));
        for number in 0..1_000 {
            match number % 3 {
                0 => drop(numbers.remove(number * 2)?),
                1 => numbers.put(number * 2, 7)?,
                _ => numbers.put(number * 2 + 1, 7)?,
            }
        }
        let seen = scan.collect::<Result<Vec<_>>>()?;
        assert!(seen.into_iter().eq((1..1_000).map(|number| (number * 2, number * 20))));
        let seen = reversed.collect::<Result<Vec<_>>>()?;
        assert!(seen.into_iter().eq((0..1_000).rev().map(|number| (number * 2, number * 20))));
        assert!(keys.collect::<Result<Vec<_>>>()?.into_iter().eq((0..1_000).map(|number| number * 2)));
        assert_eq!(ranged.count(), 500);
        assert_eq!(numbers.iter()?.count(), 999);
        Ok(())
    })
}

#[test]
fn a_scan_never_leaves_its_namespace() -> TestResult {
    on_both(|db| {
        let names = ["before", "middle", "behind", "empty"];
        let stores = names.map(|name| db.map::<Vec<u8>, u64>(name));
        let [before, middle, behind, empty] = stores;
        let (before, middle, behind, empty) = (before?, middle?, behind?, empty?);
        for store in [&before, &middle, &behind] {
            for key in [&[][..], &[0], &[1], &[0xFF], &[0xFF; 100]] {
                store.put(key, 0)?;
            }
        }
        for scan in [middle.iter()?, middle.range(..)?, middle.prefix([])?, middle.range([]..)?] {
            assert_eq!(scan.count(), 5);
        }
        assert_eq!(middle.iter()?.reversed().count(), 5);
        assert_eq!(middle.range([0xFF; 101]..)?.count() + middle.range(..[])?.count(), 0);
        assert_eq!(middle.range((Bound::Excluded([0xFF; 100]), Bound::Unbounded))?.count(), 0);
        assert_eq!(middle.range(..=[0xFF; 200])?.count(), 5);
        assert_eq!((middle.first()?.unwrap().0, middle.last()?.unwrap().0), (vec![], vec![0xFF; 100]));
        assert!(empty.iter()?.next().is_none() && empty.iter()?.reversed().next().is_none());
        assert!(empty.first()?.is_none() && empty.last()?.is_none() && empty.try_lock_first(..)?.is_none());
        Ok(())
    })
}

#[test]
fn thousands_of_entries_come_whole_and_in_order_from_every_start() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        fill(&numbers, 0..3_000)?;
        // Around the ends of the pages, forwards and backwards.
        for edge in [0, 1, 15, 16, 17, 79, 80, 81, 335, 336, 337, 1_359, 1_360, 1_361, 2_999, 3_000] {
            assert!(keys_of(numbers.range(edge..)?)?.into_iter().eq(edge..3_000), "from {edge}");
            assert!(keys_of(numbers.range(..edge)?)?.into_iter().eq(0..edge), "until {edge}");
            assert!(keys_of(numbers.range(..edge)?.reversed())?.into_iter().eq((0..edge).rev()), "back from {edge}");
            let mut scan = numbers.iter()?;
            let first = usize::try_from(edge)?;
            assert_eq!(scan.by_ref().take(first).count(), first);
            assert!(keys_of(scan.reversed())?.into_iter().eq((edge..3_000).rev()), "turned at {edge}");
        }
        let mut scan = numbers.iter()?;
        assert_eq!(scan.by_ref().count(), 3_000);
        assert!(scan.next().is_none() && scan.next().is_none());
        Ok(())
    })
}

#[test]
fn large_values_come_whole() -> TestResult {
    on_both(|db| {
        let blobs = db.map::<u64, serde_bytes::ByteBuf>("blobs")?;
        let blob = |key: u64| vec![u8::try_from(key).unwrap(); if key.is_multiple_of(3) { 300_000 } else { 10 }];
        (0..40).try_for_each(|key| blobs.put(key, serde_bytes::ByteBuf::from(blob(key))))?;
        blobs.put(40, serde_bytes::ByteBuf::from(vec![40; 20 << 20]))?;
        assert_eq!(blobs.get(40)?.unwrap().len(), 20 << 20);
        for (key, entry) in (0..40).zip(blobs.iter()?) {
            assert!(entry.is_ok_and(|(found, value)| found == key && *value == blob(key)));
        }
        let backwards = blobs.iter()?.reversed().map(|entry| Ok(entry?.0)).collect::<Result<Vec<_>>>()?;
        assert!(backwards.into_iter().eq((0..=40).rev()));
        Ok(())
    })
}
