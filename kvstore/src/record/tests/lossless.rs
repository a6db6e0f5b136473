//! Units, and `Some`s of what seems to be nothing, are read back as they were written.

#![allow(clippy::option_option, clippy::zero_sized_map_values, reason = "every shape that serde has is written")]

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use super::*;

/// What is written is read back, and is the same when it is written again.
#[track_caller]
fn same<V: Serialize + DeserializeOwned + Send + PartialEq + fmt::Debug + 'static>(value: V) {
    let record = encode_bare(&value).unwrap();
    assert_eq!(decode_bare::<V>(&record).unwrap(), value, "{record:02x?}");
    // Another implementation reads it as a value, if not as ours.
    ciborium::from_reader::<ciborium::Value, _>(&record[2..]).unwrap();
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Marker;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Inner(Option<u8>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct List(Option<Box<List>>);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(transparent)]
struct Plain {
    inner: Option<()>,
}

type Alias = Option<u8>;

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Limit {
    List(Vec<u64>),
    Unlimited,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(untagged)]
enum Any {
    Unit(()),
    Maybe(Option<Option<u8>>),
    Text(String),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "kind")]
enum Tagged {
    Empty,
    Unit { result: () },
    Marker { marker: Marker },
    Json { value: Value },
    Maybe { value: Option<Inner>, unit: Option<()> },
    Boxed(Box<Tagged2>),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Tagged2 {
    limit: Limit,
    unit: (),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "t", content = "c")]
