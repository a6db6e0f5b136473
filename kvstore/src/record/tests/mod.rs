mod lossless;
mod refused;
mod shapes;
mod unseen;

use std::collections::BTreeMap;
use std::fmt;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::*;
use crate::store::Map;

type Bare<V> = Map<u64, V>;

fn encode_bare<V: Serialize + DeserializeOwned + Send + 'static>(value: &V) -> Result<Vec<u8>, RecordError> {
    let mut bytes = Vec::new();
    encode::<u64, V, Bare<V>>(value, &mut bytes).map(|()| bytes)
}

fn decode_bare<V: Serialize + DeserializeOwned + Send + 'static>(bytes: &[u8]) -> Result<V, RecordError> {
    decode::<u64, V, Bare<V>>(&[], bytes)
}

fn reason<T: fmt::Debug>(result: Result<T, RecordError>) -> String {
    match result.unwrap_err() {
        RecordError::Wrong(reason) | RecordError::Unsupported(reason) => reason.into(),
        error @ RecordError::TooLarge { .. } => panic!("{error:?}"),
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Node {
    next: Option<Box<Node>>,
}

#[derive(Serialize, Deserialize, Debug)]
struct Nest(Vec<Nest>);

fn chain(len: usize) -> Node {
    (1..len).fold(Node { next: None }, |next, _| Node { next: Some(Box::new(next)) })
}

#[test]
fn a_bare_value_is_format_version_and_cbor() {
    assert_eq!(encode_bare(&"ab".to_string()).unwrap(), [2, 1, 0x62, b'a', b'b']);
}

#[test]
fn ciborium_reads_what_is_written() {
    let value =
        BTreeMap::from([("a".to_string(), (1_u64, -5_i32, 1.5_f64)), ("b".to_string(), (u64::MAX, i32::MIN, 0.1))]);
    let bytes = encode_bare(&value).unwrap();
    let read: BTreeMap<String, (u64, i32, f64)> = ciborium::from_reader(&bytes[2..]).unwrap();
    assert_eq!(read, value);
    assert_eq!(decode_bare::<BTreeMap<String, (u64, i32, f64)>>(&bytes).unwrap(), value);
}

#[test]
fn bytes_behind_the_value_are_an_error() {
    let mut bytes = encode_bare(&7_u32).unwrap();
    bytes.push(0);
    assert_eq!(reason(decode_bare::<u32>(&bytes)), "1 bytes follow the value");
}

#[test]
fn other_formats_and_versions_are_unsupported() {
    assert_eq!(decode_bare::<u32>(&[9, 1, 7]), Err(RecordError::Unsupported("record format 9".into())));
    assert!(matches!(decode_bare::<u32>(&[2, 2, 7]), Err(RecordError::Unsupported(_))));
    assert!(matches!(decode_bare::<u32>(&[1, 1, 0xA0]), Err(RecordError::Wrong(_))));
    for unreadable in [&[][..], &[2], &[2, 0x80], &[2, 0x81, 0], &[2, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 1]] {
        assert!(matches!(decode_bare::<u32>(unreadable), Err(RecordError::Wrong(_))), "{unreadable:?}");
    }
}

#[test]
fn what_is_nested_as_deep_as_allowed_can_be_read() {
    // A level of `Node` is one map; the innermost holds null.
    let deepest = chain(MAX_DEPTH.into());
    assert_eq!(decode_bare::<Node>(&encode_bare(&deepest).unwrap()).unwrap(), deepest);
    assert_eq!(
        reason(encode_bare(&chain(usize::from(MAX_DEPTH) + 1))),
        "it is nested deeper than 128 levels of arrays and maps"
    );
}

#[test]
fn deep_damage_does_not_exhaust_the_stack() {
    let mut bytes = vec![2, 1];
    bytes.extend(std::iter::repeat_n(0x81, 100_000));
    assert_eq!(reason(decode_bare::<Nest>(&bytes)), "it is nested deeper than 128 levels of arrays and maps");
}

#[test]
fn huge_declared_lengths_allocate_little() {
    for initial in [0x5B_u8, 0x7B, 0x9B, 0xBB] {
        let bytes = [2, 1, initial, 0xFF, 0, 0, 0, 0, 0, 0, 0];
        assert!(decode_bare::<String>(&bytes).is_err());
        assert!(decode_bare::<Vec<u64>>(&bytes).is_err());
        assert!(decode_bare::<BTreeMap<u64, u64>>(&bytes).is_err());
    }
    // Four elements are declared, and one byte is there.
    assert_eq!(reason(decode_bare::<Vec<u8>>(&[2, 1, 0x98, 4, 7])), "the record ends inside an array");
    // Each array could be as long as it says, but not all of them.
    let nested = [vec![2, 1], [0x98, 24].repeat(8), vec![0x80; 24]].concat();
    assert_eq!(reason(decode_bare::<Nest>(&nested)), "the record ends inside an array");
}

#[test]
fn arrays_and_maps_may_fill_a_record() {
    let lists = vec![Some(vec![7_u8; 300]), None, Some(vec![7; 70_000])];
    assert_eq!(decode_bare::<Vec<Option<Vec<u8>>>>(&encode_bare(&lists).unwrap()).unwrap(), lists);
    let map: BTreeMap<u8, u8> = (0..24).map(|number| (number, 0)).collect();
    assert_eq!(decode_bare::<BTreeMap<u8, u8>>(&encode_bare(&map).unwrap()).unwrap(), map);
    // Longer heads than needed take no more elements.
    assert_eq!(decode_bare::<Vec<u8>>(&[2, 1, 0x9B, 0, 0, 0, 0, 0, 0, 0, 2, 5, 6]).unwrap(), [5, 6]);
}

#[test]
fn a_triple_is_no_pair() {
    let bytes = encode_bare(&(1_u8, 2_u8, 3_u8)).unwrap();
    assert!(decode_bare::<(u8, u8)>(&bytes).is_err());
}

#[test]
fn errors_say_what_was_found() {
    let bytes = encode_bare(&"x".to_string()).unwrap();
    assert_eq!(reason(decode_bare::<BTreeMap<u8, u8>>(&bytes)), "expected map, found a string");
}
