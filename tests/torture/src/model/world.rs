//! A database and its model.

use std::collections::BTreeMap;
use std::time::Duration;

use kvstore::{Batch, Database, Snapshot};
use kvstore_tests::TestResult;
use tempfile::TempDir;

use super::answer::{Refusal, answer, same};
use super::held::failure;
use super::kinds::{NOTES, old};
use super::ops::{Fate, Op, Way};
use super::shelf::AnyShelf;
use super::shelves::{Notes, STORES, Shelves};

/// Snapshots alive at a time; beyond it the oldest is dropped.
const SNAPSHOTS: usize = 3;

/// A database and its model.
pub(super) struct World {
    /// Where it is, unless in memory.
    directory: Option<TempDir>,
    db: Database,
    shelves: Shelves,
    /// Whether the catalog knows the notes' new field.
    has_grown: bool,
    snapshots: Vec<Snapshot>,
    /// How often the database was closed and opened.
    pub(super) reopened: u64,
}

/// Opens a database that waits for no lock: only the model itself holds locks, and would wait for itself.
fn open(directory: Option<&TempDir>) -> TestResult<Database> {
    let builder = Database::builder().lock_timeout(Duration::ZERO);
    Ok(match directory {
        Some(directory) => builder.cache_bytes(1 << 20).open(directory.path())?,
        None => builder.in_memory()?,
    })
}

impl World {
    /// An empty one.
    pub(super) fn new(on_disk: bool) -> TestResult<Self> {
        let directory = if on_disk { Some(tempfile::tempdir()?) } else { None };
        Ok(Self {
            db: open(directory.as_ref())?,
            directory,
            shelves: Shelves::new(),
            has_grown: false,
            snapshots: Vec::new(),
            reopened: 0,
        })
    }

    /// Does something, holds the answer against the model, and looks whether exactly the model's locks are held.
    pub(super) fn apply(&mut self, op: Op) -> TestResult {
        match op {
            Op::On(store, deed) => self.shelves.one(store).apply(&self.db, &self.snapshots, deed)?,
            Op::Together { pair, keys, number, then } => {
                self.shelves.together(&self.db, pair, keys, number, then)?;
            }
            Op::Batch { picks, fate } => self.batch(picks, fate)?,
            Op::Snapshot => {
                self.snapshots.push(self.db.snapshot()?);
                self.shelves.all().into_iter().for_each(AnyShelf::remember);
                if self.snapshots.len() > SNAPSHOTS {
                    self.drop_snapshot(0);
                }
            }
            Op::DropSnapshot(which) => {
                if let Some(index) = usize::from(which).checked_rem(self.snapshots.len()) {
                    self.drop_snapshot(index);
                }
            }
            Op::Namespaces => self.check_namespaces()?,
            Op::OpenAnother(store) => self.open_another(store)?,
            Op::DropNamespace(store) => self.drop_namespace(store)?,
            Op::Reopen { way, dropped, grown } => self.reopen(way, dropped, grown)?,
        }
        if let Notes::Grown(notes) = &self.shelves.notes
            && !self.has_grown
        {
            self.has_grown = notes.wrote;
            // A rare moment: the field is recorded with the first write, and nothing else may record it.
            self.check_namespaces()?;
        }
        self.check_locks()
    }

    fn drop_snapshot(&mut self, index: usize) {
        self.snapshots.remove(index);
        self.shelves.all().into_iter().for_each(|shelf| shelf.forget(index));
    }

    fn check_locks(&mut self) -> TestResult {
        let guards = self.shelves.all().map(|shelf| (shelf.namespace().to_owned(), shelf.guards()));
        let expected = BTreeMap::from(guards);
        let mut held: BTreeMap<_, _> = expected.keys().map(|name| (name.clone(), 0)).collect();
        for lock in self.db.locks() {
            *held.entry(lock.namespace().to_owned()).or_default() += 1;
        }
        same("the locks that are held", &held, &expected)
    }

    fn batch(&mut self, mut picks: u64, fate: Fate) -> TestResult {
        let mut batch = Batch::new();
        for shelf in self.shelves.all() {
            batch = shelf.give(batch, &mut picks);
        }
        let mut left = usize::from(matches!(fate, Fate::TakeOneAndCommit));
        for shelf in self.shelves.all() {
            left -= shelf.take_back(&mut batch, left)?;
        }
        if matches!(fate, Fate::Drop) {
            drop(batch);
            self.shelves.all().into_iter().for_each(|shelf| shelf.settle(false));
            return Ok(());
        }
        let refused = self.shelves.all().iter().any(|shelf| shelf.refuses());
        let expected = if refused { Err(Refusal::KeyChanged) } else { Ok(()) };
        match failure("the commit of a batch", batch.try_commit(), expected)? {
            None => {
                self.shelves.all().into_iter().for_each(|shelf| shelf.settle(true));
            }
            Some(mut batch) => {
                for shelf in self.shelves.all() {
                    shelf.take_back(&mut batch, usize::MAX)?;
                }
            }
        }
        Ok(())
    }

