//! Writes the databases in `tests/fixtures` anew, as this version does. See the README there.

#[expect(clippy::linkedlist, reason = "a field may be one")]
#[path = "../tests/upgrade/types.rs"]
mod types;

use std::collections::{BTreeMap, BTreeSet, BinaryHeap, HashMap, HashSet, LinkedList, VecDeque};
use std::convert::Infallible;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use kvstore::{Batch, Database, Durability, Key};
use tempfile::TempDir;
use uuid::Uuid;

use self::types::{Choice, Heap, HeapInit, Job, LabelId, Nested, Place, Shapes, Ticket, TicketId, Urgency, first};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// Makes the databases in a directory that is named, or, as a child, one of them.
fn main() -> Result {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    match &arguments[..] {
        [to] => make_all(Path::new(to)),
        [directory, name] => match name.as_str() {
            "closed" => closed(Path::new(directory)),
            "buffered" => match buffered(Path::new(directory))? {},
            "synced" => match synced(Path::new(directory))? {},
            "half-dropped" => match half_dropped(Path::new(directory))? {},
            _ => Err("an unknown database".into()),
        },
        _ => Err("name one directory to write into".into()),
    }
}

fn make_all(to: &Path) -> Result {
    for name in ["closed", "buffered", "synced"] {
        keep(&made(name)?, &to.join(name))?;
    }
    for _ in 0..1_000 {
        let work = made("half-dropped")?;
        if is_half_dropped(work.path())? {
            return keep(&work, &to.join("half-dropped"));
        }
    }
    Err("no process died in the middle of dropping a namespace".into())
}

/// The directory of a database, made by a child.
fn made(name: &str) -> Result<TempDir> {
    let work = tempfile::tempdir()?;
    let status = Command::new(std::env::current_exe()?).arg(work.path()).arg(name).status()?;
    // One that aborts has no code.
    match status.code() {
        None | Some(0) => Ok(work),
        Some(_) => Err(format!("`{name}` was not made: {status}").into()),
    }
}

/// Copies a database, but for what RocksDB would remove when it is next opened.
fn keep(made: &TempDir, to: &Path) -> Result {
    let names = fs::read_dir(made.path())?.map(|entry| Ok(entry?.file_name())).collect::<io::Result<BTreeSet<_>>>()?;
    let is_options = |name: &&OsString| name.to_string_lossy().starts_with("OPTIONS-");
    let last_options = names.iter().rfind(is_options);
    fs::create_dir_all(to)?;
    for name in names.iter().filter(|name| !is_options(name) || Some(*name) == last_options) {
        fs::copy(made.path().join(name), to.join(name))?;
    }
    println!("{}", to.display());
    Ok(())
}

/// Two sessions, both closed.
fn closed(directory: &Path) -> Result {
    first_session(directory)?;
    let db = Database::open(directory)?;
    second_session(&db)?;
    Ok(db.close()?)
}

/// The second session dies, in `Buffered`.
fn buffered(directory: &Path) -> Result<Infallible> {
    first_session(directory)?;
    let db = Database::open(directory)?;
    second_session(&db)?;
    std::process::abort();
}

/// The only session dies, in `Sync`.
fn synced(directory: &Path) -> Result<Infallible> {
    let db = Database::builder().durability(Durability::Sync).open(directory)?;
    begin(&db)?;
    go_on(&db)?;
    std::process::abort();
}

fn first_session(directory: &Path) -> Result {
    let db = Database::open(directory)?;
    begin(&db)?;
    db.map::<u8, String>("gone")?.put(1, "gone".into())?;
    Ok(db.close()?)
}

fn second_session(db: &Database) -> Result {
    db.drop_namespace("gone")?;
    go_on(db)?;
    // A later program, whose jobs have more fields, writes one.
    let job = Job {
        owner: "we".into(),
        attempts: BTreeMap::from([(1, "tried".to_owned())]),
        error: Some("failed".into()),
        retries: 4,
    };
    Ok(db.store::<Job>()?.insert(3, job)?)
}

