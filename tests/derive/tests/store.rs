//! What `#[derive(Store)]` does: initial values, records, schemas, key fields.

#![allow(missing_docs, non_snake_case, unused_parens, unused_qualifications)] // some types are written out to see what the macro makes of them

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};

use kvstore::__private::{InitializeValue, StoreCodec};
use kvstore::{Database, ElementDeque, ElementMap, ElementPath, ElementSet, Error, Result, Store};
use kvstore_derive_tests::{last, record, value};
use serde::{Deserialize, Serialize};

#[derive(Store, Debug, PartialEq)]
#[store(key = String)]
struct Job {
    owner: String,
    attempts: BTreeMap<u32, String>,
    error: Option<String>,
    #[store(default = Self::RETRIES)]
    retries: u8,
    #[store(default)]
    size: u64,
}

impl Job {
    const RETRIES: u8 = 3;
}

#[derive(Store, Debug, PartialEq, Clone)]
#[store(namespace = "pending_work", version = 1)]
struct Work {
    path: String,
    #[store(key)]
    id: (String, u64),
    tags: Vec<String>,
}

fn job() -> Job {
    Job { owner: "me".into(), attempts: BTreeMap::from([(1, "a".into())]), error: None, retries: 2, size: 7 }
}

/// The names of the fields in a schema that have an initial value.
fn with_initial<T: Store>() -> Vec<&'static str> {
    let fields = <T as StoreCodec<T::Key, T::Value>>::SCHEMA.fields.unwrap_or_default();
    fields.iter().filter(|field| field.has_initial).map(|field| field.name).collect()
}

/// The names of the fields in a schema and of their types.
fn fields<T: Store>() -> Vec<(&'static str, &'static str)> {
    let fields = <T as StoreCodec<T::Key, T::Value>>::SCHEMA.fields.unwrap_or_default();
    fields.iter().map(|field| (field.name, field.type_name)).collect()
}

fn namespace<T: Store>() -> &'static str {
    <T as StoreCodec<T::Key, T::Value>>::NAMESPACE.unwrap_or_default()
}

#[test]
fn a_new_entry_has_its_required_fields_and_initial_values() -> Result<()> {
    let jobs: JobStore = Database::in_memory()?.store::<Job>()?;
    let job: JobGuard = jobs.create("/a", JobInit { owner: "me".into() })?;
    assert_eq!(*job, Job { owner: "me".into(), attempts: BTreeMap::new(), error: None, retries: 3, size: 0 });
    Ok(())
}

#[test]
fn values_survive_the_round_trip() -> Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.insert("/a", job())?;
    assert_eq!(jobs.get("/a")?.unwrap(), job());
    Ok(())
}

#[test]
fn a_record_is_a_map_of_the_fields_in_order() {
    let bytes = record(&job()).unwrap();
    let mut expected = vec![1, 1, 0xA5];
    for (name, value) in [
        ("owner", b"\x62me".as_slice()),
        ("attempts", b"\xA1\x01\x61a"),
        ("error", b"\xF6"),
        ("retries", b"\x02"),
        ("size", b"\x07"),
    ] {
        expected.push(0x60 + u8::try_from(name.len()).unwrap());
        expected.extend_from_slice(name.as_bytes());
        expected.extend_from_slice(value);
    }
    assert_eq!(bytes, expected);
}

#[test]
fn the_schema_says_names_types_and_initial_values() {
    assert_eq!(namespace::<Job>(), "job");
    assert_eq!(
        fields::<Job>(),
        [
            ("owner", "String"),
            ("attempts", "BTreeMap<u32,String>"),
            ("error", "Option<String>"),
            ("retries", "u8"),
            ("size", "u64")
        ]
    );
    assert_eq!(with_initial::<Job>(), ["attempts", "error", "retries", "size"]);
}

mod older {
    use super::Store;

    #[derive(Store)]
    #[store(key = String)]
    pub(super) struct Job {
        pub(super) owner: String,
    }
}

