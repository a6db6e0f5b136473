//! The types of entries that are read. Each derives `Deserialize` for the referee alone.

#![allow(
    clippy::linkedlist,
    clippy::option_option,
    clippy::zero_sized_map_values,
    reason = "every type that can be stored is read"
)]

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::hash::{BuildHasherDefault, DefaultHasher};

use arbitrary::Arbitrary;
use kvstore::{Map, Store};
use serde::{Deserialize, Serialize};

use super::{Subject, subject};

/// Of enums without a tag in front: serde copies all that is nested in one at each of up to 256 levels.
const NESTED: usize = 16 << 10;

pub(super) const SUBJECTS: &[Subject] = &[
    subject::<Job>(256),
    subject::<Numbers>(256),
    subject::<Collections>(512),
    subject::<Work>(256),
    subject::<Shapes>(512),
    subject::<Map<u64, u128>>(8),
    subject::<Map<u64, String>>(8),
    subject::<Map<u64, Vec<u64>>>(64),
    subject::<Map<u64, BTreeMap<String, (u64, i32, Float)>>>(512),
    subject::<Map<u64, HashMap<String, Vec<Option<u32>>, Fixed>>>(512),
    subject::<Map<u64, Vec<Wide>>>(2048),
    subject::<Map<u64, Tree>>(512),
    subject::<Map<u64, Chain>>(256),
    subject::<Map<u64, Nest>>(1024),
    subject::<Map<u64, Vec<Untagged>>>(NESTED),
    subject::<Map<u64, Vec<Tagged>>>(NESTED),
    subject::<Units>(256),
    Subject { is_refereed: false, ..subject::<Map<u64, Vec<Nothings>>>(1024) },
];

/// Hashes alike in every run, so that a seed makes the same record each time.
type Fixed = BuildHasherDefault<DefaultHasher>;

/// A float, where a number that is none equals itself.
#[derive(Serialize, Deserialize, Arbitrary, Clone, Copy)]
pub(super) struct Float(f64);

impl PartialEq for Float {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits() || self.0.is_nan() && other.0.is_nan()
    }
}

/// A smaller one.
#[derive(Serialize, Deserialize, Arbitrary, Clone, Copy)]
struct SmallFloat(f32);

impl PartialEq for SmallFloat {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_bits() == other.0.to_bits() || self.0.is_nan() && other.0.is_nan()
    }
}

/// What most entries look like.
#[derive(Store, Deserialize, Arbitrary, PartialEq)]
#[store(key = u64)]
pub(super) struct Job {
    owner: String,
    attempts: BTreeMap<u32, String>,
    error: Option<String>,
    #[store(default = 3)]
    retries: u8,
}

/// Every number, and characters.
#[derive(Store, Deserialize, Arbitrary, PartialEq)]
#[store(key = u64)]
pub(super) struct Numbers {
    a: (u8, u16, u32, u64, u128),
    b: (i8, i16, i32, i64, i128),
    c: [i16; 3],
    float: Float,
    small: SmallFloat,
    is_true: bool,
    letter: char,
    large: Vec<u128>,
    #[store(default)]
    size: usize,
}

/// Every collection.
#[derive(Store, Deserialize, Arbitrary, PartialEq)]
#[store(key = u64)]
pub(super) struct Collections {
    list: Vec<Vec<u64>>,
    deque: VecDeque<String>,
    linked: LinkedList<u8>,
    map: BTreeMap<(u8, String), Option<Float>>,
    hashed: HashMap<u64, HashMap<String, bool, Fixed>, Fixed>,
    set: BTreeSet<i64>,
    hashed_set: HashSet<char, Fixed>,
    optional: Option<Vec<Option<u8>>>,
}

/// Every attribute that changes the record.
#[derive(Store, Deserialize, Arbitrary, PartialEq)]
pub(super) struct Work {
    #[store(key)]
    #[serde(skip)]
    #[arbitrary(value = 0)]
    id: u64,
    #[store(with = "serde_bytes")]
    #[serde(with = "serde_bytes")]
    data: Vec<u8>,
    #[store(skip, default = Self::CACHED)]
    #[serde(skip, default = "Work::cached")]
    #[arbitrary(value = Self::CACHED)]
    cached: u64,
    #[store(skip)]
    #[serde(skip)]
    #[arbitrary(default)]
    seen: Vec<String>,
    #[store(default = Some(Box::new(7)))]
    next: Option<Box<u32>>,
    r#type: Box<str>,
    #[store(type = "Text")]
    text: String,
}

impl Work {
    const CACHED: u64 = 5;

    fn cached() -> u64 {
        Self::CACHED
    }
}

/// Types of the program's own, in fields.
#[derive(Store, Deserialize, Arbitrary, PartialEq)]
#[store(key = u64)]
pub(super) struct Shapes {
    state: State,
    history: Vec<State>,
    by_state: BTreeMap<String, State>,
    tree: Option<Tree>,
    wide: Wide,
    pair: Pair,
}

#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
enum State {
    Waiting,
    Running(u32),
    Failed(String, Option<i64>),
    Done { at: u64, by: Option<String>, parts: Vec<State> },
}

#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
struct Pair(u8, String);

/// An element that takes little of a record, and much memory.
#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
pub(super) struct Wide {
    #[serde(default)]
    numbers: [u64; 32],
    #[serde(default)]
    rest: Option<[u128; 4]>,
}

/// Nested by way of an enum.
#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
pub(super) enum Tree {
    Leaf(i64),
    Pair(Box<Tree>, Box<Tree>),
    Many(Vec<Tree>),
    Named { name: String, child: Option<Box<Tree>>, numbers: [u64; 8] },
}

/// Nested by way of an option.
#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
pub(super) struct Chain {
    next: Option<Box<Chain>>,
    #[serde(default)]
    text: String,
}

/// Nested in the fewest bytes: one for each level.
#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
pub(super) struct Nest(Vec<Nest>);

/// Read by trial and error, from a copy in memory.
#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
#[serde(untagged)]
pub(super) enum Untagged {
    Number(u64),
    Text(String),
    Flag(bool),
    List(Vec<Untagged>),
    Map { left: i64, right: Option<Box<Untagged>> },
}

/// The variant lies among the fields.
#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
#[serde(tag = "kind", deny_unknown_fields)]
pub(super) enum Tagged {
    Empty,
    Named { name: String, inner: Vec<Tagged> },
    Counted { count: u32, more: Option<Box<Tagged>> },
}

/// What takes no room.
#[derive(Store, Deserialize, Arbitrary, PartialEq)]
#[store(key = u64)]
pub(super) struct Units {
    unit: (),
    list: Vec<()>,
    map: HashMap<u8, (), Fixed>,
    none: [u64; 0],
    marker: Marker,
}

#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
struct Marker;

/// `Some`s of what seems to be nothing.
#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
pub(super) struct Nothings {
    literal: Option<Option<Option<u8>>>,
    newtype: Option<Discount>,
    boxed: Option<Box<Option<u64>>>,
    unit: Option<()>,
    list: List,
    untagged: Nothing,
}

#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
struct Discount(Option<u8>);

#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
struct List(Option<Box<List>>);

#[derive(Serialize, Deserialize, Arbitrary, PartialEq)]
#[serde(untagged)]
enum Nothing {
    List(Vec<u64>),
    Unit,
    Maybe { value: Option<Option<u8>>, unit: Option<()> },
}
