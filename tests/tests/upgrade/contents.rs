//! What the databases `closed`, `buffered` and `synced` hold.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, LinkedList, VecDeque};
use std::fmt::Debug;
use std::time::Duration;

use kvstore::{Database, Key};
use kvstore_tests::TestResult;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::types::{Choice, Heap, LabelId, Nested, Place, Shapes, Ticket, TicketId, Urgency};

/// The namespaces, and the shapes of their keys.
const NAMESPACES: [(&str, &str); 31] = [
    ("choices", "u8"),
    ("floats", "u8"),
    ("heap", "bool"),
    ("jobs", "u32"),
    ("key array", "bytes[3]"),
    ("key bool", "bool"),
    ("key bytes", "bytes"),
    ("key char", "char"),
    ("key i128", "i128"),
    ("key i16", "i16"),
    ("key i32", "i32"),
    ("key i64", "i64"),
    ("key i8", "i8"),
    ("key nested", "((bytes,i32),char,string)"),
    ("key pair", "(string,u16)"),
    ("key place", "(string,i16,bytes)"),
    ("key six", "(u8,i16,bool,bytes[1],string,bytes)"),
    ("key string", "string"),
    ("key ticket", "u64"),
    ("key u128", "u128"),
    ("key u16", "u16"),
    ("key u32", "u32"),
    ("key u64", "u64"),
    ("key u8", "u8"),
    ("key urgency", "enum{Low,Middle(u16),High(string,i64),Other((string,i16,bytes),bool)}"),
    ("key uuid", "uuid"),
    ("labels", "string"),
    ("options", "u8"),
    ("plain", "u8"),
    ("shapes", "string"),
    ("ticket", "u64"),
];

/// All of it, but for jobs. The keys of the tickets were generated.
pub(crate) fn holds_all(db: &Database, tickets: [u64; 4]) -> TestResult {
    let namespaces = db.namespaces()?;
    let found: Vec<_> = namespaces.iter().map(|found| (found.name(), found.key())).collect();
    assert_eq!(found, NAMESPACES);
    holds_keys(db)?;
    holds_composite_keys(db)?;
    holds_values(db)?;
    holds_shapes(db)?;
    let found = db.store::<Ticket>()?.iter()?.collect::<Result<Vec<_>, _>>()?;
    let expected = tickets.into_iter().zip(["first", "second", "third", "fourth"]);
    let expected = expected.map(|(id, title)| (TicketId(id), Ticket { id: TicketId(id), title: title.into() }));
    assert_eq!(found, expected.collect::<Vec<_>>());
    // In base 36.
    let last = if tickets[3] == 1001 { "00000000000rt" } else { "0000000000004" };
    let labels = ["0000000000001", "0000000000002", "0000000000003", last].map(|label| LabelId(label.into()));
    holds(db, "labels", labels.into_iter().zip(["first", "second", "third", "fourth"].map(str::to_owned)))
}

/// All entries of a store of bare values, by scans and by `get`.
fn holds<K, V>(db: &Database, namespace: &str, expected: impl IntoIterator<Item = (K, V)>) -> TestResult
where
    K: Key + PartialEq + Debug,
    V: Serialize + DeserializeOwned + Send + PartialEq + Debug + 'static,
{
    let store = db.map::<K, V>(namespace)?;
    let mut expected: Vec<_> = expected.into_iter().collect();
    assert_eq!(store.iter()?.collect::<Result<Vec<_>, _>>()?, expected, "{namespace}");
    for (key, value) in &expected {
        assert_eq!(store.get(key)?.as_ref(), Some(value), "{namespace}");
    }
    expected.reverse();
    assert_eq!(store.iter()?.reversed().collect::<Result<Vec<_>, _>>()?, expected, "{namespace}");
    Ok(())
}

/// All entries of a store of numbers.
fn numbers<K>(db: &Database, namespace: &str, expected: impl IntoIterator<Item = (K, u32)>) -> TestResult
where
    K: Key + PartialEq + Debug,
{
    holds(db, namespace, expected)
}

