//! What the engine is asked for an element: as much for one of ten as for one of ten thousand.

use std::panic::Location;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::{Job, fill, init};
use crate::engine::local::Local;
use crate::engine::memory::{Faults, Memory};
use crate::engine::{
    Commit, CommitFailure, Engine, Holding, LockFailure, Op, Page, Reader, Tables, Token, Visit, Wait, Watch,
};
use crate::key::Span;
use crate::key::hidden::KeyBuf;
use crate::{Batch, Database, MapStore, Result};

/// Counts what an engine is asked.
struct Counting {
    engine: Local<Memory>,
    counts: Arc<Counts>,
}

/// The keys of a commit: put, or deleted.
type Keys = Vec<(bool, Vec<u8>)>;

#[derive(Default)]
struct Counts {
    reads: AtomicUsize,
    pages: AtomicUsize,
    commits: AtomicUsize,
    operations: AtomicUsize,
    keys: Mutex<Vec<Keys>>,
}

impl Counts {
    /// Reads, pages, commits, and their operations, since it was asked last.
    fn take(&self) -> [usize; 4] {
        [&self.reads, &self.pages, &self.commits, &self.operations].map(|count| count.swap(0, Ordering::SeqCst))
    }
}

fn count(count: &AtomicUsize, more: usize) {
    count.fetch_add(more, Ordering::SeqCst);
}

impl Reader for Counting {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        count(&self.counts.reads, 1);
        self.engine.read(key, visit)
    }

    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        count(&self.counts.pages, 1);
        self.engine.page(span, page)
    }
}

impl Engine for Counting {
    fn path(&self) -> &Path {
        self.engine.path()
    }

    fn check_open(&self) -> Result<()> {
        self.engine.check_open()
    }

    fn snapshot(&self) -> Result<Arc<dyn Reader>> {
        self.engine.snapshot()
    }

    fn lock(&self, key: KeyBuf, wait: Wait, taken_at: &'static Location<'static>) -> Result<Token, LockFailure> {
        self.engine.lock(key, wait, taken_at)
    }

    fn lock_if_free(&self, key: KeyBuf, taken_at: &'static Location<'static>) -> Result<Option<Token>, LockFailure> {
        self.engine.lock_if_free(key, taken_at)
    }

    fn watch(&self, span: Span) -> Watch<'_> {
        self.engine.watch(span)
    }

    fn unlock(&self, token: &Token) {
        self.engine.unlock(token);
    }

    fn commit(&self, commit: &Commit<'_>) -> Result<(), CommitFailure> {
        count(&self.counts.commits, 1);
        count(&self.counts.operations, commit.ops.len());
        let keys = commit.ops.iter().map(|op| match op {
            Op::Put { key, .. } => (true, key.to_vec()),
            Op::Delete { key } => (false, key.to_vec()),
            Op::DeleteSpan { span } => (false, span.start.as_slice().to_vec()),
        });
        self.counts.keys.lock().unwrap().push(keys.collect());
        self.engine.commit(commit)
    }

    fn is_held(&self, key: &KeyBuf) -> bool {
        self.engine.is_held(key)
    }

    fn held(&self) -> Vec<Holding> {
        self.engine.held()
    }

    fn sync(&self) -> Result<()> {
        self.engine.sync()
    }

    fn checkpoint(&self, to: &Path, tables: Tables) -> Result<()> {
        self.engine.checkpoint(to, tables)
    }

    fn estimated_keys(&self, span: &Span) -> Result<u64> {
        self.engine.estimated_keys(span)
    }

    fn reclaim(&self, span: &Span) -> Result<()> {
        self.engine.reclaim(span)
    }

    fn compact(&self) -> Result<()> {
        self.engine.compact()
    }

    fn close(&self) -> Result<()> {
        self.engine.close()
    }
}

fn counted() -> (Database, Arc<Counts>) {
    let counts = Arc::<Counts>::default();
    let engine = Counting { engine: Local::new(Memory::new(Faults::default())), counts: Arc::clone(&counts) };
    (Database::new(Arc::new(engine), &Database::builder().read_cache_bytes(0)).unwrap(), counts)
}

