//! Keys: what decodes is canonical, and its bytes order as the keys do.
//!
//! An input is the number of a type, the place of a cut, and bytes.

use std::cmp::Reverse;
use std::marker::PhantomData;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arbitrary::{Arbitrary, Unstructured};
use fastrand::Rng;
use kvstore::__private::KeyBuf;
use kvstore::Key;

use crate::{Target, Verdict, any, mutate, within};

pub(crate) const TARGET: Target = Target { name: "keys", stack: crate::THREAD, check, sample, mutate: mutate::bytes };

/// One type of keys.
struct Subject {
    check: fn(&[u8], usize) -> Result<Verdict, String>,
    sample: fn(&mut Rng) -> Option<Sample>,
}

/// Two keys, and where the second begins.
type Sample = (Vec<u8>, usize);

const fn subject<K: Key + Ord + for<'a> Arbitrary<'a>>() -> Subject {
    Subject { check: check_type::<K>, sample: sample_type::<K> }
}

const SUBJECTS: &[Subject] = &[
    subject::<bool>(),
    subject::<char>(),
    subject::<u8>(),
    subject::<u16>(),
    subject::<u32>(),
    subject::<u64>(),
    subject::<u128>(),
    subject::<i8>(),
    subject::<i16>(),
    subject::<i32>(),
    subject::<i64>(),
    subject::<i128>(),
    subject::<String>(),
    subject::<Vec<u8>>(),
    subject::<[u8; 0]>(),
    subject::<[u8; 3]>(),
    subject::<[u8; 16]>(),
    subject::<(String, String)>(),
    subject::<(Vec<u8>, u16)>(),
    subject::<(String, Vec<u8>, i64)>(),
    subject::<(bool, String, [u8; 2], Vec<u8>)>(),
    subject::<(u16, String, String, char, Vec<u8>)>(),
    subject::<(String, Vec<u8>, String, Vec<u8>, String, Vec<u8>)>(),
    subject::<((String, Vec<u8>), String)>(),
    subject::<(Vec<u8>, (String, (Vec<u8>, i8)))>(),
    subject::<Id>(),
    subject::<Name>(),
    subject::<Level>(),
    subject::<Place>(),
    subject::<(Level, Place, String)>(),
    subject::<NonZero<u8>>(),
    subject::<NonZero<i64>>(),
    subject::<(NonZero<u128>, String)>(),
    subject::<Ipv4Addr>(),
    subject::<Ipv6Addr>(),
    subject::<(IpAddr, Vec<u8>)>(),
    subject::<SocketAddrV4>(),
    subject::<SocketAddrV6>(),
    subject::<(SocketAddr, String)>(),
    subject::<Duration>(),
    subject::<Time>(),
    subject::<(Time, Duration, String)>(),
    subject::<(Box<str>, Arc<str>, Box<[u8]>, Arc<[u8]>)>(),
    subject::<(String,)>(),
    subject::<Option<String>>(),
    subject::<(Option<Vec<u8>>, Option<Option<u16>>, String)>(),
    subject::<Reverse<u32>>(),
    subject::<Reverse<String>>(),
    subject::<(Reverse<String>, Reverse<Vec<u8>>, String)>(),
    subject::<Reverse<(String, Option<Place>)>>(),
    subject::<Reverse<Reverse<Level>>>(),
    subject::<Even>(),
    subject::<(Typed<String>, String)>(),
];

/// A key over another.
#[derive(Key, Arbitrary, PartialEq, Eq, PartialOrd, Ord)]
struct Id(u64);

/// A key over text.
#[derive(Key, Arbitrary, PartialEq, Eq, PartialOrd, Ord)]
struct Name(String);

/// A key of several fields.
#[derive(Key, Arbitrary, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    owner: Name,
    level: Level,
    number: i32,
    rest: Vec<u8>,
}

/// A key of variants.
#[derive(Key, Arbitrary, PartialEq, Eq, PartialOrd, Ord)]
enum Level {
    Low,
    Middle(String, u8),
    High { by: i16, name: String },
}

/// A point in time, not later than the platform has.
#[derive(Key, PartialEq, Eq, PartialOrd, Ord)]
struct Time(SystemTime);

impl<'a> Arbitrary<'a> for Time {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let (before, span) = (bool::arbitrary(u)?, Duration::new(u64::from(u32::arbitrary(u)?), u32::arbitrary(u)?));
        let epoch = SystemTime::UNIX_EPOCH;
        Ok(Self(if before { epoch - span } else { epoch + span }))
    }
}

/// A number that refuses half of what is read.
#[derive(Key, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[key(as = "(u32, String)")]
struct Even(u32, String);

