//! Keys order as their types do, in bytes and in every scan and range.

#![allow(clippy::needless_borrows_for_generic_args, reason = "borrowed arguments are what is tested")]

mod check;
mod converted;
mod derived;
mod prefixes;
mod types;

use kvstore::{Database, Key, Result};
use kvstore_tests::{TestResult, on_both};
use proptest::prelude::*;

use self::check::{bytes, check, check_ranges, last_form, number, part_form, text};

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
