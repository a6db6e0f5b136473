//! What is written is read back equal, or the commit says no and writes nothing.

#![allow(clippy::unwrap_used, clippy::panic, reason = "where a helper of a test fails, the test fails")]

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet};
use std::fmt::Debug;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use kvstore::{Database, ElementDeque, ElementMap, Error, IgnoreUnknown, Outcome, ReadBack, Store};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(untagged)]
enum Cell {
    Empty,
    Number(f64),
    Text(String),
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Discount(Option<u8>);

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct List(Option<Box<List>>);

#[derive(Store, Debug, Clone, PartialEq)]
#[store(key = String)]
struct Document {
    body: Value,
    cell: Cell,
    list: List,
    discount: Option<Discount>,
    shared: Option<Box<Option<u8>>>,
    parts: ElementMap<u32, Value>,
    rows: ElementDeque<Option<Discount>>,
}

#[test]
fn units_and_options_of_nothing_are_read_back() -> kvstore::Result<()> {
    let documents = Database::in_memory()?.store::<Document>()?;
    let written = Document {
        body: json!({ "id": 7, "deleted_at": null, "tags": [null, "a", []] }),
        cell: Cell::Empty,
        list: List(Some(Box::new(List(Some(Box::new(List(None))))))),
        discount: Some(Discount(None)),
        shared: Some(Box::new(None)),
        parts: ElementMap::new(),
        rows: ElementDeque::new(),
    };
    let mut document = documents.create("a", written.clone())?;
    document.elements(Document::PARTS).insert(1, Value::Null)?;
    let rows = [None, Some(Discount(None)), Some(Discount(Some(3)))];
    for row in rows.clone() {
        document.elements(Document::ROWS).push_back(row)?;
    }
    document.commit()?;
    assert_eq!(documents.get("a")?, Some(written.clone()));
    assert_eq!(documents.get_shared("a")?.as_deref(), Some(&written));
    assert_eq!(documents.elements(Document::PARTS, "a").get(1)?, Some(Value::Null));
    let read: Vec<_> = documents.elements(Document::ROWS, "a").iter()?.collect::<kvstore::Result<_>>()?;
    assert_eq!(read, rows);

    let map = Database::in_memory()?.map::<u8, Option<Cell>>("cells")?;
    for (key, cell) in (0..).zip([None, Some(Cell::Empty), Some(Cell::Number(1.0)), Some(Cell::Text(String::new()))]) {
        map.put(key, cell.clone())?;
        assert_eq!(map.get(key)?, Some(cell));
    }
    Ok(())
}

/// Refuses a value as the value of a map, as a field and as an element, for the same reason, and writes nothing.
#[track_caller]
fn refused<T>(value: T, reason: &str)
where
    T: Serialize + DeserializeOwned + Debug + Clone + Send + 'static,
{
    let db = Database::builder().read_back(ReadBack::First(5)).in_memory().unwrap();
    let map = db.map::<u8, T>("map").unwrap();
    for _ in 0..2 {
        match map.put(1, value.clone()) {
            Err(Error::Encode { reason: found, .. }) => assert!(found.contains(reason), "{found}"),
            other => panic!("{value:?}: {other:?}"),
        }
    }
    assert!(!map.contains(1).unwrap() && map.iter().unwrap().next().is_none());
    map.create(1, value).unwrap().release();
}

/// Reads a value back as it was.
#[track_caller]
fn same<T>(value: T)
where
    T: Serialize + DeserializeOwned + Debug + Clone + PartialEq + Send + 'static,
{
    let map = Database::in_memory().unwrap().map::<u8, T>("map").unwrap();
    map.put(1, value.clone()).unwrap();
    assert_eq!(map.get(1).unwrap(), Some(value));
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(tag = "kind")]
enum Event {
    Paid { amount: i128 },
    Login { from: IpAddr },
    Done { result: () },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(untagged)]
enum Either {
    Large(u128),
    Address(SocketAddr),
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Flat {
    id: u64,
    #[serde(flatten)]
    by_number: BTreeMap<u8, String>,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Pair(#[serde(skip_serializing_if = "Option::is_none")] Option<u8>, u8);

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct WriteOnly {
    name: String,
    #[serde(skip_serializing)]
    password: String,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Page {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tags: Vec<u8>,
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
#[serde(tag = "kind")]
enum Shape {
    Point { x: u8 },
}

#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Place {
    x: u8,
}

/// Whether there is a place can't be told from the fields.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Beside {
    #[serde(flatten)]
    shape: Shape,
    #[serde(flatten)]
    place: Option<Place>,
}

/// Comes back as what the default is.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
struct Limit {
    #[serde(default = "three", skip_serializing_if = "is_zero")]
    retries: u8,
}

fn three() -> u8 {
    3
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

#[test]
fn what_serde_can_not_read_back_is_refused() {
    let buffered = "inside `tag`, `untagged` and `flatten` serde has no 128-bit integers";
    let address: IpAddr = Ipv4Addr::LOCALHOST.into();
    refused(Event::Paid { amount: 3 }, buffered);
    refused(Event::Login { from: address }, buffered);
    refused(Either::Large(u128::MAX), "it can't be read back");
    refused(Either::Address((address, 80).into()), "it can't be read back");
    refused(Flat { id: 1, by_number: [(1, "a".into())].into() }, "it can't be read back");
    refused(Pair(None, 1), "it can't be read back: expected a tuple of 2, found an array of 1");
    refused(WriteOnly { name: "a".into(), password: "b".into() }, "needs `#[serde(default)]`");
    refused(Page { tags: vec![] }, "it can't be read back: missing field `tags`");
    refused(Limit { retries: 0 }, "it is read back as another value");
    refused(Beside { shape: Shape::Point { x: 1 }, place: None }, "it is read back as another value");
    refused(vec![Limit { retries: 1 }, Limit { retries: 0 }], "it is read back as another value");
    same(Event::Done { result: () });
    same(Flat { id: 1, by_number: BTreeMap::new() });
    same(Pair(Some(2), 1));
    same(Page { tags: vec![1] });
    same(Limit { retries: 1 });
    same((address, SocketAddr::from((address, 80)), u128::MAX, i128::MIN));
}

#[derive(Store)]
#[store(key = u8)]
struct Entry {
    page: Page,
    event: Event,
    pages: ElementMap<u8, Page>,
    queue: ElementDeque<Page>,
}

#[test]
fn the_field_and_the_element_are_named_and_the_guard_is_kept() -> kvstore::Result<()> {
    let (db, faults) = Database::in_memory_with_faults()?;
    let entries = db.store::<Entry>()?;
    // Nothing reaches the engine, or this would fail in another way.
    faults.fail_next_writes(1, Outcome::Unknown);
    let page = || Page { tags: vec![1] };
    let login = || Event::Login { from: Ipv4Addr::LOCALHOST.into() };
    let error = entries.insert(1, EntryInit { page: page(), event: login() }).unwrap_err();
    assert!(error.to_string().contains("it can't be read back: field `event`: invalid type"), "{error}");
    let mut entry = entries.create(2, EntryInit { page: Page { tags: vec![] }, event: Event::Done { result: () } })?;
    let error = entry.save().unwrap_err().to_string();
    assert!(error.contains("field `page`: missing field `tags`"), "{error}");
    let error = entry.elements(Entry::PAGES).insert(7, Page { tags: vec![] }).unwrap_err().to_string();
    assert!(error.contains("element pages[7]: it can't be read back: missing field `tags`"), "{error}");
    let error = entry.elements(Entry::QUEUE).push_front(Page { tags: vec![] }).unwrap_err().to_string();
    assert!(error.contains("element queue[-1]: it can't be read back"), "{error}");
    assert!(matches!(entries.try_lock(2), Err(Error::Locked { .. })));
    faults.fail_next_writes(0, Outcome::Unknown);
    entry.page = page();
    entry.elements(Entry::PAGES).insert(7, page())?;
    entry.save()?;
    drop(entry);
    assert_eq!(entries.get(2)?.map(|entry| entry.page), Some(page()));
    Ok(())
}

#[test]
fn collections_that_hash_may_have_another_order() {
    for _ in 0..20 {
        let numbers = (0..100).map(|number| (number, vec![number; 3]));
        same(numbers.clone().collect::<HashMap<_, _>>());
        same((numbers.clone().collect::<HashMap<_, _>>(), (0..50).collect::<HashSet<u64>>()));
        same(vec![Some(numbers.collect::<HashMap<u64, Vec<u64>>>())]);
        same(BTreeSet::from([Some(Some(1)), None, Some(None)]));
    }
    let map = Database::in_memory().unwrap().map::<u8, BinaryHeap<u8>>("heaps").unwrap();
    for round in 0..50 {
        map.put(round, (0..round).rev().chain(0..20).collect()).unwrap();
    }
}

#[test]
fn the_first_records_of_a_store_are_read_back_and_then_no_more() -> kvstore::Result<()> {
    let bad = || Page { tags: vec![] };
    let puts_refused = |setting: Option<ReadBack>| -> kvstore::Result<[usize; 2]> {
        let builder = Database::builder();
        let builder = if let Some(setting) = setting { builder.read_back(setting) } else { builder };
        let db = builder.in_memory()?;
        let (first, second) = (db.map::<u64, Page>("first")?, db.map::<u64, Page>("second")?);
        let count = |map: &kvstore::MapStore<_>| (0..1_100).take_while(|key| map.put(*key, bad()).is_err()).count();
        Ok([count(&first), count(&second)])
    };
    assert_eq!(puts_refused(Some(ReadBack::First(3)))?, [3, 3]);
    assert_eq!(puts_refused(Some(ReadBack::Never))?, [0, 0]);
    assert_eq!(puts_refused(Some(ReadBack::First(0)))?, [0, 0]);
    assert_eq!(puts_refused(Some(ReadBack::First(u64::MAX)))?, [1_100, 1_100]);
    assert_eq!(puts_refused(Some(ReadBack::Always))?, [1_100, 1_100]);
    let default = if cfg!(debug_assertions) { 1_100 } else { 1_000 };
    assert_eq!(puts_refused(None)?, [default, default]);
    Ok(())
}

#[test]
fn a_deserialize_that_panics_frees_the_lock() -> kvstore::Result<()> {
    #[derive(Serialize, Debug, Clone)]
    struct Panics(u8);
    impl<'de> Deserialize<'de> for Panics {
        fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            match u8::deserialize(deserializer)? {
                0 => panic!("not this one"),
                number => Ok(Self(number)),
            }
        }
    }
    let map = Database::in_memory()?.map::<u8, Panics>("map")?;
    let put = |number| std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| map.put(1, Panics(number))));
    assert!(put(0).is_err());
    assert!(put(7).unwrap().is_ok());
    assert_eq!(map.lock(1)?.map(|guard| guard.0), Some(7));
    Ok(())
}

mod before {
    use super::*;

