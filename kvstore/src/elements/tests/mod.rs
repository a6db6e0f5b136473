//! What lies on disk of elements, and what the sweeper leaves of it.

mod reads;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::sweep::{sweep_all, sweep_one};
use super::{ElementDeque, ElementMap, ElementSet};
use crate::engine::{Commit, Engine, Op, Page};
use crate::key::Span;
use crate::key::hidden::KeyBuf;
use crate::{Batch, Database, MapStore, Outcome, Store};

#[derive(Store)]
#[store(key = String, crate = "crate")]
struct Job {
    owner: String,
    attempts: ElementMap<u32, String>,
    tags: ElementSet<String>,
    log: ElementDeque<String>,
}

fn init() -> JobInit {
    JobInit { owner: "me".into() }
}

fn store(db: &Database) -> MapStore<Job> {
    db.store().unwrap()
}

fn engine(jobs: &MapStore<Job>) -> &Arc<dyn Engine> {
    &jobs.namespace().instance.engine
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

/// All rows of a span, as the book shows them.
fn rows(engine: &dyn Engine, span: &Span) -> Vec<String> {
    let mut page = Page::new();
    page.clear(100_000);
    engine.page(span, &mut page).unwrap();
    let rows = (0..page.len()).filter_map(|index| page.row(index));
    rows.map(|(key, value)| format!("{} -> {}", hex(key), hex(value))).collect()
}

/// How many rows the namespaces behind that of the store have: those of its elements and orphans.
fn elements(engine: &dyn Engine) -> usize {
    rows(engine, &Span { start: KeyBuf::in_namespace(2), end: KeyBuf::in_namespace(100) }).len()
}

fn wait_until_swept(engine: &dyn Engine) {
    let began = Instant::now();
    while elements(engine) > 0 {
        assert!(began.elapsed() < Duration::from_mins(5), "elements are left");
        std::thread::yield_now();
    }
}

/// Rows of an entry as they would be had the program been killed after it was removed.
fn remove_without_sweeper(jobs: &MapStore<Job>, key: &str, incarnation: u64) {
    let mut owner = KeyBuf::in_namespace(jobs.namespace().id);
    owner.extend(key.as_bytes());
    let orphan = jobs.namespace().elements.orphan_key(incarnation);
    let ops = [Op::Delete { key: owner.as_slice() }, Op::Put { key: orphan.as_slice(), value: &[] }];
    engine(jobs).commit(&Commit { ops: &ops, ..Commit::default() }).unwrap();
}

fn fill(jobs: &MapStore<Job>, key: &str, attempts: u32) {
    let mut job = jobs.create(key, init()).unwrap();
    for number in 0..attempts {
        job.elements(Job::ATTEMPTS).insert(number, "x".into()).unwrap();
    }
    job.elements(Job::LOG).push_back("x".into()).unwrap();
    job.commit().unwrap();
}

/// The rows, as the book's chapter on the format has them.
#[test]
fn elements_have_the_bytes_of_the_book() {
    let db = Database::in_memory().unwrap();
    let jobs = store(&db);
    let mut job = jobs.create("/a", init()).unwrap();
    job.elements(Job::ATTEMPTS).insert(7, "ok".into()).unwrap();
    job.elements(Job::TAGS).insert("new").unwrap();
    job.elements(Job::LOG).push_back("b".into()).unwrap();
    job.elements(Job::LOG).push_front("a".into()).unwrap();
    job.commit().unwrap();
    jobs.insert("/b", init()).unwrap();
    let all = Span { start: KeyBuf::new(), end: KeyBuf::from_bytes(&[0xFF]) };
    let found: Vec<_> =
        rows(&**engine(&jobs), &all).into_iter().filter(|row| !row.starts_with("00 00 00 00 00")).collect();
    assert_eq!(
        found,
        [
            // namespace `job`
            "00 00 00 00 01 6a 6f 62 -> a4 62 69 64 01 67 76 65 72 73 69 6f 6e 01 63 6b 65 79 66 73 74 72 69 6e 67 \
             66 66 69 65 6c 64 73 84 82 65 6f 77 6e 65 72 66 53 74 72 69 6e 67 \
             82 68 61 74 74 65 6d 70 74 73 76 45 6c 65 6d 65 6e 74 4d 61 70 3c 75 33 32 2c 53 74 72 69 6e 67 3e \
             82 64 74 61 67 73 72 45 6c 65 6d 65 6e 74 53 65 74 3c 53 74 72 69 6e 67 3e \
             82 63 6c 6f 67 74 45 6c 65 6d 65 6e 74 44 65 71 75 65 3c 53 74 72 69 6e 67 3e",
            // its orphans, then `attempts`, `log`, `tags`
            "00 00 00 00 02 00 00 00 01 -> a3 62 69 64 02 64 6b 69 6e 64 67 6f 72 70 68 61 6e 73 63 6b 65 79 63 75 36 34",
            "00 00 00 00 02 00 00 00 01 61 74 74 65 6d 70 74 73 -> \
             a3 62 69 64 03 64 6b 69 6e 64 63 6d 61 70 63 6b 65 79 63 75 33 32",
            "00 00 00 00 02 00 00 00 01 6c 6f 67 -> a3 62 69 64 05 64 6b 69 6e 64 65 64 65 71 75 65 63 6b 65 79 63 69 36 34",
            "00 00 00 00 02 00 00 00 01 74 61 67 73 -> \
             a3 62 69 64 04 64 6b 69 6e 64 63 73 65 74 63 6b 65 79 66 73 74 72 69 6e 67",
            // numbers of namespaces, and of incarnations
            "00 00 00 00 03 00 00 00 00 -> 06",
            "00 00 00 00 03 00 00 00 02 -> 19 03 e9",
            // the entries: with elements, and without
            "00 00 00 01 2f 61 -> 01 01 a2 01 01 65 6f 77 6e 65 72 62 6d 65",
            "00 00 00 01 2f 62 -> 01 01 a1 65 6f 77 6e 65 72 62 6d 65",
            // the elements
            "00 00 00 03 00 00 00 00 00 00 00 01 00 00 00 07 -> 02 01 62 6f 6b",
            "00 00 00 04 00 00 00 00 00 00 00 01 6e 65 77 -> ",
            "00 00 00 05 00 00 00 00 00 00 00 01 -> 02 01 82 20 01",
            "00 00 00 05 00 00 00 00 00 00 00 01 7f ff ff ff ff ff ff ff -> 02 01 61 61",
            "00 00 00 05 00 00 00 00 00 00 00 01 80 00 00 00 00 00 00 00 -> 02 01 61 62",
        ]
    );
    remove_without_sweeper(&jobs, "/a", 1);
    assert_eq!(rows(&**engine(&jobs), &Span::namespace(2)), ["00 00 00 02 00 00 00 00 00 00 00 01 -> "]);
}

#[test]
fn every_way_to_remove_an_entry_has_its_elements_deleted() {
    let db = Database::in_memory().unwrap();
    let jobs = store(&db);
    let ways: [fn(&MapStore<Job>); 4] = [
        |jobs| assert!(jobs.remove("/a").unwrap()),
        |jobs| jobs.insert("/a", init()).unwrap(),
        |jobs| jobs.lock("/a").unwrap().unwrap().delete().unwrap(),
        |jobs| Batch::new().delete(jobs.lock("/a").unwrap().unwrap()).commit().unwrap(),
    ];
    for way in ways {
        let _ = jobs.remove("/a").unwrap();
        fill(&jobs, "/a", 20);
        way(&jobs);
        assert_eq!(jobs.elements(Job::ATTEMPTS, "/a").count().unwrap(), 0);
        wait_until_swept(&**engine(&jobs));
    }
}

/// More elements than are deleted one by one.
#[test]
fn a_large_collection_is_deleted_and_its_neighbours_are_not() {
    let db = Database::in_memory().unwrap();
    let jobs = store(&db);
    fill(&jobs, "/a", 3);
    fill(&jobs, "/b", 10_000);
    fill(&jobs, "/c", 3);
    assert!(jobs.remove("/b").unwrap());
    let began = Instant::now();
    while elements(&**engine(&jobs)) > 2 * (3 + 2) {
        assert!(began.elapsed() < Duration::from_mins(5), "elements are left");
        std::thread::yield_now();
    }
    for key in ["/a", "/c"] {
        assert_eq!(jobs.elements(Job::ATTEMPTS, key).count().unwrap(), 3);
        assert_eq!(jobs.elements(Job::LOG, key).front().unwrap().as_deref(), Some("x"));
    }
}

#[test]
fn faults_hit_the_program_and_not_the_sweep() {
    let (db, faults) = Database::in_memory_with_faults().unwrap();
    let jobs = store(&db);
    fill(&jobs, "/a", 5);
    remove_without_sweeper(&jobs, "/a", 1);
    faults.fail_next_writes(1, Outcome::NotApplied);
    let engine = &**engine(&jobs);
    sweep_all(engine, &jobs.namespace().elements, &|| true).unwrap();
    assert_eq!(elements(engine), 0);
    assert!(jobs.insert("/b", init()).is_err());
    jobs.insert("/b", init()).unwrap();
}

#[test]
fn a_sweep_that_is_stopped_at_any_step_is_finished_by_the_next() {
    for steps in 0.. {
        let db = Database::in_memory().unwrap();
        let jobs = store(&db);
        fill(&jobs, "/a", 2500);
        fill(&jobs, "/b", 5);
        for (key, incarnation) in [("/a", 1), ("/b", 2)] {
            remove_without_sweeper(&jobs, key, incarnation);
        }
        let (engine, spaces) = (&**engine(&jobs), &jobs.namespace().elements);
        let left = std::cell::Cell::new(steps);
        let before = elements(engine);
        sweep_all(engine, spaces, &|| left.replace(left.get() - 1) > 0).unwrap();
        let is_done = elements(engine) == 0;
        assert!(steps > 0 || elements(engine) == before);
        // Whatever is left, its row is, too.
        assert_eq!(spaces.has_orphans(engine).unwrap(), !is_done);
        sweep_all(engine, spaces, &|| true).unwrap();
        assert_eq!(elements(engine), 0);
        // Once more is no harm.
        sweep_one(engine, spaces, 1, &|| true).unwrap();
        if is_done {
            assert!(steps > 5, "{steps} steps");
            break;
        }
    }
}

#[cfg(feature = "rocksdb")]
#[test]
fn what_a_kill_left_is_swept_when_the_store_is_opened_again() {
    let directory = tempfile::tempdir().unwrap();
    {
        let db = Database::open(directory.path()).unwrap();
        let jobs = store(&db);
        fill(&jobs, "/a", 3000);
        fill(&jobs, "/b", 5);
        remove_without_sweeper(&jobs, "/a", 1);
        remove_without_sweeper(&jobs, "/b", 2);
        fill(&jobs, "/a", 1);
        db.close().unwrap();
    }
    let db = Database::open(directory.path()).unwrap();
    let jobs = store(&db);
    let began = Instant::now();
    while elements(&**engine(&jobs)) > 3 {
        assert!(began.elapsed() < Duration::from_mins(5), "elements are left");
        std::thread::yield_now();
    }
    assert_eq!(jobs.elements(Job::ATTEMPTS, "/a").count().unwrap(), 1);
    assert!(!jobs.namespace().elements.has_orphans(&**engine(&jobs)).unwrap());
}

#[cfg(feature = "rocksdb")]
#[test]
fn a_dropped_namespace_takes_its_elements_with_it() {
    let directory = tempfile::tempdir().unwrap();
    {
        let db = Database::open(directory.path()).unwrap();
        let jobs = store(&db);
        fill(&jobs, "/a", 30);
        fill(&jobs, "/b", 30);
        remove_without_sweeper(&jobs, "/b", 2);
        assert!(matches!(db.drop_namespace("job"), Err(crate::Error::NamespaceInUse { .. })));
        db.close().unwrap();
    }
    let db = Database::open(directory.path()).unwrap();
    assert!(db.drop_namespace("job").unwrap());
    let jobs = store(&db);
    let engine = &**engine(&jobs);
    let old = Span { start: KeyBuf::in_namespace(1), end: KeyBuf::in_namespace(6) };
    assert_eq!(rows(engine, &old), [""; 0]);
    // Of the catalog's rows, none is about a number of the old namespaces.
    let catalog = rows(engine, &Span::namespace(0));
    assert!(catalog.iter().all(|row| (1..6).all(|id| !row.starts_with(&format!("00 00 00 00 03 00 00 00 0{id}")))));
    assert!(catalog.iter().all(|row| !row.starts_with("00 00 00 00 04")));
    assert_eq!(catalog.iter().filter(|row| row.starts_with("00 00 00 00 02 00 00 00 06")).count(), 4, "{catalog:#?}");
    assert_eq!(catalog.iter().filter(|row| row.starts_with("00 00 00 00 02")).count(), 4);
    // Numbers of incarnations begin anew, and so do the elements.
    fill(&jobs, "/a", 1);
    assert_eq!(jobs.elements(Job::ATTEMPTS, "/a").count().unwrap(), 1);
}

#[test]
fn a_record_of_an_entry_with_elements_is_refused_by_a_struct_without() {
    #[derive(Store)]
    #[store(key = String, crate = "crate")]
    struct Plain {
        owner: String,
    }
    let record = [1, 1, 0xA2, 1, 5, 0x65, b'o', b'w', b'n', b'e', b'r', 0x62, b'm', b'e'];
    let read = crate::__private::value_of::<Job>(b"/a", &record).map(|job| job.owner);
    assert_eq!(read, Ok("me".to_owned()));
    let refused = crate::__private::value_of::<Plain>(b"/a", &record).map(|plain| plain.owner);
    assert_eq!(refused, Err(crate::record::RecordError::Unsupported("system field 1 of a record".into())));
    // Behind other fields, twice, or beside one of a later version, it is refused, too, also where a field is not looked at.
    let owner = [0x65, b'o', b'w', b'n', b'e', b'r', 0x62, b'm', b'e'];
    for (fields, system) in [(0xA2, vec![2, 5]), (0xA3, vec![1, 5, 1, 6]), (0xA3, vec![1, 5, 2, 6])] {
        let record = [&[1, 1, fields], &*system, &owner].concat();
        assert!(crate::__private::value_of::<Job>(b"/a", &record).is_err(), "{record:?}");
        assert!(crate::record::incarnation(&record, 1).is_err(), "{record:?}");
    }
    let behind = [&[1, 1, 0xA2], &owner[..], &[1, 5]].concat();
    assert!(crate::__private::value_of::<Job>(b"/a", &behind).is_err());
}
