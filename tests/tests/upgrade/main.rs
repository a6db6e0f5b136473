//! Databases that earlier versions wrote, see `fixtures/README.md`: all that is in them is read, and they go on.
//!
//! What is expected is written out here, and not taken from the program that wrote them.

mod contents;
#[expect(clippy::linkedlist, reason = "a field may be one")]
mod types;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use kvstore::Database;
use kvstore_tests::{TestResult, wait_until, warnings_of};
use tempfile::TempDir;

use self::contents::holds_all;
use self::types::{Job, LabelId, Place, Ticket, TicketId, first};

/// A copy of a database of the fixtures.
fn copy(name: &str) -> TestResult<TempDir> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/v1").join(name);
    let copy = tempfile::tempdir()?;
    for entry in fs::read_dir(&fixtures)? {
        let entry = entry?;
        fs::copy(entry.path(), copy.path().join(entry.file_name()))?;
    }
    Ok(copy)
}

/// Opens it, which is no reason to warn of anything.
fn open(path: &Path) -> TestResult<Database> {
    let (db, said) = warnings_of(|| Database::builder().cache_bytes(8 << 20).open(path));
    assert_eq!(said, Vec::<String>::new());
    Ok(db?)
}

/// Whether any file of a database has these bytes, as long as it is there.
fn is_somewhere(path: &Path, part: &[u8]) -> bool {
    let paths = fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path());
    // To open and close `LOCK` would unlock it.
    let mut files = paths.filter(|path| path.file_name().is_some_and(|name| name != "LOCK"));
    files.any(|path| fs::read(path).is_ok_and(|bytes| contains(&bytes, part)))
}

/// The bytes of the last log.
fn log(path: &Path) -> TestResult<Vec<u8>> {
    let paths = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>()?;
    let logs = paths.into_iter().filter(|path| path.extension().is_some_and(|extension| extension == "log"));
    Ok(fs::read(logs.max().ok_or("there is no log")?)?)
}

fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}

/// That the marker says this, so that the databases are what they are to be.
fn is_marked(path: &Path, state: &str, durability: &str) -> TestResult {
    let marker = fs::read_to_string(path.join("KVSTORE"))?;
    assert!(marker.starts_with("kvstore 1\n"), "{marker}");
    assert!(marker.contains(&format!("\nstate {state}\ndurability {durability}\n")), "{marker}");
    Ok(())
}

fn job(owner: &str) -> Job {
    Job { owner: owner.into(), attempts: BTreeMap::new(), error: None, retries: 5 }
}

/// The job that the grown program wrote.
fn grown_job() -> Job {
    let attempts = BTreeMap::from([(1, "tried".to_owned())]);
    Job { owner: "we".into(), attempts, error: Some("failed".into()), retries: 4 }
}

/// Writes on: keys above all those before, a namespace that is new, and one of a name that was dropped.
fn goes_on(path: &Path, tickets: [u64; 4]) -> TestResult {
    let db = open(path)?;
    let (store, labels) = (db.store::<Ticket>()?, db.map::<LabelId, String>("labels")?);
    for last in [tickets[3], tickets[3] + 1] {
        let ticket = store.create_next(Ticket { id: TicketId(0), title: "new".into() })?;
        assert!(ticket.key().0 > last, "{:?}", ticket.key());
        ticket.commit()?;
    }
    let before = labels.last()?.ok_or("no labels")?.0;
    assert!(labels.next_key()?.0 > before.0);
    for namespace in ["new", "gone"] {
        let map = db.map::<u8, String>(namespace)?;
        assert_eq!(map.first()?, None);
        map.put(7, namespace.to_owned())?;
    }
    db.close()?;
    let db = open(path)?;
    let store = db.store::<Ticket>()?;
    for entry in store.range(TicketId(tickets[3] + 1)..)? {
        store.remove(entry?.0)?;
    }
    for namespace in ["new", "gone"] {
        assert_eq!(db.map::<u8, String>(namespace)?.get(7)?, Some(namespace.to_owned()));
    }
    db.close()?;
    let db = open(path)?;
    assert!(db.drop_namespace("new")? && db.drop_namespace("gone")?);
    holds_all(&db, tickets)?;
    Ok(db.close()?)
}

/// The shape of a namespace's keys, as the catalog has it.
fn shape(db: &Database, name: &str) -> TestResult<String> {
    let namespaces = db.namespaces()?;
    Ok(namespaces.iter().find(|info| info.name() == name).ok_or("no such namespace")?.key().to_owned())
}