    #[derive(Serialize, Deserialize, Clone)]
    pub(crate) struct File {
        pub(crate) name: String,
        pub(crate) checksum: Option<String>,
    }

    #[derive(Serialize, Deserialize, Clone)]
    pub(crate) enum Step {
        Copy { from: File, to: String },
    }

    #[derive(Store)]
    #[store(key = u8, namespace = "job")]
    pub(crate) struct Job {
        pub(crate) file: File,
        pub(crate) steps: Vec<Step>,
        pub(crate) files: ElementMap<u8, File>,
        pub(crate) queue: ElementDeque<File>,
    }
}

mod after {
    use super::*;

    #[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
    pub(crate) struct File {
        pub(crate) name: String,
        #[serde(default)]
        pub(crate) digest: Option<String>,
    }

    #[derive(Serialize, Deserialize, Debug, Clone, PartialEq)]
    pub(crate) enum Step {
        Copy { from: File },
    }

    #[derive(Store)]
    #[store(key = u8, namespace = "job")]
    pub(crate) struct Job {
        pub(crate) file: File,
        pub(crate) steps: Vec<Step>,
        pub(crate) files: ElementMap<u8, File>,
        pub(crate) queue: ElementDeque<File>,
    }

    pub(crate) mod ignoring {
        use super::*;