#[test]
fn fields_that_an_old_record_lacks_are_read_as_they_start() {
    let bytes = record(&older::Job { owner: "me".into() }).unwrap();
    let read: Job = value::<Job>(&String::new(), &bytes).unwrap();
    assert_eq!(read, Job { owner: "me".into(), attempts: BTreeMap::new(), error: None, retries: 3, size: 0 });
}

#[test]
fn a_record_that_does_not_fit_is_an_error_that_names_the_field() {
    let key = String::new();
    let read = |bytes: &[u8]| value::<Job>(&key, bytes).unwrap_err();
    assert_eq!(read(b"\x01\x01\xA0"), "field `owner` is missing");
    assert_eq!(read(b"\x01\x01\xA1\x65owner\x05"), "field `owner`: expected str, found an unsigned integer");
    assert_eq!(read(b"\x01\x01\xA2\x65owner\x61a\x65owner\x61b"), "field `owner` is there twice");
    assert_eq!(read(b"\x01\x01\xA1\x65ownex\x61a"), "field `ownex` is unknown");
    let unknown = record(&job()).unwrap();
    assert_eq!(value::<older::Job>(&key, &unknown).err().unwrap(), "field `attempts` is unknown");
}

#[derive(Store)]
#[store(key = u64)]
struct Empty {}

#[test]
fn a_struct_without_fields_has_empty_records() -> Result<()> {
    let bytes = record(&Empty {}).unwrap();
    assert_eq!(bytes, [1, 1, 0xA0]);
    value::<Empty>(&7_u64, &bytes).map_err(|error| panic!("{error}")).unwrap();
    assert!(value::<Empty>(&7_u64, b"\x01\x01\xA1\x61a\x05").is_err());
    let empty = Database::in_memory()?.store::<Empty>()?;
    empty.create_next(EmptyInit::default())?.commit()?;
    empty.create_next(EmptyInit {})?.commit()?;
    assert_eq!(empty.iter()?.count(), 2);
    Ok(())
}

#[test]
fn the_key_field_is_filled_from_the_key_and_not_stored() -> Result<()> {
    let work = Database::in_memory()?.store::<Work>()?;
    let pending = work.create(("acme", 7), WorkInit { path: "/a".into() })?;
    let key = ("acme".to_owned(), 7);
    assert_eq!((&pending.id, pending.key()), (&key, &key));
    pending.commit()?;
    let read = work.get(("acme", 7))?.unwrap();
    assert_eq!(read, Work { path: "/a".into(), id: key.clone(), tags: vec![] });
    assert_eq!(namespace::<Work>(), "pending_work");
    assert_eq!(fields::<Work>(), [("path", "String"), ("tags", "Vec<String>")]);
    assert_eq!(record(&read).unwrap(), b"\x01\x01\xA2\x64path\x62/a\x64tags\x80");
    Ok(())
}

#[test]
fn a_whole_value_must_have_the_key_of_its_entry() -> Result<()> {
    let work = Database::in_memory()?.store::<Work>()?;
    let value = Work { path: "/a".into(), id: ("acme".into(), 7), tags: vec![] };
    assert!(matches!(work.create(("acme", 8), value.clone()), Err(Error::KeyChanged { .. })));
    let mut pending = work.create(("acme", 7), value)?;
    pending.id.1 = 9;
    assert!(matches!(pending.commit(), Err(Error::KeyChanged { .. })));
    Ok(())
}

#[test]
fn a_whole_value_takes_a_generated_key_in_its_key_field() -> Result<()> {
    #[derive(Store)]
    struct Ticket {
        #[store(key)]
        number: u64,
        title: String,
    }
    let tickets = Database::in_memory()?.store::<Ticket>()?;
    let ticket = tickets.create_next(Ticket { number: 999, title: "a".into() })?;
    assert_eq!((ticket.number, ticket.title.as_str()), (*ticket.key(), "a"));
    assert_ne!(ticket.number, 999);
    let filled = InitializeValue::<Ticket>::into_value(Ticket { number: 9, title: String::new() }, &last(&5_u64), true);
    assert_eq!(filled.unwrap().number, 5);
    Ok(())
}

/// A handle that is open or not, and no part of a record.
#[derive(Debug, PartialEq)]
struct Handle(u8);

impl Default for Handle {
    fn default() -> Self {
        Self(1)
    }
}