/// The first version recorded the types of a key's fields, and not their names.
#[test]
fn names_of_the_fields_of_keys_come_with_the_first_write() -> TestResult {
    let directory = copy("closed")?;
    let db = open(directory.path())?;
    let (old, new) = ("(string,i16,bytes)", "(room:string,shelf:i16,label:bytes)");
    let places = db.map::<Place, u32>("key place")?;
    assert_eq!(places.prefix(("attic",))?.count(), 2);
    assert_eq!(shape(&db, "key place")?, old);
    places.put(Place { room: "attic".into(), shelf: 2, label: vec![] }, 7)?;
    assert_eq!(shape(&db, "key place")?, new);
    drop(places);
    db.close()?;
    let db = open(directory.path())?;
    assert_eq!(db.map::<Place, u32>("key place")?.prefix(("attic",))?.count(), 3);
    Ok(db.close()?)
}

#[test]
fn a_database_that_was_closed() -> TestResult {
    let directory = copy("closed")?;
    let path = directory.path();
    is_marked(path, "clean", "buffered")?;
    let db = open(path)?;
    holds_all(&db, [1, 2, 3, 1001])?;
    let jobs = db.store::<Job>()?.iter()?.collect::<Result<Vec<_>, _>>()?;
    assert_eq!(jobs, [(1, job("me")), (2, job("you")), (3, grown_job())]);
    db.close()?;
    goes_on(path, [1, 2, 3, 1001])
}

#[test]
fn a_database_whose_session_was_killed() -> TestResult {
    let directory = copy("buffered")?;
    let path = directory.path();
    is_marked(path, "open", "buffered")?;
    // What the last session wrote is in the log, and nowhere else.
    assert!(contains(&log(path)?, b"fourth") && !contains(&log(path)?, b"third"));
    let db = open(path)?;
    holds_all(&db, [1, 2, 3, 1001])?;
    let jobs = db.store::<Job>()?.iter()?.collect::<Result<Vec<_>, _>>()?;
    assert_eq!(jobs, [(1, job("me")), (2, job("you")), (3, grown_job())]);
    db.close()?;
    goes_on(path, [1, 2, 3, 1001])
}

#[test]
fn a_database_whose_synced_session_was_killed() -> TestResult {
    let directory = copy("synced")?;
    let path = directory.path();
    is_marked(path, "open", "sync")?;
    assert!(contains(&log(path)?, b"fourth"));
    let db = open(path)?;
    holds_all(&db, [1, 2, 3, 4])?;
    // Nobody wrote with the grown schema so far: the program of then still opens.
    let jobs = db.store::<first::Job>()?.iter()?.collect::<Result<Vec<_>, _>>()?;
    assert_eq!(jobs, [(1, first::Job { owner: "me".into() }), (2, first::Job { owner: "you".into() })]);
    db.close()?;
    goes_on(path, [1, 2, 3, 4])?;
    let db = open(path)?;
    let jobs = db.store::<Job>()?;
    assert_eq!(jobs.get(2)?, Some(job("you")));
    jobs.insert(3, grown_job())?;
    db.close()?;
    let db = open(path)?;
    assert!(db.store::<first::Job>().is_err());
    let jobs = db.store::<Job>()?.iter()?.collect::<Result<Vec<_>, _>>()?;
    assert_eq!(jobs, [(1, job("me")), (2, job("you")), (3, grown_job())]);
    Ok(())
}

#[test]
fn a_database_whose_session_was_killed_while_it_dropped_a_namespace() -> TestResult {
    let directory = copy("half-dropped")?;
    let path = directory.path();
    is_marked(path, "open", "buffered")?;
    // The row of progress was put for namespace 2, and its span is not deleted yet: both keys behind their lengths.
    let bytes = log(path)?;
    assert!(contains(&bytes, &[0, 0, 0, 0, 4, 0, 0, 0, 2]) && !contains(&bytes, &[4, 0, 0, 0, 2, 4, 0, 0, 0, 3]));
    assert!(is_somewhere(path, b"entry 0"));
    for session in 0..2 {
        let db = open(path)?;
        let names: Vec<_> = db.namespaces()?.iter().map(|namespace| namespace.name().to_owned()).collect();
        assert_eq!(names, ["kept", "new"].map(str::to_owned)[..=session]);
        assert_eq!(db.map::<u8, String>("kept")?.get(1)?, Some("kept".into()));
        // Dropping went on where it had ended. RocksDB removes files some time later.
        wait_until("no file has the entries", || !is_somewhere(path, b"entry 0"))?;
        let new = db.map::<u8, String>("new")?;
        assert_eq!(new.iter()?.count(), session);
        new.put(9, "new".into())?;
        if session == 0 {
            // In CBOR: not the number of the dropped one.
            assert!(contains(&log(path)?, b"\x62id\x03"));
        }
        db.close()?;
    }
    let db = open(path)?;
    assert!(!db.drop_namespace("dropped")?);
    assert_eq!(db.map::<u8, String>("dropped")?.first()?, None);
    Ok(())
}
