//! What can't be a record is refused when it is written, and what is none when it is read.

use serde::ser::{Error as _, SerializeMap, SerializeSeq, SerializeStruct};
use serde::{Serializer, de};

use super::*;

/// Begins a list, and fails if it is `broken`.
struct Begun {
    broken: bool,
}

impl Serialize for Begun {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        SerializeSeq::serialize_element(&mut list, "begun")?;
        if self.broken { Err(S::Error::custom("broken")) } else { SerializeSeq::end(list) }
    }
}

/// Writes by a function, and never reads.
#[track_caller]
fn refused(serialize: impl Fn(&mut Sink<'_>) -> Result<(), error::CodecError>) -> String {
    let mut buf = Vec::new();
    let mut sink = Sink::new(&mut buf, 0);
    let result = serialize(&mut sink).and_then(|()| sink.finish());
    result.unwrap_err().to_string()
}

#[test]
fn a_value_that_refuses_to_serialize() {
    #[derive(Deserialize)]
    struct Stubborn;
    impl Serialize for Stubborn {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(S::Error::custom("not today"))
        }
    }
    assert_eq!(reason(encode_bare(&Stubborn)), "not today");
    assert_eq!(reason(encode_bare(&vec![Some(Stubborn)])), "not today");
}

#[test]
fn wrong_declared_lengths() {
    for (declared, written) in [(4, 3), (3, 4), (0, 1), (1, 0), (1000, 999)] {
        let text = format!("its `Serialize` declares {declared} elements and writes {written}");
        let list = refused(|sink| {
            let mut list = sink.serialize_seq(Some(declared))?;
            (0..written).try_for_each(|_| SerializeSeq::serialize_element(&mut list, &7))?;
            SerializeSeq::end(list)
        });
        assert_eq!(list, text);
        let map = refused(|sink| {
            let mut map = sink.serialize_map(Some(declared))?;
            (0..written).try_for_each(|number| map.serialize_entry(&number, "x"))?;
            SerializeMap::end(map)
        });
        assert_eq!(map, text);
        let fields = refused(|sink| {
            let mut fields = sink.serialize_struct("S", declared)?;
            (0..written).try_for_each(|_| SerializeStruct::serialize_field(&mut fields, "f", "x"))?;
            SerializeStruct::end(fields)
        });
        assert_eq!(fields, text);
    }
}

#[test]
fn keys_without_values() {
    let text = "its `Serialize` writes a key without a value, or a value without a key";
    for len in [None, Some(1), Some(2)] {
        let two_keys = refused(|sink| {
            let mut map = sink.serialize_map(len)?;
            map.serialize_key(&1)?;
            map.serialize_key(&2)?;
            SerializeMap::end(map)
        });
        assert_eq!(two_keys, text);
        let no_value = refused(|sink| {
            let mut map = sink.serialize_map(len)?;
            map.serialize_key(&1)?;
            SerializeMap::end(map)
        });
        assert_eq!(no_value, text);
        let no_key = refused(|sink| {
            let mut map = sink.serialize_map(len)?;
            map.serialize_value(&1)?;
            SerializeMap::end(map)
        });
        assert_eq!(no_key, text);
    }
}

#[test]
fn a_part_that_failed_and_was_passed_over() {
    let text = refused(|sink| {
        let mut list = sink.serialize_seq(Some(2))?;
        SerializeSeq::serialize_element(&mut list, &Begun { broken: true }).ok();
        SerializeSeq::serialize_element(&mut list, &Begun { broken: false })?;
        SerializeSeq::end(list)
    });
    assert_eq!(text, "a part of it failed to serialize, and the `Serialize` around it went on");
}