#[derive(Store)]
#[store(key = u8)]
struct Skipping {
    #[store(skip)]
    handle: Handle,
    #[store(skip, default = Handle(2))]
    other: Handle,
    kept: u8,
}

#[test]
fn skipped_fields_start_and_are_read_back_as_their_initial_value() -> Result<()> {
    let store = Database::in_memory()?.store::<Skipping>()?;
    let mut guard = store.create(1, SkippingInit { kept: 5 })?;
    assert_eq!((&guard.handle, &guard.other), (&Handle(1), &Handle(2)));
    guard.handle = Handle(9);
    guard.commit()?;
    let read = store.get(1)?.unwrap();
    assert_eq!((read.handle, read.other, read.kept), (Handle(1), Handle(2), 5));
    assert_eq!(fields::<Skipping>(), [("kept", "u8")]);
    Ok(())
}

/// A module for `with`: a duration in milliseconds.
mod millis {
    use serde::{Deserialize, Deserializer, Serializer};
    use std::time::Duration;

    pub(super) fn serialize<S: Serializer>(value: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(value.as_millis()).map_err(serde::ser::Error::custom)?)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}

#[derive(Store)]
#[store(key = u8)]
struct Custom {
    #[store(with = "serde_bytes")]
    data: Vec<u8>,
    #[store(with = "millis")]
    wait: std::time::Duration,
    #[store(with = "self::millis", default)]
    pause: std::time::Duration,
}

#[test]
fn with_names_the_module_that_serializes() {
    let value_in = Custom {
        data: vec![1, 2],
        wait: std::time::Duration::from_millis(5),
        pause: std::time::Duration::from_secs(1),
    };
    let bytes = record(&value_in).unwrap();
    assert_eq!(bytes, b"\x01\x01\xA3\x64data\x42\x01\x02\x64wait\x05\x65pause\x19\x03\xE8");
    let read = value::<Custom>(&1_u8, &bytes).unwrap();
    assert_eq!((read.data, read.wait, read.pause), (value_in.data, value_in.wait, value_in.pause));
    assert_eq!(with_initial::<Custom>(), ["data", "pause"]);
    assert_eq!(
        value::<Custom>(&1_u8, b"\x01\x01\xA1\x64wait\x61a").err().unwrap(),
        "field `wait`: expected u64, found a string"
    );
}

#[derive(Store)]
#[store(key = u8)]
struct Collections {
    a: Vec<u8>,
    b: VecDeque<u8>,
    c: BTreeMap<u8, u8>,
    d: HashMap<u8, u8>,
    e: BTreeSet<u8>,
    f: HashSet<u8>,
    g: BinaryHeap<u8>,
    #[allow(clippy::linkedlist)]
    h: LinkedList<u8>,
    i: Option<u8>,
    #[allow(unused_parens)]
    j: (std::vec::Vec<u8>),
}

#[test]
fn every_collection_starts_empty() {
    let value = InitializeValue::<Collections>::into_value(CollectionsInit::default(), &[1], false).unwrap();
    let Collections { a, b, c, d, e, f, g, h, i, j } = value;
    assert!(a.is_empty() && b.is_empty() && c.is_empty() && d.is_empty() && e.is_empty() && f.is_empty());
    assert!(g.is_empty() && h.is_empty() && i.is_none() && j.is_empty());
}

type Alias = Vec<u8>;

#[derive(Store)]
#[store(key = u8)]
struct Named {
    #[store(type = "Bytes")]
    alias: Alias,
    nested: std::collections::BTreeMap<std::string::String, [Option<(u8, Alias)>; 2]>,
}

#[test]
fn the_catalog_name_of_a_type_can_be_given() {
    let init = NamedInit { alias: vec![1] };
    assert_eq!(init.alias, [1]);
    assert_eq!(fields::<Named>(), [("alias", "Bytes"), ("nested", "BTreeMap<String,[Option<(u8,Alias)>;2]>")]);
}

#[derive(Store, Serialize, Deserialize)]
#[store(key = u8)]
#[serde(rename_all = "UPPERCASE", deny_unknown_fields)]
struct Api {
    #[serde(rename = "who", skip)]
    owner: String,
    #[serde(default)]
    #[store(type = "number")]
    count: u32,
}