#[test]
fn an_element_costs_the_same_among_many() {
    type Step = fn(&MapStore<Job>);
    let steps: [(&str, Step, [usize; 4]); 9] = [
        ("change", |jobs| insert(jobs, 5), [1, 0, 1, 1]),
        ("add", |jobs| insert(jobs, 1_000_000), [1, 0, 1, 1]),
        (
            "remove",
            |jobs| {
                let mut job = jobs.lock("/a").unwrap().unwrap();
                assert!(job.elements(Job::ATTEMPTS).remove(6).unwrap());
                job.commit().unwrap();
            },
            [2, 0, 1, 1],
        ),
        (
            "change in a batch",
            |jobs| {
                let mut job = jobs.lock("/a").unwrap().unwrap();
                job.elements(Job::ATTEMPTS).insert(5, "y".into()).unwrap();
                Batch::new().write(job).commit().unwrap();
            },
            [1, 0, 1, 1],
        ),
        ("get", |jobs| assert!(jobs.elements(Job::ATTEMPTS, "/a").get(5).unwrap().is_some()), [2, 0, 0, 0]),
        (
            "push twice",
            |jobs| {
                let mut job = jobs.lock("/a").unwrap().unwrap();
                job.elements(Job::LOG).push_back("y".into()).unwrap();
                job.elements(Job::LOG).push_back("y".into()).unwrap();
                job.commit().unwrap();
            },
            // The entry and the deque's ends; two elements and the ends.
            [2, 0, 1, 3],
        ),
        (
            "pop",
            |jobs| {
                let mut job = jobs.lock("/a").unwrap().unwrap();
                assert!(job.elements(Job::LOG).pop_front().unwrap().is_some());
                job.commit().unwrap();
            },
            [3, 0, 1, 2],
        ),
        ("the entry alone", |jobs| assert!(jobs.get("/a").unwrap().is_some()), [1, 0, 0, 0]),
        // The entry's lock, no element among what is read; the record, and no element among what is written.
        ("change the entry", |jobs| jobs.update("/a", |job| job.owner.clear()).unwrap().unwrap(), [1, 0, 1, 1]),
    ];
    for size in [10, 10_000] {
        let (db, counts) = counted();
        let jobs = db.store::<Job>().unwrap();
        fill(&jobs, "/a", size);
        for (name, step, expected) in &steps {
            counts.take();
            step(&jobs);
            assert_eq!(counts.take(), *expected, "{name} among {size}: reads, pages, commits, operations");
        }
    }
}

fn insert(jobs: &MapStore<Job>, number: u32) {
    let mut job = jobs.lock("/a").unwrap().unwrap();
    job.elements(Job::ATTEMPTS).insert(number, "y".into()).unwrap();
    job.commit().unwrap();
}

/// Were the row put by another commit, a kill between the two would leave the elements for ever.
#[test]
fn the_row_for_the_sweeper_is_put_by_the_commit_that_removes_the_entry() {
    type Way = (fn(&MapStore<Job>), bool);
    let ways: [Way; 4] = [
        (|jobs| assert!(jobs.remove("/a").unwrap()), false),
        (|jobs| jobs.insert("/a", init()).unwrap(), true),
        (|jobs| jobs.lock("/a").unwrap().unwrap().delete().unwrap(), false),
        (|jobs| Batch::new().delete(jobs.lock("/a").unwrap().unwrap()).commit().unwrap(), false),
    ];
    for (way, puts_record) in ways {
        let (db, counts) = counted();
        let jobs = db.store::<Job>().unwrap();
        fill(&jobs, "/a", 3);
        counts.keys.lock().unwrap().clear();
        way(&jobs);
        // The sweeper's own commits come behind.
        let first = counts.keys.lock().unwrap().remove(0);
        let orphan = jobs.namespace().elements.orphan_key(1);
        assert_eq!(first, [(puts_record, b"\0\0\0\x01/a".to_vec()), (true, orphan.as_slice().to_vec())]);
    }
}

/// Structs without element-wise collections are not asked for any.
#[test]
fn entries_without_elements_cost_what_they_did() {
    let (db, counts) = counted();
    let map = db.map::<u64, u64>("map").unwrap();
    counts.take();
    map.put(1, 1).unwrap();
    assert_eq!(counts.take(), [0, 0, 1, 1], "put");
    map.put(1, 2).unwrap();
    assert_eq!(counts.take(), [0, 0, 1, 1], "replace");
    map.update(1, |value| *value += 1).unwrap();
    assert_eq!(counts.take(), [1, 0, 1, 1], "update");
    assert!(map.remove(1).unwrap());
    assert_eq!(counts.take(), [1, 0, 1, 1], "remove");
}