fn holds_keys(db: &Database) -> TestResult {
    numbers(db, "key bool", [(false, 0), (true, 100)])?;
    numbers(db, "key char", [('\0', 0), ('a', 1), ('ä', 2), ('\u{10FFFF}', 3)])?;
    numbers(db, "key u8", [(0_u8, 0), (255, 2)])?;
    numbers(db, "key u16", [(0_u16, 0), (258, 1), (65_535, 2)])?;
    numbers(db, "key u32", [(0_u32, 0), (70_000, 1), (4_294_967_295, 2)])?;
    numbers(db, "key u64", [(0_u64, 0), (1_099_511_627_776, 1), (18_446_744_073_709_551_615, 2)])?;
    let large = [0_u128, 1_208_925_819_614_629_174_706_176, 340_282_366_920_938_463_463_374_607_431_768_211_455];
    numbers(db, "key u128", large.into_iter().zip(0..))?;
    numbers(db, "key i8", [(-128_i8, 0), (-1, 1), (0, 2), (127, 3)])?;
    numbers(db, "key i16", [(-32_768_i16, 0), (-1, 1), (0, 2), (258, 3)])?;
    numbers(db, "key i32", [(-2_147_483_648_i32, 0), (-70_000, 1), (0, 2), (2_147_483_647, 3)])?;
    numbers(db, "key i64", [(-9_223_372_036_854_775_808_i64, 0), (-1, 1), (1_099_511_627_776, 2)])?;
    let large = [-170_141_183_460_469_231_731_687_303_715_884_105_728_i128, -1, 1_208_925_819_614_629_174_706_176];
    numbers(db, "key i128", large.into_iter().zip(0..))?;
    numbers(db, "key string", ["", "a", "a\0", "a\0b", "ab", "ü"].map(str::to_owned).into_iter().zip(0..))?;
    let bytes = [vec![], vec![0], vec![0, 255], vec![1, 0], vec![255]];
    numbers(db, "key bytes", bytes.into_iter().zip(0..))?;
    numbers(db, "key array", [([0_u8, 0, 1], 0), ([0, 1, 0], 1), ([255, 0, 0], 2)])?;
    let uuid =
        Uuid::from_bytes([0x00, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, 0x99, 170, 187, 204, 221, 238, 255]);
    numbers(db, "key uuid", [(Uuid::from_bytes([0; 16]), 0), (uuid, 1)])
}

fn holds_composite_keys(db: &Database) -> TestResult {
    let pairs = [("", 7_u16), ("a", 0), ("a", 300), ("a\0", 0), ("ab", 0)];
    numbers(db, "key pair", pairs.map(|(text, number)| (text.to_owned(), number)).into_iter().zip(0..))?;
    let nested = [
        ((vec![0_u8], -5_i32), 'x', "z".to_owned()),
        ((vec![0, 0], 5), 'x', String::new()),
        ((vec![1], 0), 'y', "\0".to_owned()),
    ];
    numbers(db, "key nested", nested.into_iter().zip(0..))?;
    let six = [(1_u8, 2_i16, true, [3_u8], "4".to_owned(), vec![5_u8]), (2, -2, false, [3], String::new(), Vec::new())];
    numbers(db, "key six", six.into_iter().zip(0..))?;
    numbers(db, "key ticket", [(TicketId(1), 0), (TicketId(256), 1)])?;
    let places = [
        Place { room: "attic".into(), shelf: -1, label: vec![] },
        Place { room: "attic".into(), shelf: 1, label: vec![0] },
        Place { room: "cellar".into(), shelf: 0, label: b"wine".to_vec() },
    ];
    numbers(db, "key place", places.into_iter().zip(0..))?;
    let urgencies = [
        Urgency::Low,
        Urgency::Middle(1),
        Urgency::Middle(256),
        Urgency::High { by: "me".into(), when: -1 },
        Urgency::High { by: "me".into(), when: 1 },
        Urgency::Other(Place { room: "attic".into(), shelf: 1, label: b"x".to_vec() }, true),
    ];
    numbers(db, "key urgency", urgencies.into_iter().zip(0..))?;
    // The beginnings of keys still are found.
    let rooms = db.map::<Place, u32>("key place")?.prefix(("attic",))?.count();
    let texts = db.map::<(String, u16), u32>("key pair")?.prefix(("a",))?.count();
    assert_eq!((rooms, texts), (2, 2));
    Ok(())
}