/// Refuses 100,000 levels of a type on a stack of the usual size, and reads the deepest value that is written.
fn deep<V: Serialize + DeserializeOwned + Send + PartialEq + fmt::Debug + 'static>(
    innermost: fn() -> V,
    around: fn(V) -> V,
    deepest: u16,
) {
    let chain = |levels: usize| (0..levels).fold(innermost(), |inside, _| around(inside));
    let value = chain(deepest.into());
    assert_eq!(decode_bare::<V>(&encode_bare(&value).unwrap()).as_ref(), Ok(&value));
    let refused = encode_bare(&chain(usize::from(deepest) + 1)).unwrap_err();
    // Dropping it would exhaust the stack.
    let deep = std::mem::ManuallyDrop::new(chain(100_000));
    assert_eq!(encode_bare::<V>(&deep).unwrap_err(), refused);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Link(Option<Box<Link>>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Tree {
    Leaf,
    Child(Box<Tree>),
    Pair(Box<Tree>, u8),
    Fields { child: Box<Tree> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct W1(Option<W2>);
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct W2(Option<W3>);
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct W3(Option<Box<Wrapped>>);
#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Wrapped {
    next: Option<W1>,
}

#[test]
fn nesting_is_counted_while_a_value_is_written() {
    deep(|| Node { next: None }, |next| Node { next: Some(Box::new(next)) }, MAX_DEPTH - 1);
    deep(|| Tree::Leaf, |tree| Tree::Child(Box::new(tree)), MAX_DEPTH);
    deep(|| Tree::Leaf, |tree| Tree::Pair(Box::new(tree), 1), MAX_DEPTH / 2);
    deep(|| Tree::Leaf, |tree| Tree::Fields { child: Box::new(tree) }, MAX_DEPTH / 2);
    deep(|| Link(None), |link| Link(Some(Box::new(link))), MAX_HOPS / 2 - 1);
    // Seven `Some`s and newtypes a level.
    let around = |next| Wrapped { next: Some(W1(Some(W2(Some(W3(Some(Box::new(next)))))))) };
    deep(|| Wrapped { next: None }, around, MAX_DEPTH - 1);
    deep(|| serde_json::Value::Null, |value| serde_json::Value::Array(vec![value]), MAX_DEPTH);
}

#[test]
fn a_type_that_takes_no_bytes_is_not_read_for_ever() {
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Endless(Box<Endless>);
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Some1(Option<Box<Some1>>);
    let text = "it is nested in more than 1024 options and newtypes";
    assert_eq!(reason(decode_bare::<Endless>(&[2, 1, 5])), text);
    assert_eq!(reason(decode_bare::<Some1>(&[2, 1, 5])), text);
    let mut tags = vec![2, 1];
    (0..10_000).for_each(|_| tags.extend(SOME));
    assert_eq!(reason(decode_bare::<Some1>(&tags)), text);
    assert_eq!(reason(decode_bare::<serde_json::Value>(&tags)), text);
}

#[test]
fn what_a_type_does_not_read_is_not_passed_over() {
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    enum One {
        Unit,
        Value(u8),
    }
    /// Reads the first element alone.
    #[derive(Debug)]
    struct First;
    impl<'de> Deserialize<'de> for First {
        fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> de::Visitor<'de> for Visitor {
                type Value = First;
                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("a list")
                }
                fn visit_seq<A: de::SeqAccess<'de>>(self, mut list: A) -> Result<First, A::Error> {
                    list.next_element::<u8>().map(|_| First)
                }
            }
            deserializer.deserialize_seq(Visitor)
        }
    }
    impl Serialize for First {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.serialize_unit()
        }
    }
    let more = "an array or a map has more elements than its type reads";
    assert_eq!(reason(decode_bare::<First>(&[2, 1, 0x82, 1, 2])), more);
    assert_eq!(reason(decode_bare::<First>(&[2, 1, 0x9F, 1, 2, 0xFF])), more);
    assert!(decode_bare::<First>(&[2, 1, 0x9F, 1, 0xFF]).is_ok());
    assert!(decode_bare::<First>(&[2, 1, 0x80]).is_ok());
    let value = [&[2, 1, 0xA1, 0x64][..], b"Unit", &[5]].concat();
    assert_eq!(reason(decode_bare::<One>(&value)), "a variant has a value, and its type has none");
    let unit = [&[2, 1, 0x65][..], b"Value"].concat();
    assert_eq!(reason(decode_bare::<One>(&unit)), "a variant has no value, and its type has one");
    assert_eq!(decode_bare::<One>(&encode_bare(&One::Unit).unwrap()), Ok(One::Unit));
    assert_eq!(decode_bare::<One>(&encode_bare(&One::Value(5)).unwrap()), Ok(One::Value(5)));
    assert_eq!(reason(decode_bare::<(u8, u8)>(&[2, 1, 0x83, 1, 2, 3])), "expected a tuple of 2, found an array of 3");
}

