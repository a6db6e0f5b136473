//! The stores that are damaged, and their keys and values as text.
//!
//! The oracle compares text: that of a key is ordered as the key is.

use std::fmt::{Debug, Write};

use kvstore::{Database, Map, MapStore, Scan, Store};
use kvstore_tests::TestResult;

/// With the key beside the value.
#[derive(Debug, Store)]
#[store(key = String)]
pub(super) struct Account {
    pub(super) owner: String,
    pub(super) balance: i64,
    pub(super) tags: Vec<String>,
    pub(super) note: Option<String>,
}

/// With a key in the value, and generated.
#[derive(Debug, Store)]
pub(super) struct Document {
    #[store(key)]
    pub(super) id: u64,
    pub(super) body: String,
    #[store(with = "serde_bytes")]
    pub(super) digest: Vec<u8>,
}

/// Bare values under keys of two parts.
pub(super) type Lists = Map<(String, u32), Vec<u64>>;
/// Namespaces that are dropped.
pub(super) type Scratch = Map<u64, String>;

pub(super) const ACCOUNTS: &str = "account";
pub(super) const DOCUMENTS: &str = "document";
pub(super) const LISTS: &str = "lists";
/// With a number behind it.
pub(super) const SCRATCH: &str = "scratch-";

/// How the oracle reads a store.
pub(super) struct Kind<T: Store> {
    pub(super) open: fn(&Database, &str) -> kvstore::Result<MapStore<T>>,
    pub(super) key: fn(&str) -> TestResult<T::Key>,
    pub(super) text: fn(&T::Key) -> String,
    /// A scan of some of the entries, and which these are by the text of their keys.
    pub(super) part: fn(&MapStore<T>) -> kvstore::Result<Scan<T>>,
    pub(super) is_in_part: fn(&str) -> bool,
}

/// A call for a store of whatever type.
pub(super) trait Visit {
    type Answer;
    fn visit<T: Store>(&mut self, namespace: &str, kind: &Kind<T>) -> TestResult<Self::Answer>
    where
        T::Value: Debug;
}

/// Calls `visit` with the kind of a namespace.
pub(super) fn visit<V: Visit>(namespace: &str, visit: &mut V) -> TestResult<V::Answer> {
    match namespace {
        ACCOUNTS => visit.visit(namespace, &accounts()),
        DOCUMENTS => visit.visit(namespace, &documents()),
        LISTS => visit.visit(namespace, &lists()),
        _ if namespace.starts_with(SCRATCH) => visit.visit(namespace, &scratch()),
        _ => Err(format!("a namespace `{namespace}` that nobody made").into()),
    }
}

fn accounts() -> Kind<Account> {
    Kind {
        open: |db, _| db.store(),
        key: |text| Ok(text.to_owned()),
        text: Clone::clone,
        part: |store| store.prefix("c"),
        is_in_part: |text| text.starts_with('c'),
    }
}

fn documents() -> Kind<Document> {
    Kind {
        open: |db, _| db.store(),
        key: |text| Ok(text.parse()?),
        text: |key| number(*key),
        part: |store| store.range(5..2_000),
        is_in_part: |text| text >= number(5).as_str() && text < number(2_000).as_str(),
    }
}

fn lists() -> Kind<Lists> {
    Kind {
        open: |db, namespace| db.map(namespace),
        key: |text| {
            let (name, number) = text.split_once('/').ok_or("no key of a list")?;
            Ok((name.to_owned(), number.parse()?))
        },
        // All names are of one length.
        text: |(name, part)| format!("{name}/{}", number(u64::from(*part))),
        part: |store| store.prefix(("mm",)),
        is_in_part: |text| text.starts_with("mm/"),
    }
}

fn scratch() -> Kind<Scratch> {
    Kind {
        open: |db, namespace| db.map(namespace),
        key: |text| Ok(text.parse()?),
        text: |key| number(*key),
        part: |store| store.range(..=3),
        is_in_part: |text| text <= number(3).as_str(),
    }
}

/// A number as text that is ordered as numbers are.
pub(super) fn number(number: u64) -> String {
    format!("{number:020}")
}

/// Letters that don't compress well.
pub(super) fn letters(rng: &mut fastrand::Rng, length: std::ops::Range<usize>) -> String {
    let length = rng.usize(length);
    let mut text = String::with_capacity(length);
    for _ in 0..length {
        text.push(rng.alphanumeric());
    }
    text
}

impl Account {
    pub(super) fn random(rng: &mut fastrand::Rng) -> Self {
        Self {
            owner: letters(rng, 5..200),
            balance: rng.i64(..),
            tags: (0..rng.usize(..4)).map(|_| letters(rng, 0..20)).collect(),
            note: rng.bool().then(|| letters(rng, 0..100)),
        }
    }
}

impl Document {
    /// Under a key that is to be generated.
    pub(super) fn random(rng: &mut fastrand::Rng) -> Self {
        let mut digest = vec![0; 32];
        rng.fill(&mut digest);
        Self { id: 0, body: letters(rng, 100..2_000), digest }
    }
}

/// Random elements of a list.
pub(super) fn list(rng: &mut fastrand::Rng) -> Vec<u64> {
    (0..rng.usize(..40)).map(|_| rng.u64(..)).collect()
}

/// A value as text, on one line.
pub(super) fn text(value: &impl Debug) -> String {
    let mut text = String::new();
    // Writing to a String does not fail.
    let _ = write!(text, "{value:?}");
    text
}