/// Dies when it has begun to drop a namespace, and before it deletes the entries, if it is fast enough.
fn half_dropped(directory: &Path) -> Result<Infallible> {
    let db = Database::open(directory)?;
    db.map::<u8, String>("kept")?.put(1, "kept".into())?;
    let dropped = db.map::<u8, String>("dropped")?;
    for key in 0..5 {
        dropped.put(key, format!("entry {key}"))?;
    }
    drop(dropped);
    db.close()?;
    let db = Database::open(directory)?;
    let log = newest_log(directory)?.ok_or("there is no log")?;
    std::thread::spawn(move || {
        // The first change is synced, which takes a moment, while it is already written.
        while fs::metadata(&log).is_ok_and(|log| log.len() == 0) {
            std::hint::spin_loop();
        }
        std::process::abort();
    });
    db.drop_namespace("dropped")?;
    loop {
        std::thread::park();
    }
}

/// Whether the log holds one record, the first change.
fn is_half_dropped(directory: &Path) -> Result<bool> {
    let Some(log) = newest_log(directory)? else { return Ok(false) };
    let log = fs::read(log)?;
    // A record's length is in bytes 4 and 5.
    let [_, _, _, _, low, high, ..] = log[..] else { return Ok(false) };
    Ok(log.len() == 7 + usize::from(u16::from_le_bytes([low, high])))
}

fn newest_log(directory: &Path) -> Result<Option<PathBuf>> {
    let mut newest = None;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "log") {
            newest = newest.max(Some(path));
        }
    }
    Ok(newest)
}

/// Entries under keys of one type, each with its place in the list.
fn keys<K: Key>(db: &Database, namespace: &str, keys: impl IntoIterator<Item = K>) -> Result {
    let store = db.map::<K, u32>(namespace)?;
    for (key, place) in keys.into_iter().zip(0..) {
        store.put(key, place)?;
    }
    Ok(())
}

fn begin(db: &Database) -> Result {
    keys(db, "key bool", [false, true])?;
    keys(db, "key char", ['\0', 'a', 'ä', char::MAX])?;
    keys(db, "key u8", [0_u8, 1, 255])?;
    keys(db, "key u16", [0_u16, 258, 65_535])?;
    keys(db, "key u32", [0_u32, 70_000, u32::MAX])?;
    keys(db, "key u64", [0_u64, 1 << 40, u64::MAX])?;
    keys(db, "key u128", [0_u128, 1 << 80, u128::MAX])?;
    keys(db, "key i8", [-128_i8, -1, 0, 127])?;
    keys(db, "key i16", [i16::MIN, -1, 0, 258])?;
    keys(db, "key i32", [i32::MIN, -70_000, 0, i32::MAX])?;
    keys(db, "key i64", [i64::MIN, -1, 1 << 40])?;
    keys(db, "key i128", [i128::MIN, -1, 1 << 80])?;
    keys(db, "key string", ["", "a", "a\0", "a\0b", "ab", "ü"].map(str::to_owned))?;
    keys(db, "key bytes", [&[][..], &[0], &[0, 0xFF], &[1, 0], &[0xFF]].map(<[u8]>::to_vec))?;
    keys(db, "key array", [[0_u8, 0, 1], [0, 1, 0], [255, 0, 0]])?;
    keys(db, "key uuid", [Uuid::nil(), Uuid::from_u128(0x0011_2233_4455_6677_8899_AABB_CCDD_EEFF)])?;
    let pair = |text: &str, number: u16| (text.to_owned(), number);
    keys(db, "key pair", [pair("", 7), pair("a", 0), pair("a", 300), pair("a\0", 0), pair("ab", 0)])?;
    let nested = |bytes: &[u8], number, letter, last: &str| ((bytes.to_vec(), number), letter, last.to_owned());
    keys(db, "key nested", [nested(&[0], -5_i32, 'x', "z"), nested(&[0, 0], 5, 'x', ""), nested(&[1], 0, 'y', "\0")])?;
    keys(
        db,
        "key six",
        [(1_u8, 2_i16, true, [3_u8], "4".to_owned(), vec![5_u8]), (2, -2, false, [3], String::new(), vec![])],
    )?;
    keys(db, "key ticket", [TicketId(1), TicketId(256)])?;
    let place = |room: &str, shelf, label: &[u8]| Place { room: room.into(), shelf, label: label.to_vec() };
    keys(db, "key place", [place("attic", -1, b""), place("attic", 1, b"\0"), place("cellar", 0, b"wine")])?;
    let urgencies = [
        Urgency::Low,
        Urgency::Middle(1),
        Urgency::Middle(256),
        Urgency::High { by: "me".into(), when: -1 },
        Urgency::High { by: "me".into(), when: 1 },
        Urgency::Other(place("attic", 1, b"x"), true),
    ];
    keys(db, "key urgency", urgencies)?;
    values(db)?;
    shapes(db)?;

    db.store::<Heap>()?.insert(true, HeapInit::default())?;
    db.store::<Heap>()?.insert(false, Heap { heap: BinaryHeap::from([3, 9, 1, 9]) })?;
    let jobs = db.store::<first::Job>()?;
    jobs.insert(1, first::Job { owner: "me".into() })?;
    jobs.insert(2, first::Job { owner: "you".into() })?;
    db.map::<u8, String>("plain")?.put(1, "one".into())?;
    tickets(db, ["first", "second", "third"])
}

