//! The catalog, and whatever else lies in a database: one that holds any rows opens or is refused, and what it answers
//! agrees with the rows.
//!
//! An input is a sequence of rows: the length of the key in one byte, that of the value in two, the key without the three
//! zeros that every one begins with here, the value.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;
use kvstore::__private::{database_of, record_of};
use kvstore::{Error, Key, Map, MapStore, NextKey, Result, Store};
use serde::{Deserialize, Serialize};

use crate::{Target, Verdict, any, mutate, within};

pub(crate) const TARGET: Target =
    Target { name: "catalog", stack: crate::THREAD, check, sample, mutate: mutate::bytes };

pub(crate) type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

/// What keys begin with, up to the kind of a row of the catalog.
const CATALOG: [u8; 4] = [0; 4];
const HEADER: u8 = 0;
const NAMESPACE: u8 = 1;
const SEQUENCE: u8 = 3;
const PROGRESS: u8 = 4;

/// The row of the header, as the book has it.
#[derive(Serialize)]
struct Header {
    format: u32,
    required: Vec<String>,
    required_to_write: Vec<String>,
    optional: Vec<String>,
}

/// The row of a namespace, as the book has it.
#[derive(Serialize, Deserialize)]
struct Row {
    id: u32,
    version: u32,
    key: String,
    fields: Option<Vec<(String, String)>>,
}

/// The store of structs.
#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    #[store(default)]
    retries: u8,
}

/// A key whose shape has variants.
#[derive(Key, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Everywhere,
    Site(String, u16),
}

fn check(input: &[u8]) -> Result<Verdict, String> {
    let rows = parse(input);
    // A row may declare a list of any length: room for up to 1 MiB of it is made before its elements are read. The locks
    // and the handles of each store are made anew for each database.
    let most = (2 << 20) + 64 * input.len();
    within(most, || explore(&rows))?
}

pub(crate) fn parse(mut input: &[u8]) -> Rows {
    let mut rows = Rows::new();
    while let Some(([key, value_0, value_1], rest)) = input.split_first_chunk() {
        let (key, rest) = rest.split_at(usize::from(*key).min(rest.len()));
        let (value, rest) = rest.split_at(usize::from(u16::from_le_bytes([*value_0, *value_1])).min(rest.len()));
        rows.insert([&[0; 3], key].concat(), value.to_vec());
        input = rest;
    }
    rows
}

fn explore(rows: &Rows) -> Result<Verdict, String> {
    let all: Vec<_> = rows.iter().map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
    let opened = database_of(&all).and_then(|db| db.namespaces().map(|listed| (db, listed)));
    let Some((db, listed)) = readable(opened)? else { return Ok(Verdict::Refused) };
    let listed: BTreeSet<_> = listed.iter().map(|info| info.name().to_owned()).collect();
    let names = rows.keys().filter_map(|key| key.strip_prefix(row_key(NAMESPACE, &[]).as_slice()));
    let names: BTreeSet<_> = names.map(|name| String::from_utf8_lossy(name).into_owned()).collect();
    if listed != names {
        return Err(format!("of the namespaces {names:?} it lists {listed:?}"));
    }
    explore_store("job", db.store::<Job>(), rows)?;
    explore_store("numbers", db.map::<u64, String>("numbers"), rows)?;
    explore_store("pairs", db.map::<(String, i32), Vec<u8>>("pairs"), rows)?;
    explore_store("places", db.map::<Place, Option<u64>>("places"), rows)?;
    if let Some(numbers) = readable(db.map::<u64, String>("numbers"))? {
        generate(&numbers)?;
    }
    for name in &listed {
        readable(db.drop_namespace(name))?;
    }
    Ok(Verdict::Accepted)
}

/// Reads all entries of a store, which are those that lie under its number.
pub(crate) fn explore_store<T: Store>(name: &str, opened: Result<MapStore<T>>, rows: &Rows) -> Result<(), String>
where
    T::Key: Ord,
{
    let Some(store) = readable(opened)? else { return Ok(()) };
    let row = rows.get(&row_key(NAMESPACE, name.as_bytes()));
    let id = row.and_then(|row| ciborium::from_reader(row.as_slice()).ok()).map(|row: Row| row.id.to_be_bytes());
    if id == Some(CATALOG) {
        return Err("the catalog is opened as a store".into());
    }
    // Of a new namespace, the number is not known here.
    let expected = id.map(|id| rows.keys().filter(|key| key.starts_with(&id)).count());
    let Some(entries) = readable(store.iter())? else { return Ok(()) };
    let (mut count, mut last) = (0, None);
    for entry in entries {
        count += 1;
        if let Some((key, _)) = readable(entry)? {
            if last.as_ref().is_some_and(|last| *last >= key) {
                return Err("a scan is out of order".into());
            }
            last = Some(key);
        }
        if count > rows.len() {
            break;
        }
    }
    if expected.is_some_and(|expected| expected != count) {
        return Err(format!("a scan of `{name}` finds {count} entries, where there are {expected:?}"));
    }
    readable(store.first())?;
    readable(store.last())?;
    readable(store.try_lock_first(..))?;
    Ok(())
}