    /// What the catalog must say of this world's namespaces, and says.
    fn check_namespaces(&mut self) -> TestResult {
        let mut expected = BTreeMap::new();
        for shelf in self.shelves.all().into_iter().filter(|shelf| shelf.exists()) {
            let fields = if shelf.namespace() == NOTES { 2 + usize::from(self.has_grown) } else { 0 };
            expected.insert(shelf.namespace().to_owned(), (fields, shelf.len() as u64));
        }
        let found = self.db.namespaces()?;
        let found = found.iter().map(|found| {
            let about = (found.fields().len(), found.estimated_entries());
            (found.name().to_owned(), about)
        });
        same("the namespaces", &found.collect(), &expected)
    }

    /// A namespace is of one type, here and in the catalog.
    fn open_another(&mut self, store: u8) -> TestResult {
        let shelf = self.shelves.one(store);
        let expected = match (shelf.is_open(), shelf.exists()) {
            (true, _) => Refusal::NamespaceInUse,
            (false, true) => Refusal::SchemaMismatch,
            // It would be created.
            (false, false) => return Ok(()),
        };
        let opened = answer(self.db.map::<bool, Vec<String>>(shelf.namespace()))?;
        same("opening as another type", &opened.map(drop), &Err(expected))
    }

    fn drop_namespace(&mut self, store: u8) -> TestResult {
        let shelf = self.shelves.one(store);
        let expected = if shelf.is_open() { Err(Refusal::NamespaceInUse) } else { Ok(shelf.exists()) };
        same("drop_namespace", &answer(self.db.drop_namespace(shelf.namespace()))?, &expected)?;
        if expected == Ok(true) {
            shelf.dropped();
            if store % STORES == STORES - 1 {
                self.has_grown = false;
            }
        }
        Ok(())
    }

    /// Closes and opens. In memory that would be the end of everything; only a program that has no notes yet may become
    /// the other.
    fn reopen(&mut self, way: Way, dropped: u8, grown: bool) -> TestResult {
        if self.directory.is_none() {
            let has_notes = self.shelves.one(STORES - 1).exists();
            return if has_notes { Ok(()) } else { self.change_program(grown) };
        }
        self.check_all()?;
        self.snapshots.clear();
        match way {
            Way::Close => {
                self.shelves.all().into_iter().for_each(AnyShelf::let_go);
                self.db.clone().close()?;
            }
            Way::CloseHolding => {
                self.db.clone().close()?;
                self.shelves.all().into_iter().try_for_each(AnyShelf::expect_closed)?;
                self.shelves.all().into_iter().for_each(AnyShelf::let_go);
            }
            Way::Drop => {
                self.shelves.all().into_iter().for_each(AnyShelf::let_go);
            }
        }
        // The old one must be gone before the directory is opened again.
        drop(std::mem::replace(&mut self.db, Database::in_memory()?));
        self.db = open(self.directory.as_ref())?;
        self.reopened += 1;
        for store in (0..STORES).filter(|store| dropped >> store & 1 == 1) {
            self.drop_namespace(store)?;
        }
        self.change_program(grown)
    }

    /// The notes are opened by one of the two programs: the old one only where the new one has not written.
    fn change_program(&mut self, grown: bool) -> TestResult {
        if self.has_grown && !grown {
            same("the old program", &answer(self.db.store::<old::Note>().map(drop))?, &Err(Refusal::SchemaMismatch))?;
        }
        self.shelves.change_program(grown || self.has_grown);
        Ok(())
    }

    /// Holds all stores, now and in every snapshot, against the model.
    pub(super) fn check_all(&mut self) -> TestResult {
        let Self { db, shelves, snapshots, .. } = self;
        shelves.all().into_iter().try_for_each(|shelf| shelf.check_all(db, snapshots))
    }

    /// The last look at everything; then everything is deleted, so that another sequence can begin.
    pub(super) fn end(&mut self) -> TestResult {
        self.check_all()?;
        self.check_namespaces()?;
        self.snapshots.clear();
        self.shelves.all().into_iter().try_for_each(|shelf| shelf.clear(&self.db))?;
        self.check_locks()
    }
}
