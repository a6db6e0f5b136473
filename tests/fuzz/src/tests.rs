//! The oracles find what is planted.

use std::cmp::Ordering;

use arbitrary::Arbitrary;
use kvstore::__private::{DerivedKey, KeyBuf, KeyCodec, KeyError, database_of};
use kvstore::{Key, Map, Shape};
use proc_macro2::TokenStream;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::*;

/// What a check finds wrong.
fn wrong(found: Result<Verdict, String>) -> String {
    match found {
        Err(wrong) => wrong,
        Ok(verdict) => panic!("{verdict:?}"),
    }
}

#[test]
fn panics_and_memory_are_seen() {
    let check = |input: &[u8]| panic!("{} bytes", input.len());
    let target = Target { check, ..keys::TARGET };
    assert_eq!(wrong(target.check(&[1, 2])), "it panicked: 2 bytes");
    assert!(within(4096, || vec![0_u8; 4096]).is_ok());
    assert!(within(4096, || drop(vec![0_u8; 4097])).is_err_and(|wrong| wrong.contains("4097 bytes")));
}

/// A key whose order is not that of its bytes.
#[derive(Key, PartialEq, Eq)]
struct Reversed(u8);

impl PartialOrd for Reversed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Reversed {
    fn cmp(&self, other: &Self) -> Ordering {
        other.0.cmp(&self.0)
    }
}

/// A key that is read from more than what it is written as.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Lax(bool);

impl KeyCodec for Lax {
    type Root = Self;
    fn encode_last(&self, out: &mut KeyBuf) {
        self.0.encode_last(out);
    }
    fn encode_part(&self, out: &mut KeyBuf) {
        self.0.encode_part(out);
    }
    fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
        bytes.first().map(|byte| Self(*byte > 0)).ok_or(KeyError::Short)
    }
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError> {
        bool::decode_part(bytes).map(Self)
    }
}

impl DerivedKey for Lax {
    const DERIVED_SHAPE: Shape = Shape::Bool;
}

#[test]
fn wrong_keys_are_seen() {
    assert!(wrong(keys::check_type::<Reversed>(&[1, 2], 1)).contains("do not order"));
    for bytes in [[1, 0].as_slice(), &[2]] {
        assert!(wrong(keys::check_type::<Lax>(bytes, 0)).contains("written with other bytes"));
    }
    assert_eq!(keys::check_type::<Lax>(&[1], 1), Ok(Verdict::Accepted));
}

/// A value that grows whenever it is written.
#[derive(Deserialize, Arbitrary, PartialEq)]
struct Growing(u32);

impl Serialize for Growing {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0 + 1)
    }
}

/// A value that takes memory for no reason.
#[derive(Serialize, Arbitrary, PartialEq)]
struct Greedy(u32);

impl<'de> Deserialize<'de> for Greedy {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        drop(std::hint::black_box(vec![0_u8; 1 << 20]));
        u32::deserialize(deserializer).map(Self)
    }
}

#[test]
fn wrong_records_are_seen() {
    let check = |subject: &records::Subject, record: &[u8]| wrong((subject.check)(record, subject));
    assert!(check(&records::subject::<Map<u64, Growing>>(8), &[2, 1, 7]).contains("another one"));
    assert!(check(&records::subject::<Map<u64, Greedy>>(8), &[2, 1, 7]).contains("memory"));
    // The one thing on which the referee differs: `Some(None)`.
    let some_none = [&[2, 1, 0xDA][..], b"some", &[0xF6]].concat();
    assert!(check(&records::subject::<Map<u64, Option<Option<u8>>>>(8), &some_none).contains("the referee"));
}

#[test]
fn wrong_databases_are_seen() {
    let mut rng = Rng::with_seed(1);
    let has_numbers = |rows: &catalog::Rows| rows.contains_key(b"\0\0\0\0\x01numbers".as_slice());
    let samples = std::iter::repeat_with(|| catalog::parse(&catalog::sample(&mut rng)));
    let rows = samples.take(100).find(has_numbers).unwrap();
    let all: Vec<_> = rows.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
    let numbers = || database_of(&all).unwrap().map::<u64, String>("numbers");
    catalog::explore_store("numbers", numbers(), &rows).unwrap();
    // As if an entry had been lost.
    let mut more = rows.clone();
    more.extend((1..5).map(|id| (vec![0, 0, 0, id, 0xFF], vec![])));
    assert!(catalog::explore_store("numbers", numbers(), &more).unwrap_err().contains("entries"));
    let closed = Err(kvstore::Error::Closed);
    assert!(catalog::explore_store::<Map<u64, String>>("numbers", closed, &rows).is_err());
}

#[test]
fn wrong_derives_are_seen() {
    let item: TokenStream = "struct A;".parse().unwrap();
    let derived = |answer: fn(TokenStream) -> TokenStream| derive::derives(answer, &item, "Key");
    assert!(derived(|_| TokenStream::new()).unwrap_err().contains("neither"));
    assert!(derived(|_| "fn".parse().unwrap()).unwrap_err().contains("no items"));
    assert!(derived(|_| "compile_error!(\"\");".parse().unwrap()).unwrap_err().contains("without a message"));
    assert_eq!(derived(|_| "compile_error!(\"no\");".parse().unwrap()), Ok(false));
    assert_eq!(derived(|_| "impl ::kvstore::Key for A {}".parse().unwrap()), Ok(true));
}

#[test]
fn wrong_logs_are_seen() {
    let (log, count) = files::framed(&[0, 3, 0, 1, b'a']);
    assert_eq!(files::check_log(&log, count), Ok(Verdict::Accepted));
    assert!(wrong(files::check_log(&log, Some(2))).contains("of 2 records 1 were read"));
}

#[test]
fn samples_are_accepted() {
    for target in TARGETS {
        let mut rng = Rng::with_seed(1);
        let verdicts = (0..60).map(|_| target.check(&(target.sample)(&mut rng)).unwrap());
        let accepted = verdicts.filter(|verdict| *verdict == Verdict::Accepted).count();
        assert!(accepted > 20, "{}: {accepted}", target.name);
    }
}