#[test]
fn a_serde_derive_on_the_struct_has_no_say() {
    let bytes = record(&Api { owner: "me".into(), count: 1 }).unwrap();
    assert_eq!(bytes, b"\x01\x01\xA2\x65owner\x62me\x65count\x01");
    assert_eq!(value::<Api>(&1_u8, b"\x01\x01\xA1\x65owner\x61a").err().unwrap(), "field `count` is missing");
}

/// Holds itself, and has parts of every kind that serde derives.
#[derive(Store, Serialize, Deserialize, Debug, PartialEq, Default)]
#[store(key = u8)]
struct Tree {
    children: Vec<Self>,
    parent: Box<Option<Tree>>,
    kind: Kind,
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Default)]
enum Kind {
    #[default]
    Leaf,
    Twig(u8, String),
    Branch {
        length: f64,
    },
}

#[test]
fn a_struct_can_hold_itself() {
    let leaf = |kind| Tree { kind, ..Tree::default() };
    let tree = Tree {
        children: vec![leaf(Kind::Twig(1, "a".into())), leaf(Kind::Branch { length: 1.5 })],
        parent: Box::new(Some(leaf(Kind::Leaf))),
        kind: Kind::Leaf,
    };
    let bytes = record(&tree).unwrap();
    assert_eq!(value::<Tree>(&1_u8, &bytes).unwrap(), tree);
    let init = TreeInit { parent: Box::new(None), kind: Kind::Leaf };
    let value = InitializeValue::<Tree>::into_value(init, &[1], false).unwrap();
    assert_eq!(value, Tree::default());
}

#[derive(Store)]
#[store(key = u8, init = NewRenamed, store = Renameds, guard = LockedRenamed, namespace = "größe \"x\"")]
struct Renamed {
    a: u8,
}

#[test]
fn generated_items_and_namespace_take_the_names_given() -> Result<()> {
    let store: Renameds = Database::in_memory()?.store::<Renamed>()?;
    let guard: LockedRenamed = store.create(1, NewRenamed { a: 5 })?;
    assert_eq!((guard.a, namespace::<Renamed>()), (5, "größe \"x\""));
    Ok(())
}

#[test]
fn default_expressions_see_what_the_struct_sees() {
    const LIMIT: u32 = 7;
    fn computed() -> Vec<u32> {
        vec![LIMIT, 8]
    }
    #[derive(Store)]
    #[store(key = u8)]
    struct Local {
        #[store(default = LIMIT)]
        a: u32,
        #[store(default = computed())]
        b: Vec<u32>,
        #[store(default = { let x = Self::twice(2); x + 1 })]
        c: u32,
        #[store(default = "text".into())]
        d: String,
        #[store(default = if LIMIT < 8 { Some(1) } else { return None })]
        e: Option<u32>,
        // At the beginning of a statement this would be two.
        #[store(default = match LIMIT { 7 => 1, _ => 2 } - 3)]
        f: i32,
    }
    impl Local {
        fn twice(x: u32) -> u32 {
            2 * x
        }
    }
    let Local { a, b, c, d, e, f } = InitializeValue::<Local>::into_value(LocalInit {}, &[1], false).unwrap();
    assert_eq!((a, b, c, d.as_str(), e, f), (7, vec![7, 8], 5, "text", Some(1), -2));
}

#[test]
fn handles_and_guards_can_go_to_other_threads() {
    fn send<T: Send>() {}
    fn sync<T: Sync>() {}
    send::<JobGuard>();
    send::<JobStore>();
    sync::<JobStore>();
    send::<JobInit>();
}

/// With element-wise collections, and a serde derive for an API, which has no part in them.
#[derive(Store, Serialize, Deserialize, Debug, PartialEq, Clone, Default)]
#[store(key = u8)]
struct Mixed {
    #[serde(skip)]
    steps: ElementMap<u32, String>,
    name: String,
    #[serde(skip)]
    byTag: std::collections::BTreeMap<u8, u8>,
    #[serde(skip)]
    #[store(type = "Tags")]
    theTags: kvstore::ElementSet<String>,
    #[serde(skip)]
    log: (ElementDeque<u8>),
}

