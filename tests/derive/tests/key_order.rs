//! The bytes of derived keys compare as `derive(Ord)` compares the keys.

#![allow(missing_docs)]

use kvstore::Key;
use kvstore_derive_tests::{from_last, from_part, last, part};
use proptest::prelude::*;

#[derive(Key, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Id(i64);

#[derive(Key, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Path {
    root: String,
    id: Id,
    rest: Vec<u8>,
}

#[derive(Key, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Low,
    Text(String),
    Number { sign: bool, value: i32 },
    Deep(Path, Id),
    High,
}

#[derive(Key, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Mixed(Level, Level, String);

fn id() -> impl Strategy<Value = Id> {
    prop_oneof![Just(i64::MIN), Just(-1), Just(0), Just(i64::MAX), any::<i64>()].prop_map(Id)
}

/// Strings in which the bytes that are escaped are frequent.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![Just(String::new()), "[\0\u{1}a]{0,4}", ".{0,4}"]
}

fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0), Just(1), Just(0xFF), any::<u8>()];
    proptest::collection::vec(byte, 0..5)
}

fn path() -> impl Strategy<Value = Path> {
    (text(), id(), bytes()).prop_map(|(root, id, rest)| Path { root, id, rest })
}

fn level() -> impl Strategy<Value = Level> {
    prop_oneof![
        Just(Level::Low),
        text().prop_map(Level::Text),
        (any::<bool>(), any::<i32>()).prop_map(|(sign, value)| Level::Number { sign, value }),
        (path(), id()).prop_map(|(path, id)| Level::Deep(path, id)),
        Just(Level::High),
    ]
}

fn mixed() -> impl Strategy<Value = Mixed> {
    (level(), level(), text()).prop_map(|(a, b, c)| Mixed(a, b, c))
}

fn check<K: Key + Ord + Clone + std::fmt::Debug>(a: &K, b: &K) {
    assert_eq!(last(a).cmp(&last(b)), a.cmp(b), "{a:?} and {b:?} in last form");
    assert_eq!(part(a).cmp(&part(b)), a.cmp(b), "{a:?} and {b:?} as a part");
    for key in [a, b] {
        assert_eq!(from_last::<K>(&last(key)).as_ref(), Ok(key));
        let followed = [part(key), vec![0, 0xFF]].concat();
        assert_eq!(from_part::<K>(&followed), Ok((key.clone(), vec![0, 0xFF])));
    }
}

proptest! {
    #[test]
    fn newtypes(a in id(), b in id()) {
        check(&a, &b);
    }

    #[test]
    fn structs(a in path(), b in path()) {
        check(&a, &b);
    }

    #[test]
    fn enums(a in level(), b in level()) {
        check(&a, &b);
    }

    #[test]
    fn structs_of_enums(a in mixed(), b in mixed()) {
        check(&a, &b);
    }
}