        #[derive(Store)]
        #[store(key = u8, namespace = "job")]
        pub(crate) struct Job {
            #[store(ignore_unknown)]
            pub(crate) file: File,
            #[store(ignore_unknown)]
            pub(crate) steps: Vec<Step>,
            #[store(ignore_unknown)]
            pub(crate) files: ElementMap<u8, File>,
            #[store(ignore_unknown)]
            pub(crate) queue: ElementDeque<File>,
        }
    }

    pub(crate) mod ignoring_in_one {
        use super::*;

        #[derive(Store)]
        #[store(key = u8, namespace = "job")]
        pub(crate) struct Job {
            #[store(ignore_unknown)]
            pub(crate) file: File,
            pub(crate) steps: Vec<Step>,
            pub(crate) files: ElementMap<u8, File>,
            pub(crate) queue: ElementDeque<File>,
        }
    }
}

/// A database with one job, whose types have a field that later ones do not know.
fn write_before(directory: &Path) -> kvstore::Result<()> {
    let db = Database::open(directory)?;
    let jobs = db.store::<before::Job>()?;
    let file = before::File { name: "a".into(), checksum: Some("1f".into()) };
    let steps = vec![before::Step::Copy { from: file.clone(), to: "b".into() }];
    let (files, queue) = (ElementMap::new(), ElementDeque::new());
    let mut job = jobs.create(1, before::Job { file: file.clone(), steps, files, queue })?;
    job.elements(before::Job::FILES).insert(3, file.clone())?;
    job.elements(before::Job::QUEUE).push_back(file.clone())?;
    job.commit()?;
    db.map::<u8, before::File>("files")?.put(1, file.clone())?;
    db.map::<u8, (before::File, before::File)>("pairs")?.put(1, (file.clone(), file))?;
    db.close()
}

#[test]
fn a_nested_field_that_is_not_known_is_not_dropped_in_silence() -> kvstore::Result<()> {
    let directory = tempfile::tempdir().unwrap();
    write_before(directory.path())?;
    let open = || Database::open(directory.path());
    let text = |error: Error| error.to_string();
    let unknown = "unknown field `checksum` inside `File`: the next commit would drop it";
    {
        let jobs = open()?.store::<after::Job>()?;
        let error = jobs.get(1).map(|_| ()).map_err(text).unwrap_err();
        assert!(error.contains(&format!("field `file`: {unknown}")), "{error}");
        assert!(matches!(jobs.lock(1), Err(Error::Decode { .. })));
        assert!(matches!(jobs.update(1, |job| job.file.name.clear()), Err(Error::Decode { .. })));
        let error = jobs.elements(after::Job::FILES, 1).get(3).map_err(text).unwrap_err();
        assert!(error.contains(&format!("element files[3]: {unknown}")), "{error}");
        let error = jobs.elements(after::Job::QUEUE, 1).front().map_err(text).unwrap_err();
        assert!(error.contains(unknown), "{error}");
        let mut files = jobs.elements(after::Job::FILES, 1).iter()?;
        assert!(files.next().is_some_and(|file| file.map_err(text).unwrap_err().contains(unknown)));
    }
    {
        let jobs = open()?.store::<after::ignoring_in_one::Job>()?;
        let error = jobs.get(1).map(|_| ()).map_err(text).unwrap_err();
        assert!(error.contains("field `steps`: unknown field `checksum` inside `File`"), "{error}");
        assert!(jobs.elements(after::ignoring_in_one::Job::FILES, 1).get(3).is_err());
    }
    let file = after::File { name: "a".into(), digest: None };
    {
        let jobs = open()?.store::<after::ignoring::Job>()?;
        let mut job = jobs.lock(1)?.ok_or(Error::Closed)?;
        assert_eq!((&job.file, &*job.steps), (&file, &[after::Step::Copy { from: file.clone() }][..]));
        assert_eq!(job.elements(after::ignoring::Job::FILES).get(3)?, Some(file.clone()));
        assert_eq!(job.elements(after::ignoring::Job::FILES).first()?, Some((3, file.clone())));
        assert_eq!(job.elements(after::ignoring::Job::QUEUE).get(0)?, Some(file.clone()));
        assert_eq!(job.elements(after::ignoring::Job::QUEUE).pop_front()?, Some(file.clone()));
        Ok::<(), Error>(job.commit()?)?;
    }
    {
        let db = open()?;
        let error = db.map::<u8, after::File>("files")?.get(1).unwrap_err();
        assert!(text(error).contains(unknown));
        // Around a type it allows what is inside that alone.
        let pairs = db.map::<u8, (IgnoreUnknown<after::File>, after::File)>("pairs")?;
        assert!(text(pairs.get(1).unwrap_err()).contains(unknown));
    }
    let db = open()?;
    let files = db.map::<u8, IgnoreUnknown<after::File>>("files")?;
    assert_eq!(files.get(1)?, Some(IgnoreUnknown(file.clone())));
    let pairs = db.map::<u8, IgnoreUnknown<(after::File, after::File)>>("pairs")?;
    assert_eq!(pairs.get(1)?, Some((file.clone(), file).into()));
    Ok(())
}