/// Takes generated keys, which must differ and increase.
fn generate<T: Store>(store: &MapStore<T>) -> Result<(), String>
where
    T::Key: NextKey + Ord,
{
    let mut last = None;
    for _ in 0..3 {
        let Some(key) = readable(store.next_key())? else { return Ok(()) };
        if last.as_ref().is_some_and(|last| *last >= key) {
            return Err("generated keys do not increase".into());
        }
        last = Some(key);
    }
    Ok(())
}

/// The answer, or nothing for an error that damage explains.
fn readable<T>(answer: Result<T>) -> Result<Option<T>, String> {
    use Error::{Corrupt, Decode, InvalidKey, KeysExhausted, NamespaceInUse, SchemaMismatch, TooLarge, Unsupported};
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(
            Corrupt { .. }
            | Decode { .. }
            | InvalidKey { .. }
            | KeysExhausted { .. }
            | NamespaceInUse { .. }
            | SchemaMismatch { .. }
            | TooLarge { .. }
            | Unsupported { .. },
        ) => Ok(None),
        Err(other) => Err(format!("an error that damage does not explain: {other:?}")),
    }
}

fn row_key(kind: u8, rest: &[u8]) -> Vec<u8> {
    [&CATALOG, [kind].as_slice(), rest].concat()
}

/// A database of some stores, in which little is amiss.
pub(crate) fn sample(rng: &mut Rng) -> Vec<u8> {
    let mut rows = Rows::new();
    let header = Header { format: 1, required: vec![], required_to_write: vec![], optional: vec!["any".into()] };
    rows.insert(row_key(HEADER, &[]), cbor(&header));
    let field = |name: &str, ty: &str| (name.to_owned(), ty.to_owned());
    let fields = [field("owner", "String"), field("retries", "u8")];
    // Now and then without the newest field.
    let fields = fields[..rng.usize(1..=fields.len())].to_vec();
    let mut stores = [
        ("job", String::SHAPE, Some(fields), record_of::<Job>(&Job { owner: "me".into(), retries: 3 })),
        ("numbers", u64::SHAPE, None, record_of::<Map<u64, String>>(&"text".into())),
        ("pairs", <(String, i32)>::SHAPE, None, record_of::<Map<(String, i32), Vec<u8>>>(&vec![1, 2])),
        ("places", Place::SHAPE, None, record_of::<Map<Place, Option<u64>>>(&Some(7))),
    ];
    rng.shuffle(&mut stores);
    let count = rng.usize(..=stores.len());
    for (id, (name, key, fields, record)) in (1..).zip(stores.into_iter().take(count)) {
        let row = Row { id, version: 1, key: key.to_string(), fields };
        rows.insert(row_key(NAMESPACE, name.as_bytes()), cbor(&row));
        for _ in 0..rng.u32(..4) {
            let key = [id.to_be_bytes().as_slice(), &any::<Vec<u8>>(rng).unwrap_or_default()].concat();
            rows.insert(key, record.clone().unwrap_or_default());
        }
        if rng.bool() {
            rows.insert(row_key(SEQUENCE, &id.to_be_bytes()), cbor(&rng.u64(..)));
        }
        if rng.u8(..8) == 0 {
            rows.insert(row_key(PROGRESS, &rng.u32(..6).to_be_bytes()), vec![]);
        }
    }
    rows.insert(row_key(SEQUENCE, &CATALOG), cbor(&(count + 1)));
    let row = |(key, value): (Vec<u8>, Vec<u8>)| {
        let key: Vec<_> = key.into_iter().skip(3).take(255).collect();
        let size = u16::try_from(value.len()).unwrap_or(u16::MAX).to_le_bytes();
        [&[u8::try_from(key.len()).unwrap_or(u8::MAX), size[0], size[1]], key.as_slice(), &value].concat()
    };
    rows.into_iter().flat_map(row).collect()
}

fn cbor(row: &impl Serialize) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to memory does not fail.
    let _ = ciborium::into_writer(row, &mut bytes);
    bytes
}