#[test]
fn element_wise_collections_are_in_the_schema_and_not_in_the_record() {
    let expected = [
        ("steps", "ElementMap<u32,String>"),
        ("name", "String"),
        ("byTag", "BTreeMap<u8,u8>"),
        ("theTags", "Tags"),
        ("log", "ElementDeque<u8>"),
    ];
    assert_eq!(fields::<Mixed>(), expected);
    assert_eq!(with_initial::<Mixed>(), ["steps", "byTag", "theTags", "log"]);
    let elements = <Mixed as StoreCodec<u8, Mixed>>::ELEMENTS.iter();
    let elements: Vec<_> = elements.map(|field| (field.name, field.kind, field.key.to_string())).collect();
    let expected = [("steps", "map", "u32"), ("theTags", "set", "string"), ("log", "deque", "i64")];
    assert_eq!(elements, expected.map(|(name, kind, key)| (name, kind, key.to_owned())));
    assert!(<Job as StoreCodec<String, Job>>::ELEMENTS.is_empty());

    let mixed = Mixed { name: "a".into(), ..Mixed::default() };
    let bytes = record(&mixed).unwrap();
    assert_eq!(bytes, b"\x01\x01\xA2\x64name\x61a\x65byTag\xA0");
    assert_eq!(value::<Mixed>(&1_u8, &bytes).unwrap(), mixed);
    let named = value::<Mixed>(&1_u8, b"\x01\x01\xA1\x65steps\x00").err().unwrap();
    assert_eq!(named, "field `steps` is unknown");
    let init = InitializeValue::<Mixed>::into_value(MixedInit { name: "a".into() }, &[1], false).unwrap();
    assert_eq!(init, mixed);
}

#[test]
fn each_collection_has_a_path_named_for_its_field() -> Result<()> {
    const STEPS: ElementPath<Mixed, ElementMap<u32, String>> = Mixed::STEPS;
    const TAGS: ElementPath<Mixed, ElementSet<String>> = Mixed::THE_TAGS;
    const LOG: ElementPath<Mixed, ElementDeque<u8>> = Mixed::LOG;
    let mixed = Database::in_memory()?.store::<Mixed>()?;
    let mut guard = mixed.create(1, MixedInit { name: "a".into() })?;
    guard.elements(STEPS).insert(1, "one".into())?;
    guard.elements(TAGS).insert("new")?;
    guard.elements(LOG).push_back(7)?;
    guard.commit()?;
    assert_eq!(mixed.elements(STEPS, 1).first()?, Some((1, "one".to_owned())));
    assert!(mixed.elements(TAGS, 1).contains("new")?);
    assert_eq!(mixed.elements(LOG, 1).front()?, Some(7));
    Ok(())
}

#[test]
fn a_struct_of_elements_alone_needs_nothing() -> Result<()> {
    #[derive(Store)]
    struct Only {
        #[store(key)]
        id: u64,
        set: ElementSet<u8>,
    }
    let only = Database::in_memory()?.store::<Only>()?;
    let mut guard = only.create_next(OnlyInit::default())?;
    guard.elements(Only::SET).insert(3)?;
    let id = guard.id;
    guard.commit()?;
    assert_eq!(only.get(id)?.map(|only| only.id), Some(1));
    assert!(only.elements(Only::SET, id).contains(3)?);
    Ok(())
}

/// Types of the program that are called as those of the standard library are.
mod own {
    use super::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize, Debug, PartialEq)]
    pub(super) struct Vec<T, const N: usize>(pub(super) std::vec::Vec<T>);

    #[derive(Serialize, Deserialize, Debug, PartialEq, Default)]
    pub(super) struct Option<T>(pub(super) T);

    pub(super) mod heap {
        pub(in super::super) use super::Vec;
    }
}

use own::heap::Vec as Short;