/// Writes by one function of the test, and reads by another.
macro_rules! by_hand {
    ($name:ident, $write:expr, $read:expr) => {
        #[derive(Debug, Clone, PartialEq)]
        struct $name(u8, u8);
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                $write(self).serialize(serializer)
            }
        }
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Deserialize::deserialize(deserializer).map($read)
            }
        }
    };
}

#[track_caller]
fn read_back_bare<V: Serialize + DeserializeOwned + Send + 'static>(value: &V) -> Result<(), RecordError> {
    read_back::<u64, V, Map<u64, V>>(&[], &encode_bare(value).unwrap(), value)
}

#[test]
fn a_tuple_that_is_read_back_in_another_order() {
    by_hand!(Swapped, |value: &Swapped| (value.0, value.1), |(one, other)| Swapped(other, one));
    by_hand!(Turned, |value: &Turned| [value.0, 7, value.1], |[one, _, other]: [u8; 3]| Turned(other, one));
    by_hand!(Plain, |value: &Plain| (value.0, value.1), |(one, other)| Plain(one, other));
    let text = "it is read back as another value";
    let reason = |result: Result<(), RecordError>| result.unwrap_err().to_string();
    assert!(reason(read_back_bare(&Swapped(1, 2))).starts_with(text));
    assert!(reason(read_back_bare(&vec![Some(Turned(1, 2))])).starts_with(text));
    // Also beside what has no order, and in it.
    let set = || (0..50_u64).collect::<std::collections::HashSet<_>>();
    for _ in 0..20 {
        assert!(reason(read_back_bare(&(set(), Swapped(1, 2)))).starts_with(text));
        let map: std::collections::HashMap<_, _> = (0..50).map(|key| (key, Swapped(1, key))).collect();
        assert!(reason(read_back_bare(&map)).starts_with(text));
        let map: std::collections::HashMap<_, _> = (0..50).map(|key| (key, (Plain(1, key), set()))).collect();
        read_back_bare(&map).unwrap();
    }
    read_back_bare(&Swapped(2, 2)).unwrap();
}

/// A value that other threads change is what was written, whatever it is now.
#[test]
fn a_value_that_changes_meanwhile_is_compared_with_its_record() {
    use std::sync::atomic::{AtomicU64, Ordering};
    #[derive(Serialize, Deserialize)]
    struct Counted(AtomicU64, std::collections::HashSet<u64>);
    for _ in 0..20 {
        let value = Counted(AtomicU64::new(1), (0..50).collect());
        let record = encode_bare(&value).unwrap();
        value.0.store(2, Ordering::Relaxed);
        read_back::<u64, Counted, Map<u64, Counted>>(&[], &record, &value).unwrap();
    }
}

#[test]
fn errors_of_a_map_that_are_passed_over() {
    let text = "a part of it failed to serialize, and the `Serialize` around it went on";
    let keys = refused(|sink| {
        let mut map = sink.serialize_map(None)?;
        let _ = ["a", "b"].map(|key| map.serialize_key(key));
        let _ = map.serialize_value(&1);
        SerializeMap::end(map)
    });
    assert_eq!(keys, text);
    let values = refused(|sink| {
        let mut map = sink.serialize_map(Some(1))?;
        map.serialize_entry("a", &1)?;
        let _ = map.serialize_value(&7);
        SerializeMap::end(map)
    });
    assert_eq!(values, text);
}