impl From<Even> for (u32, String) {
    fn from(even: Even) -> Self {
        (even.0, even.1)
    }
}

impl TryFrom<(u32, String)> for Even {
    type Error = ();

    fn try_from((number, text): (u32, String)) -> Result<Self, ()> {
        if number % 2 == 0 { Ok(Self(number, text)) } else { Err(()) }
    }
}

impl<'a> Arbitrary<'a> for Even {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        Ok(Self(u32::arbitrary(u)? & !1, String::arbitrary(u)?))
    }
}

/// A number with a marker.
#[derive(Key, Arbitrary, PartialEq, Eq, PartialOrd, Ord)]
struct Typed<T>(u16, PhantomData<T>);

fn check(input: &[u8]) -> Result<Verdict, String> {
    let Some(([number, cut], bytes)) = input.split_first_chunk() else { return Ok(Verdict::Refused) };
    let subject = &SUBJECTS[usize::from(*number) % SUBJECTS.len()];
    (subject.check)(bytes, usize::from(*cut)).map_err(|wrong| format!("key type {number}: {wrong}"))
}

/// A key in its two forms, behind one another.
fn sample(rng: &mut Rng) -> Vec<u8> {
    loop {
        let number = rng.usize(..SUBJECTS.len());
        if let Some((bytes, cut)) = (SUBJECTS[number].sample)(rng) {
            let head = [number, cut].map(|number| u8::try_from(number).unwrap_or(u8::MAX));
            return [&head, bytes.as_slice()].concat();
        }
    }
}

fn sample_type<K: Key + for<'a> Arbitrary<'a>>(rng: &mut Rng) -> Option<Sample> {
    let (first, second) = (any::<K>(rng)?, any::<K>(rng)?);
    let forms = if rng.bool() {
        [encoded(&first, K::encode_last), encoded(&second, K::encode_last)]
    } else {
        [encoded(&first, K::encode_part), encoded(&second, K::encode_part)]
    };
    Some((forms.concat(), forms[0].len()))
}

fn encoded<K>(key: &K, encode: fn(&K, &mut KeyBuf)) -> Vec<u8> {
    let mut bytes = KeyBuf::new();
    encode(key, &mut bytes);
    bytes.as_slice().to_vec()
}

/// A key with the bytes that it was read from.
struct Read<'a, K> {
    key: K,
    bytes: &'a [u8],
}

/// Reads all the bytes as a key, those before and behind the cut, and as one part behind another.
pub(crate) fn check_type<K: Key + Ord>(bytes: &[u8], cut: usize) -> Result<Verdict, String> {
    let (head, tail) = bytes.split_at(cut.min(bytes.len()));
    // A string that grows byte by byte has room for twice its bytes, and is copied as it grows.
    let most = 256 + 4 * bytes.len();
    let mut wholes = Vec::new();
    for bytes in [bytes, head, tail] {
        if let Ok(key) = within(most, || K::decode_last(bytes))? {
            if encoded(&key, K::encode_last) != bytes {
                return Err("a key is written with other bytes than it was read from".into());
            }
            wholes.push(Read { key, bytes });
        }
    }
    let mut parts = Vec::new();
    let mut rest = bytes;
    while parts.len() < 8 {
        let before = rest;
        let Ok(key) = within(most, || K::decode_part(&mut rest))? else { break };
        let read = before.strip_suffix(rest).ok_or("a part moved to some other place")?;
        if encoded(&key, K::encode_part) != read {
            return Err("a part is written with other bytes than it was read from".into());
        }
        parts.push(Read { key, bytes: read });
    }
    check_order(&wholes)?;
    check_order(&parts)?;
    for (a, b) in pairs(&parts) {
        if a.key != b.key && b.bytes.starts_with(a.bytes) {
            return Err("a part is the beginning of another".into());
        }
    }
    Ok(if wholes.is_empty() && parts.is_empty() { Verdict::Refused } else { Verdict::Accepted })
}

fn pairs<T>(all: &[T]) -> impl Iterator<Item = (&T, &T)> {
    all.iter().flat_map(move |a| all.iter().map(move |b| (a, b)))
}

fn check_order<K: Ord>(keys: &[Read<'_, K>]) -> Result<(), String> {
    match pairs(keys).find(|(a, b)| a.key.cmp(&b.key) != a.bytes.cmp(b.bytes)) {
        None => Ok(()),
        Some((a, b)) => Err(format!("bytes do not order as their keys do: {:02x?} and {:02x?}", a.bytes, b.bytes)),
    }
}
