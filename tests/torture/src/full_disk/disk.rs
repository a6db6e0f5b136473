//! A disk with a database on it, and a model of what must be in it.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use kvstore::{Batch, Database, Durability, Error, Map, MapStore, Outcome};
use kvstore_tests::{TestResult, wait_until};

use super::Seen;
use crate::workload::Failed;

/// The size of the disk.
pub(super) const DISK: usize = 24 << 20;
/// How much of the disk is taken by something else while it is filled. To merge tables takes as much room as they have.
const BALLAST: usize = 13 << 20;
/// What is kept from filling to filling.
const KEPT: &str = "kept";
/// What fills the disk, and is dropped afterwards.
const FILLING: &str = "filling";
/// Keys of what is kept.
const KEPT_KEYS: u64 = 40;
/// Commits after the disk has room again.
const MORE: u64 = 30;

/// The namespace and key of an entry.
type Place = (&'static str, u64);
/// What a commit does to entries: it puts the value of a seed, or deletes.
type Changes = BTreeMap<Place, Option<u64>>;

/// See [the module](self).
pub(super) struct Disk {
    root: PathBuf,
    rng: fastrand::Rng,
    /// By place, the seed of the value.
    model: BTreeMap<Place, u64>,
    next_key: u64,
    /// Bytes of values that were acknowledged in this filling.
    written: usize,
    /// The commit of unknown outcome, until it is known.
    unknown: Option<Changes>,
    pub(super) seen: Seen,
}

impl Disk {
    /// A new one, where nothing is.
    pub(super) fn new(root: &Path, seed: u64) -> Self {
        let (root, rng) = (root.to_owned(), fastrand::Rng::with_seed(seed));
        Self { root, rng, model: BTreeMap::new(), next_key: 0, written: 0, unknown: None, seen: Seen::default() }
    }

    /// Fills it, frees it, and finds everything.
    pub(super) fn fill(&mut self) -> TestResult {
        let db = self.open()?;
        let ballast = self.root.join("ballast");
        // What the last filling took is given back in the background.
        wait_until("there is room for something else", || write(&ballast, &vec![1; BALLAST]).is_ok())?;
        self.written = 0;
        let failed = loop {
            if let Err(failed) = self.commit(&db) {
                break failed;
            }
            if self.written > DISK {
                return Err("more is acknowledged than the disk can hold".into());
            }
        };
        must_say_why(&failed)?;
        self.check(&db)?;
        check_refusal(&db, failed.outcome)?;
        match db.close() {
            Err(error) => must_say_why(&error.into())?,
            Ok(()) if failed.outcome == Outcome::NotApplied => {}
            Ok(()) => return Err("a database that has failed says nothing when closed".into()),
        }

        // There is no room yet: it may open, and then has everything, or say why not. What the close gave back is taken by
        // something else, by turns.
        let rest = self.root.join("rest");
        if self.rng.bool() {
            write_until_full(&rest)?;
        }
        match self.open() {
            Ok(db) => {
                self.settle(&db)?;
                if let Err(error) = db.close() {
                    must_say_why(&error.into())?;
                }
            }
            Err(error) => {
                must_say_why(&error.into())?;
                self.seen.refused += 1;
            }
        }

        fs::remove_file(&ballast)?;
        if rest.exists() {
            fs::remove_file(&rest)?;
        }
        let db = self.open()?;
        self.settle(&db)?;
        (0..MORE).try_for_each(|_| self.commit(&db))?;
        self.check(&db)?;
        db.close()?;
        let db = self.open()?;
        self.check(&db)?;
        db.close()?;

        // A namespace can't be dropped once it was opened.
        let db = self.open()?;
        if !db.drop_namespace(FILLING)? {
            return Err("there was no filling to drop".into());
        }
        self.model.retain(|place, _| place.0 == KEPT);
        self.check(&db)?;
        Ok(db.close()?)
    }

    fn open(&mut self) -> kvstore::Result<Database> {
        let durability = if self.rng.bool() { Durability::Sync } else { Durability::Buffered };
        let buffer = 1 << self.rng.u32(18..23);
        let builder = Database::builder().durability(durability).cache_bytes(4 << 20).write_buffer_bytes(buffer);
        builder.open(self.root.join("data"))
    }

    /// Commits some changes in both namespaces, and takes them over into the model where they are acknowledged.
    fn commit(&mut self, db: &Database) -> Result<(), Failed> {
        let mut changes = Changes::new();
        for _ in 0..self.rng.u8(1..4) {
            let place =
                if self.rng.u8(..6) == 0 { (KEPT, self.rng.u64(..KEPT_KEYS)) } else { (FILLING, self.next_key) };
            self.next_key += 1;
            let is_removed = place.0 == KEPT && self.rng.u8(..3) == 0;
            changes.insert(place, (!is_removed).then(|| self.rng.u64(..)));
        }
        let mut batch = Batch::new();
        for (&(namespace, key), seed) in &changes {
            let store = store(db, namespace)?;
            match *seed {
                Some(seed) => {
                    let mut guard = store.lock_or_create(key, value(seed))?;
                    if !guard.is_new() {
                        *guard = value(seed);
                    }
                    batch = batch.write(guard);
                }
                None => {
                    if let Some(guard) = store.lock(key)? {
                        batch = batch.delete(guard);
                    }
                }
            }
        }
        let committed = batch.commit().map_err(Failed::from);
        match &committed {
            Ok(()) => {
                self.seen.acknowledged += 1;
                self.written += changes.values().flatten().map(|seed| value(*seed).len()).sum::<usize>();
                apply(&mut self.model, &changes);
            }
            Err(failed) if failed.outcome == Outcome::Unknown => {
                self.seen.unknown += 1;
                self.unknown = Some(changes);
            }
            Err(_) => {}
        }
        committed
    }

    /// What the model is if the unknown commit was applied.
    fn with_unknown(&self) -> Option<BTreeMap<Place, u64>> {
        let mut model = self.model.clone();
        apply(&mut model, self.unknown.as_ref()?);
        Some(model)
    }

    /// Reads everything, and compares it with the model, or with what it is after the unknown commit; tells which.
    fn check(&self, db: &Database) -> TestResult<bool> {
        let found = read(db)?;
        let seeds = |model: &BTreeMap<Place, u64>| {
            found.len() == model.len()
                && found.iter().zip(model).all(|(found, (place, seed))| found.0 == place && *found.1 == value(*seed))
        };
        if seeds(&self.model) {
            return Ok(false);
        }
        if self.with_unknown().as_ref().is_some_and(seeds) {
            return Ok(true);
        }
        let describe = |(place, seed): (&Place, &u64)| match found.get(place) {
            None => Some(format!("{place:?} is missing")),
            Some(bytes) if *bytes != value(*seed) => Some(format!("{place:?} has another value")),
            Some(_) => None,
        };
        let differences: Vec<_> = self.model.iter().filter_map(describe).take(5).collect();
        Err(format!("{} entries of {}, {differences:?}", found.len(), self.model.len()).into())
    }

    /// As [`check`](Self::check), after reopening: now it is known what became of the unknown commit.
    fn settle(&mut self, db: &Database) -> TestResult {
        if self.check(db)?
            && let Some(changes) = self.unknown.take()
        {
            apply(&mut self.model, &changes);
            self.seen.applied += 1;
        }
        self.unknown = None;
        Ok(())
    }
}

/// After an unknown outcome everything that writes is refused.
fn check_refusal(db: &Database, outcome: Outcome) -> TestResult {
    if outcome == Outcome::NotApplied {
        return Ok(());
    }
    let kept = store(db, KEPT)?;
    for answer in [kept.put(0, vec![]), kept.lock(0).map(drop), kept.remove(0).map(drop), db.sync()] {
        match answer {
            Err(error @ Error::Failed { .. }) => must_say_why(&error.into())?,
            other => return Err(format!("after an unknown outcome a write answers {other:?}").into()),
        }
    }
    Ok(())
}

fn store(db: &Database, namespace: &str) -> kvstore::Result<MapStore<Map<u64, Vec<u8>>>> {
    db.map(namespace)
}

/// Everything that is there, without making a namespace that is not.
fn read(db: &Database) -> TestResult<BTreeMap<Place, Vec<u8>>> {
    let names: Vec<_> = db.namespaces()?.iter().map(|namespace| namespace.name().to_owned()).collect();
    let mut found = BTreeMap::new();
    for namespace in [KEPT, FILLING].into_iter().filter(|name| names.iter().any(|other| other == name)) {
        for entry in store(db, namespace)?.iter()? {
            let (key, value) = entry?;
            found.insert((namespace, key), value);
        }
    }
    Ok(found)
}

fn apply(model: &mut BTreeMap<Place, u64>, changes: &Changes) {
    for (&place, seed) in changes {
        match *seed {
            Some(seed) => model.insert(place, seed),
            None => model.remove(&place),
        };
    }
}

/// Bytes that can't be compressed.
fn value(seed: u64) -> Vec<u8> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut bytes = vec![0; rng.usize(1..20_000)];
    rng.fill(&mut bytes);
    bytes
}

/// Leaves no byte of the disk.
fn write_until_full(path: &Path) -> io::Result<()> {
    let mut file = File::create(path)?;
    loop {
        match file.write(&[1; 4096]) {
            Err(error) if error.kind() == io::ErrorKind::StorageFull => return Ok(()),
            written => written?,
        };
    }
}

fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    File::create(path)?.write_all(bytes)
}

/// A failure must be typed, and name the cause.
fn must_say_why(failed: &Failed) -> TestResult {
    if failed.is_typed() && failed.to_string().contains("No space left on device") {
        return Ok(());
    }
    Err(format!("a full disk is answered with {:?}", failed.error).into())
}