#[test]
fn a_panic_of_a_part_that_is_caught() {
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            std::panic::resume_unwind(Box::new("on purpose"))
        }
    }
    let lost = refused(|sink| {
        let mut list = sink.serialize_seq(None)?;
        let part = std::panic::AssertUnwindSafe(|| SerializeSeq::serialize_element(&mut list, &Panics));
        assert!(std::panic::catch_unwind(part).is_err());
        SerializeSeq::serialize_element(&mut list, &7)?;
        SerializeSeq::end(list)
    });
    assert_eq!(lost, "a part of it failed to serialize, and the `Serialize` around it went on");
}

/// Reads a value, or takes its default if that fails.
#[derive(Debug, Default, PartialEq)]
struct Lenient<T>(T);

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Lenient<T> {
    fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Self(T::deserialize(deserializer).unwrap_or_default()))
    }
}

impl<T> Serialize for Lenient<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_unit()
    }
}

#[test]
fn a_part_that_can_not_be_read_is_not_passed_over() {
    #[derive(Deserialize, Debug, Default, PartialEq)]
    struct Inner {
        color: bool,
        name: String,
    }
    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    struct Outer {
        inner: Lenient<Inner>,
        #[serde(flatten)]
        more: BTreeMap<String, String>,
    }
    #[derive(Debug, Default, PartialEq)]
    struct Number(u8);
    impl<'de> Deserialize<'de> for Number {
        fn deserialize<D: de::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            let text = String::deserialize(deserializer)?;
            text.parse().map(Number).map_err(de::Error::custom)
        }
    }
    let written = serde_json::json!({ "inner": { "color": "green", "name": "of inner" }, "real": "r" });
    let text = "a part of it can't be read, and the `Deserialize` around it went on";
    let record = encode_bare(&written).unwrap();
    assert_eq!(reason(decode_bare::<Outer>(&record)), text);
    // What was read whole, and is only not what the type wants, leaves nothing behind.
    let (net, list) = (serde_json::json!(["300", "10.0.0.1"]), encode_bare(&vec!["x".to_owned(); 2_000]).unwrap());
    let net = encode_bare(&net).unwrap();
    assert_eq!(decode_bare::<Vec<Lenient<Number>>>(&net), Ok(vec![Lenient(Number(0)), Lenient(Number(0))]));
    assert_eq!(decode_bare::<Vec<Lenient<Option<Number>>>>(&list).map(|list| list.len()), Ok(2_000));
}

#[test]
fn numbers_that_their_type_does_not_take() {
    /// Why a number is not read as an `R`.
    fn as_type<R: Serialize + DeserializeOwned + fmt::Debug + Send + 'static>(
        number: impl Serialize + DeserializeOwned + Send + 'static,
    ) -> String {
        reason(decode_bare::<R>(&encode_bare(&number).unwrap()))
    }
    assert_eq!(as_type::<u8>(300_u32), "the number is out of the range of u8");
    assert_eq!(as_type::<i8>(300_u32), "the number is out of the range of i8");
    assert_eq!(as_type::<i64>(u64::MAX), "the number is out of the range of i64");
    assert_eq!(as_type::<i128>(u128::MAX), "the number is out of the range of i128");
    assert_eq!(as_type::<u128>(i128::MIN), "the number is out of the range of u128");
    assert_eq!(as_type::<u64>(u128::MAX), "expected u64, found an integer of more than 64 bits");
    assert_eq!(as_type::<i64>(i128::MIN), "expected i64, found an integer of more than 64 bits");
    assert_eq!(as_type::<u8>(-1_i32), "expected u8, found a negative integer");
    // A tag that is no number's.
    assert_eq!(reason(decode_bare::<u128>(&[FORMAT_BARE, 1, 0xC1, 1])), "expected u128, found a tag");
}