#[derive(Store, Debug, PartialEq)]
#[store(key = u8)]
struct Lookalikes {
    vec: own::Vec<u8, 4>,
    option: own::Option<u8>,
    renamed: Short<u8, 4>,
    #[store(default)]
    given: own::Option<u8>,
    nested: Option<own::Vec<own::Option<u8>, 2>>,
    std: std::collections::btree_map::BTreeMap<u8, std::option::Option<u8>>,
}

#[test]
fn a_type_that_is_called_as_a_collection_of_the_standard_library_is_required() -> Result<()> {
    assert_eq!(with_initial::<Lookalikes>(), ["given", "nested", "std"]);
    let init = LookalikesInit { vec: own::Vec(vec![1]), option: own::Option(2), renamed: own::Vec(vec![3]) };
    let stored = Database::in_memory()?.store::<Lookalikes>()?;
    stored.create(1, init)?.commit()?;
    let expected = Lookalikes {
        vec: own::Vec(vec![1]),
        option: own::Option(2),
        renamed: own::Vec(vec![3]),
        given: own::Option(0),
        nested: None,
        std: BTreeMap::new(),
    };
    assert_eq!(stored.get(1)?.unwrap(), expected);
    Ok(())
}

/// Types whose shapes the derive takes for something else than they are.
#[derive(Store, Debug, PartialEq)]
#[store(key = u8)]
struct Shapes {
    boxed: Option<Box<str>>,
    borrowed: std::borrow::Cow<'static, str>,
    #[allow(clippy::type_complexity)]
    many: (u8, u8, u8, u8, u8, Vec<(Inner, [Inner; 2])>),
    itself: Option<Box<Branch>>,
    hashed: HashMap<Inner, Vec<Inner>, std::hash::BuildHasherDefault<std::collections::hash_map::DefaultHasher>>,
    unit: (),
}

#[derive(Serialize, Deserialize, Debug, PartialEq, Eq, Hash)]
struct Inner(u8);

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Branch {
    branches: Vec<Branch>,
}

#[test]
fn types_of_every_shape_can_be_stored() -> Result<()> {
    let stored = Database::in_memory()?.store::<Shapes>()?;
    let shapes = || Shapes {
        boxed: Some("a".into()),
        borrowed: "b".into(),
        many: (1, 2, 3, 4, 5, vec![(Inner(6), [Inner(7), Inner(8)])]),
        itself: Some(Box::new(Branch { branches: vec![Branch { branches: vec![] }] })),
        hashed: HashMap::from_iter([(Inner(9), vec![Inner(10)])]),
        unit: (),
    };
    stored.insert(1, shapes())?;
    assert_eq!(stored.get(1)?.unwrap(), shapes());
    Ok(())
}

#[derive(Store, Debug, PartialEq)]
#[store(key = u8, init_derive(Clone, Debug, PartialEq, serde::Deserialize))]
struct Retried {
    owner: String,
    size: u64,
    log: Vec<u8>,
    #[store(default = Self::RETRIES)]
    retries: u8,
    #[store(skip, default = 7)]
    cache: u8,
    steps: ElementSet<u8>,
}

impl Retried {
    const RETRIES: u8 = 3;
}

#[derive(Store, Debug, PartialEq)]
#[store(init_derive(Clone, Default))]
struct RetriedUser {
    #[store(key)]
    id: u64,
    name: String,
    tags: Vec<String>,
}

#[derive(Store)]
#[store(key = u8, init_derive(Default, Debug, Clone, Copy))]
struct NothingRequired {
    log: Vec<u8>,
}