fn holds_values(db: &Database) -> TestResult {
    let floats = db.map::<u8, f64>("floats")?.iter()?.map(|entry| entry.map(|(key, float)| (key, float.to_bits())));
    // -0, the largest, -infinity, the smallest that is not denormal.
    let expected = [1 << 63, 0x7FEF_FFFF_FFFF_FFFF, 0xFFF0_0000_0000_0000, 0x0010_0000_0000_0000];
    assert_eq!(floats.collect::<Result<Vec<_>, _>>()?, (1..).zip(expected).collect::<Vec<_>>());
    holds(db, "choices", [(0_u8, Choice::None), (1, Choice::Two("two".into(), -2))])?;
    holds(db, "options", [(0_u8, None), (1, Some(vec![None, Some("some".to_owned())]))])?;
    holds(db, "plain", [(1_u8, "one".to_owned())])?;
    let heaps = db.store::<Heap>()?.iter()?.map(|entry| entry.map(|(key, heap)| (key, heap.heap.into_sorted_vec())));
    assert_eq!(heaps.collect::<Result<Vec<_>, _>>()?, [(false, vec![1, 3, 9, 9]), (true, vec![])]);
    Ok(())
}

fn holds_shapes(db: &Database) -> TestResult {
    let shapes = db.store::<Shapes>()?.iter()?.collect::<Result<Vec<_>, _>>()?;
    let [(empty_key, empty), (full_key, full), (long_key, long)] = &shapes[..] else {
        return Err(format!("{} shapes", shapes.len()).into());
    };
    assert_eq!([empty_key, full_key, long_key], ["empty", "full", "long"]);
    assert_eq!(*empty, empty_shapes());
    assert_eq!(*full, full_shapes());
    assert_eq!(full.single.to_bits(), 0x3DCC_CCCD);
    assert_eq!(*long, Shapes { text: "long ".repeat(900), ..full_shapes() });
    Ok(())
}

/// As it was created: collections are empty, and what has an initial value has it.
fn empty_shapes() -> Shapes {
    Shapes {
        truth: false,
        letter: '\0',
        small: (0, 0, 0, 0),
        large: (0, 0, 0, 0),
        huge: (0, 0),
        single: 0.0,
        double: 0.0,
        text: String::new(),
        boxed: "".into(),
        unit: (),
        color: 0,
        array: [0, 0, 0],
        span: Duration::from_secs(0),
        list: vec![],
        queue: VecDeque::new(),
        tree: BTreeMap::new(),
        table: HashMap::new(),
        tree_set: BTreeSet::new(),
        hash_set: HashSet::new(),
        chain: LinkedList::new(),
        maybe: None,
        bytes: vec![],
        maybe_bytes: None,
        nested: Nested { name: String::new(), inner: None, by_number: BTreeMap::new() },
        choices: vec![],
        retries: 3,
        note: String::new(),
        cached: 77,
        forgotten: String::new(),
    }
}

fn full_shapes() -> Shapes {
    let inner = Nested { name: "inner".into(), inner: None, by_number: BTreeMap::new() };
    Shapes {
        truth: true,
        letter: '\u{DF}',
        small: (255, -128, 65_535, -32_768),
        large: (4_294_967_295, -2_147_483_648, 18_446_744_073_709_551_615, -9_223_372_036_854_775_808),
        huge: (
            340_282_366_920_938_463_463_374_607_431_768_211_455,
            -170_141_183_460_469_231_731_687_303_715_884_105_728,
        ),
        single: 0.1,
        double: -1e300,
        text: "text\0\n\"ü".into(),
        boxed: "boxed".into(),
        unit: (),
        color: 65_445,
        array: [1, 2, 3],
        span: Duration::from_nanos(86_400_000_000_005),
        list: vec![-1, 0, 100_000],
        queue: VecDeque::from(["b".to_owned(), "a".to_owned()]),
        tree: BTreeMap::from([(1, "one".to_owned()), (2, "two".to_owned())]),
        table: HashMap::from([("x".to_owned(), 10), ("y".to_owned(), 8_589_934_592)]),
        tree_set: BTreeSet::from(['a', 'z']),
        hash_set: HashSet::from([-7, 7]),
        chain: LinkedList::from([Some(true), None]),
        maybe: Some(0),
        bytes: vec![0, 255, 128],
        maybe_bytes: Some(vec![]),
        nested: Nested {
            name: "outer".into(),
            inner: Some(Box::new(inner)),
            by_number: BTreeMap::from([(-5, (0.5, true))]),
        },
        choices: vec![
            Choice::None,
            Choice::One(1),
            Choice::Two("two".into(), 2),
            Choice::Named { x: 1.25, of: Some(Box::new(Choice::None)) },
        ],
        retries: 9,
        note: "a note".into(),
        // These are not stored.
        cached: 77,
        forgotten: String::new(),
    }
}