enum Adjacent {
    Empty,
    Unit(()),
    Pair((), Option<Option<()>>),
    Json(Value),
    Fields { unit: (), limit: Limit },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum External {
    Empty,
    Unit(()),
    Pair(Marker, Option<Inner>),
    Fields { unit: (), maybe: Option<Option<()>> },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Flat {
    id: u8,
    #[serde(flatten)]
    fields: Flattened,
    #[serde(flatten)]
    rest: HashMap<String, Value>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Flattened {
    unit: (),
    limit: Limit,
    nested: Option<Option<u8>>,
}

#[test]
fn units() {
    same(());
    same(Marker);
    same([(), (), ()]);
    same(BTreeMap::from([((), Marker)]));
    same(vec![Limit::Unlimited, Limit::List(Vec::new()), Limit::List(vec![1])]);
    same(vec![
        Any::Unit(()),
        Any::Maybe(None),
        Any::Maybe(Some(None)),
        Any::Maybe(Some(Some(1))),
        Any::Text("a".into()),
    ]);
    same(std::marker::PhantomData::<u8>);
    same::<Result<(), String>>(Ok(()));
}

#[test]
fn a_unit_is_undefined() {
    assert_eq!(encode_bare(&()).unwrap(), [2, 1, 0xF7]);
    assert_eq!(encode_bare(&None::<()>).unwrap(), [2, 1, 0xF6]);
    assert_eq!(encode_bare(&Some(())).unwrap(), [2, 1, 0xDA, b's', b'o', b'm', b'e', 0xF7]);
    assert_eq!(encode_bare(&Some(7)).unwrap(), [2, 1, 7]);
}

#[test]
fn json_at_any_depth() {
    same(Value::Null);
    same(json!({ "a": null, "b": [null, 1, [], {}], "c": { "d": null, "e": "x", "f": 1.5, "g": -1, "h": u64::MAX } }));
    same(vec![Some(Value::Null), None, Some(json!([null]))]);
    same(BTreeMap::from([(1_u8, Value::Null), (2, json!([]))]));
    same(serde_json::Map::from_iter([("a".to_owned(), Value::Null)]));
}

#[test]
fn a_some_of_nothing() {
    same(vec![None, Some(None), Some(Some(None)), Some(Some(Some(5_u8)))]);
    same(vec![None, Some(Inner(None)), Some(Inner(Some(1)))]);
    same(vec![Some(Box::new(None::<u8>)), Some(Box::new(Some(1))), None]);
    same(vec![Some(Arc::new(None::<u8>).as_ref().to_owned()), None]);
    same(vec![None::<Alias>, Some(None), Some(Some(2))]);
    same(vec![Some(()), None]);
    same(vec![Some(Marker), None]);
    same(vec![Some(Plain { inner: None }), Some(Plain { inner: Some(()) }), None]);
    same(vec![Some([None::<u8>; 2]), None]);
    same(BTreeMap::from([(Some(None::<u8>), 1), (None, 2), (Some(Some(0)), 3)]));
    same((0..50).fold(List(None), |list, _| List(Some(Box::new(list)))));
}

#[test]
fn tagged_types() {
    for value in [
        Tagged::Empty,
        Tagged::Unit { result: () },
        Tagged::Marker { marker: Marker },
        Tagged::Json { value: json!({ "a": [null] }) },
        Tagged::Json { value: Value::Null },
        Tagged::Maybe { value: Some(Inner(None)), unit: Some(()) },
        Tagged::Maybe { value: None, unit: None },
        Tagged::Boxed(Box::new(Tagged2 { limit: Limit::Unlimited, unit: () })),
    ] {
        same(value);
    }
    for value in [
        Adjacent::Empty,
        Adjacent::Unit(()),
        Adjacent::Pair((), Some(None)),
        Adjacent::Pair((), Some(Some(()))),
        Adjacent::Json(Value::Null),
        Adjacent::Fields { unit: (), limit: Limit::Unlimited },
    ] {
        same(value);
    }
    for value in [
        External::Empty,
        External::Unit(()),
        External::Pair(Marker, Some(Inner(None))),
        External::Fields { unit: (), maybe: Some(None) },
    ] {
        same(value);
    }
    let fields = || Flattened { unit: (), limit: Limit::Unlimited, nested: Some(None) };
    let rest = HashMap::from([("null".to_owned(), Value::Null), ("list".to_owned(), json!([null]))]);
    same(Flat { id: 1, fields: fields(), rest });
    same(vec![Some(Flat { id: 1, fields: fields(), rest: HashMap::new() }), None]);
}

#[test]
fn what_a_display_makes_is_text_of_known_length() {
    struct Repeated(usize);
    impl fmt::Display for Repeated {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (0..self.0).try_for_each(|_| f.write_str("ab"))
        }
    }
    impl Serialize for Repeated {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(self)
        }
    }
    for len in [0, 1, 11, 12, 127, 128, 40_000] {
        let mut record = vec![];
        let mut sink = Sink::new(&mut record, 0);
        (1_u8, Repeated(len), 2_u8).serialize(&mut sink).unwrap();
        let mut source = source::Source::new(&record);
        let read = <(u8, String, u8)>::deserialize(&mut source).unwrap();
        assert_eq!(read, (1, "ab".repeat(len), 2));
    }
}

#[test]
fn units_of_earlier_records_are_read() {
    assert_eq!(decode_bare::<()>(&[2, 1, 0x80]), Ok(()));
    assert_eq!(decode_bare::<Marker>(&[2, 1, 0x80]), Ok(Marker));
    assert_eq!(decode_bare::<Vec<Option<()>>>(&[2, 1, 0x82, 0x80, 0xF6]), Ok(vec![Some(()), None]));
    // What was text in pieces still is.
    let pieces = [&[2, 1, 0x7F, 0x61, b'a', 0x62, b'b', b'c', 0xFF][..]].concat();
    assert_eq!(decode_bare::<String>(&pieces).as_deref(), Ok("abc"));
}

#[test]
fn a_type_that_became_an_option_reads_what_it_was() {
    assert_eq!(decode_bare::<Option<u8>>(&encode_bare(&5_u8).unwrap()), Ok(Some(5)));
    assert_eq!(decode_bare::<Option<String>>(&encode_bare(&Value::Null).unwrap()), Ok(None));
    assert_eq!(decode_bare::<Option<Inner>>(&encode_bare(&Inner(Some(1))).unwrap()), Ok(Some(Inner(Some(1)))));
}