#[test]
fn an_initializer_derives_what_the_struct_says() -> Result<()> {
    fn is_read<T: serde::de::DeserializeOwned>() {}
    is_read::<RetriedInit>();
    let init = RetriedInit { owner: "me".into(), size: 1 };
    assert_eq!(init, init.clone());
    assert_eq!(format!("{init:?}"), r#"RetriedInit { owner: "me", size: 1 }"#);
    let retried = Database::in_memory()?.store::<Retried>()?;
    retried.insert(1, init.clone())?;
    retried.insert(2, init)?;
    assert_eq!(retried.get(1)?, retried.get(2)?);
    assert_eq!(RetriedUserInit::default().name, "");
    let copy = NothingRequiredInit::default();
    let _ = (copy, NothingRequired::from(copy));
    Ok(())
}

#[test]
fn an_initializer_becomes_a_value_without_a_database() -> Result<()> {
    let value = Retried::from(RetriedInit { owner: "me".into(), size: 1 });
    let expected = Retried { owner: "me".into(), size: 1, log: vec![], retries: 3, cache: 7, steps: ElementSet::new() };
    assert_eq!(value, expected);
    let retried = Database::in_memory()?.store::<Retried>()?;
    retried.insert(1, RetriedInit { owner: "me".into(), size: 1 })?;
    assert_eq!(retried.get(1)?.unwrap(), value);
    Ok(())
}

#[test]
fn an_initializer_and_a_key_become_a_value_with_a_key_field() -> Result<()> {
    let init = || RetriedUserInit { name: "Ada".into() };
    let user: RetriedUser = (7, init()).into();
    assert_eq!(user, RetriedUser { id: 7, name: "Ada".into(), tags: vec![] });
    let users = Database::in_memory()?.store::<RetriedUser>()?;
    users.insert(7, init())?;
    assert_eq!(users.get(7)?.unwrap(), user);
    Ok(())
}

/// A macro of a library that makes a store: it names kvstore by its own path.
mod library {
    pub(super) mod deeper {
        pub(in super::super) use kvstore as engine;
    }

    macro_rules! store {
        ($name:ident { $($field:ident: $type:ty),* }) => {
            #[derive(kvstore::Key, Clone)]
            #[key(crate = $crate::library::deeper::engine)]
            struct MadeId(u8);

            #[derive(kvstore::Store, Debug, PartialEq)]
            #[store(key = MadeId, crate = $crate::library::deeper::engine)]
            struct $name { $($field: $type),* }
        };
    }
    pub(super) use store;
}

library::store!(Made { owner: String, parts: Vec<(u8, Option<Inner>)>, steps: ElementMap<u8, u8> });

#[test]
fn a_macro_names_the_crate_by_its_own() -> Result<()> {
    let made = Database::in_memory()?.store::<Made>()?;
    made.insert(MadeId(1), MadeInit { owner: "me".into() })?;
    assert_eq!(made.get(MadeId(1))?.unwrap(), Made::from(MadeInit { owner: "me".into() }));
    Ok(())
}

/// One struct before and after its fields' types changed under `type = "..."`.
mod before {
    use super::{HashMap, Store};

    #[derive(Store)]
    #[store(key = u8, namespace = "file")]
    pub(super) struct File {
        pub(super) size: u32,
        pub(super) parts: u16,
        pub(super) owner: String,
        pub(super) tags: Vec<String>,
        pub(super) sizes: HashMap<String, u8>,
    }
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Owner(String);

#[derive(Store, Debug, PartialEq)]
#[store(key = u8, namespace = "file")]
struct File {
    #[store(type = "u32")]
    size: u64,
    #[store(type = "u16")]
    parts: i32,
    #[store(type = "String")]
    owner: Option<Owner>,
    #[store(type = "Vec<String>")]
    tags: BTreeSet<String>,
    #[store(type = "HashMap<String,u8>")]
    sizes: BTreeMap<String, u64>,
}

#[test]
fn a_type_under_the_name_of_the_old_one_reads_what_that_wrote() {
    assert_eq!(fields::<File>(), fields::<before::File>());
    let old = before::File {
        size: u32::MAX,
        parts: 7,
        owner: "me".into(),
        tags: vec!["a".into()],
        sizes: HashMap::from([("b".into(), 8)]),
    };
    let expected = File {
        size: u64::from(u32::MAX),
        parts: 7,
        owner: Some(Owner("me".into())),
        tags: BTreeSet::from(["a".into()]),
        sizes: BTreeMap::from([("b".into(), 8)]),
    };
    assert_eq!(value::<File>(&1_u8, &record(&old).unwrap()).unwrap(), expected);
    // What the new type can say and the old one can't is an error there, and no other value.
    let wide = record(&File { size: 1 << 40, ..expected }).unwrap();
    let error = value::<before::File>(&1_u8, &wide).err().unwrap();
    assert!(error.starts_with("field `size`"), "{error}");
}