fn tickets<const N: usize>(db: &Database, titles: [&str; N]) -> Result {
    let (tickets, labels) = (db.store::<Ticket>()?, db.map::<LabelId, String>("labels")?);
    for title in titles {
        tickets.create_next(Ticket { id: TicketId(0), title: title.into() })?.commit()?;
        labels.create_next(title.to_owned())?.commit()?;
    }
    Ok(())
}

/// Bare values.
fn values(db: &Database) -> Result {
    let floats = db.map::<u8, f64>("floats")?;
    for (key, value) in (0..).zip([1.5, -0.0, f64::MAX, f64::NEG_INFINITY, f64::MIN_POSITIVE]) {
        floats.put(key, value)?;
    }
    let choices = db.map::<u8, Choice>("choices")?;
    choices.put(0, Choice::None)?;
    choices.put(1, Choice::Two("two".into(), -2))?;
    db.map::<u8, Option<Vec<Option<String>>>>("options")?.put(0, None)?;
    db.map::<u8, Option<Vec<Option<String>>>>("options")?.put(1, Some(vec![None, Some("some".into())]))?;
    Ok(())
}

fn shapes(db: &Database) -> Result {
    let shapes = db.store::<Shapes>()?;
    let full = Shapes {
        truth: true,
        letter: 'ß',
        small: (255, -128, 65_535, -32_768),
        large: (u32::MAX, i32::MIN, u64::MAX, i64::MIN),
        huge: (u128::MAX, i128::MIN),
        single: 0.1,
        double: -1e300,
        text: "text\0\n\"ü".into(),
        boxed: "boxed".into(),
        unit: (),
        color: 0xFFA5,
        array: [1, 2, 3],
        span: Duration::new(86_400, 5),
        list: vec![-1, 0, 100_000],
        queue: VecDeque::from(["b".to_owned(), "a".to_owned()]),
        tree: BTreeMap::from([(2, "two".to_owned()), (1, "one".to_owned())]),
        table: HashMap::from([("x".to_owned(), 10), ("y".to_owned(), 1 << 33)]),
        tree_set: BTreeSet::from(['z', 'a']),
        hash_set: HashSet::from([-7, 7]),
        chain: LinkedList::from([Some(true), None]),
        maybe: Some(0),
        bytes: vec![0, 255, 128],
        maybe_bytes: Some(vec![]),
        nested: Nested {
            name: "outer".into(),
            inner: Some(Box::new(Nested { name: "inner".into(), inner: None, by_number: BTreeMap::new() })),
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
        cached: 1,
        forgotten: "not stored".into(),
    };
    shapes.insert("full", full)?;
    let empty = types::ShapesInit {
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
        span: Duration::ZERO,
        nested: Nested { name: String::new(), inner: None, by_number: BTreeMap::new() },
    };
    Ok(shapes.insert("empty", empty)?)
}

/// What comes later, in the same session or in the next one.
fn go_on(db: &Database) -> Result {
    db.map::<bool, u32>("key bool")?.put(true, 100)?;
    db.map::<u8, u32>("key u8")?.remove(1)?;
    let (shapes, floats) = (db.store::<Shapes>()?, db.map::<u8, f64>("floats")?);
    let long =
        shapes.create("long", Shapes { text: "long ".repeat(900), ..shapes.get("full")?.ok_or("no shapes")? })?;
    let float = floats.lock(0)?.ok_or("no float")?;
    Batch::new().write(long).delete(float).commit()?;
    tickets(db, ["fourth"])
}
