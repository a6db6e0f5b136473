//! The types of the databases in `fixtures`, as programs of today have them.

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::time::Duration;

use kvstore::{Key, Store};
use serde::{Deserialize, Serialize};

/// A newtype of a generated key.
#[derive(Key, Debug, Clone, PartialEq)]
pub(crate) struct TicketId(pub(crate) u64);

/// A newtype of the other generated key.
#[derive(Key, Debug, Clone, PartialEq)]
pub(crate) struct LabelId(pub(crate) String);

/// A struct of several fields, the first of which is delimited.
#[derive(Key, Debug, Clone, PartialEq)]
pub(crate) struct Place {
    pub(crate) room: String,
    pub(crate) shelf: i16,
    pub(crate) label: Vec<u8>,
}

/// An enum with variants of each form.
#[derive(Key, Debug, Clone, PartialEq)]
pub(crate) enum Urgency {
    Low,
    Middle(u16),
    High { by: String, when: i64 },
    Other(Place, bool),
}

/// Every shape that a field may have.
#[derive(Store, Debug, PartialEq)]
#[store(key = String)]
pub(crate) struct Shapes {
    pub(crate) truth: bool,
    pub(crate) letter: char,
    pub(crate) small: (u8, i8, u16, i16),
    pub(crate) large: (u32, i32, u64, i64),
    pub(crate) huge: (u128, i128),
    pub(crate) single: f32,
    pub(crate) double: f64,
    pub(crate) text: String,
    pub(crate) boxed: Box<str>,
    pub(crate) unit: (),
    #[store(with = "hexadecimal")]
    pub(crate) color: u32,
    pub(crate) array: [u8; 3],
    pub(crate) span: Duration,
    pub(crate) list: Vec<i32>,
    pub(crate) queue: VecDeque<String>,
    pub(crate) tree: BTreeMap<u16, String>,
    pub(crate) table: HashMap<String, u64>,
    pub(crate) tree_set: BTreeSet<char>,
    pub(crate) hash_set: HashSet<i8>,
    pub(crate) chain: LinkedList<Option<bool>>,
    pub(crate) maybe: Option<u8>,
    #[store(with = "serde_bytes")]
    pub(crate) bytes: Vec<u8>,
    #[store(with = "serde_bytes")]
    pub(crate) maybe_bytes: Option<Vec<u8>>,
    pub(crate) nested: Nested,
    pub(crate) choices: Vec<Choice>,
    #[store(default = 3)]
    pub(crate) retries: u8,
    #[store(default)]
    pub(crate) note: String,
    #[store(skip, default = 77)]
    pub(crate) cached: u64,
    #[store(skip)]
    pub(crate) forgotten: String,
}

/// A struct within a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Nested {
    pub(crate) name: String,
    pub(crate) inner: Option<Box<Nested>>,
    pub(crate) by_number: BTreeMap<i64, (f64, bool)>,
}

/// An enum within a record.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Choice {
    None,
    One(u32),
    Two(String, i8),
    Named { x: f32, of: Option<Box<Choice>> },
}

/// A number that is stored as text.
mod hexadecimal {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
    pub(crate) fn serialize<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        format!("{number:x}").serialize(serializer)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        u32::from_str_radix(&String::deserialize(deserializer)?, 16).map_err(D::Error::custom)
    }
}

/// Heaps can't be compared.
#[derive(Store)]
#[store(key = bool)]
pub(crate) struct Heap {
    pub(crate) heap: BinaryHeap<u32>,
}

/// An entry whose generated key is in the value.
#[derive(Store, Debug, PartialEq)]
pub(crate) struct Ticket {
    #[store(key)]
    pub(crate) id: TicketId,
    pub(crate) title: String,
}

/// A store whose fields have become more.
pub(crate) mod first {
    use kvstore::Store;

    /// As it was.
    #[derive(Store, Debug, PartialEq)]
    #[store(namespace = "jobs", key = u32)]
    pub(crate) struct Job {
        pub(crate) owner: String,
    }
}

/// As it is.
#[derive(Store, Debug, PartialEq)]
#[store(namespace = "jobs", key = u32)]
pub(crate) struct Job {
    pub(crate) attempts: BTreeMap<u32, String>,
    pub(crate) owner: String,
    pub(crate) error: Option<String>,
    #[store(default = 5)]
    pub(crate) retries: u8,
}
