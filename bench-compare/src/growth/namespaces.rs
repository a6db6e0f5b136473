//! Growth with the number of namespaces.

use std::path::Path;

use kvstore::{Database, Map, MapStore};

use super::measure::{Figures, Measure, check, scattered};
use super::process::{Done, Ending, Step, StepArgs, on_disk, resident};
use crate::Result;

const OPEN_NEW: Measure = Measure::each("open a new one (synced)");
const PUT: Measure = Measure::each("put in one just opened");
const OPEN_EXISTING: Measure = Measure::each("open an existing one");
const OPEN_AGAIN: Measure = Measure::each("open one that is open");
const GET: Measure = Measure::each("get, in any");
const CHANGE: Measure = Measure::each("lock, change, commit, in any");
const LIST: Measure = Measure::whole("`namespaces()`");
const OPEN_KILLED: Measure = Measure::whole("open the database after a kill");
const OPEN_CLOSED: Measure = Measure::whole("open the database after a close");
const CLOSE: Measure = Measure::whole("close, with all open");
const OPENED: Measure = Measure::bytes("resident after the database is opened");
const ALL_OPEN: Measure = Measure::bytes("resident with all open");
const MOST: Measure = Measure::bytes("resident at most, when all are made");
const ON_DISK: Measure = Measure::bytes("on disk");

/// In the order of the table.
pub(super) const MEASURES: &[Measure] = &[
    OPEN_NEW,
    PUT,
    OPEN_EXISTING,
    OPEN_AGAIN,
    CHANGE,
    GET,
    LIST,
    OPEN_CLOSED,
    OPEN_KILLED,
    CLOSE,
    OPENED,
    ALL_OPEN,
    MOST,
    ON_DISK,
];

/// Entries in each namespace.
pub(super) const ENTRIES: u64 = 10;
/// Reads, and changes, of entries by chance.
const PICKS: u64 = 100_000;
const PIECE: usize = 1_000;

type Texts = MapStore<Map<u64, String>>;

fn name(number: u64) -> String {
    format!("namespace-{number:06}")
}

fn open(db: &Database, name: &str) -> Result<Texts> {
    Ok(db.map::<u64, String>(name)?)
}

/// A namespace and an entry of it by chance, each as likely as any other.
fn picks(namespaces: u64, seed: u64) -> impl Iterator<Item = (usize, u64)> {
    let mut random = fastrand::Rng::with_seed(seed);
    let count = PICKS.min(namespaces * 1_000);
    (0..count).map(move |_| (random.u64(0..namespaces) as usize, random.u64(0..ENTRIES)))
}

/// One round.
pub(super) fn round(step: impl Fn(Step) -> StepArgs) -> Result<Figures> {
    let mut figures = step(Step::Fill).start(Ending::Killed)?;
    let used = step(Step::Use);
    figures.append(used.start(Ending::Exits)?);
    figures.note(&ON_DISK, on_disk(&used.dir)?);
    figures.append(step(Step::Reopen).start(Ending::Exits)?);
    Ok(figures)
}

/// Makes all namespaces with their entries, and leaves the database open.
pub(super) fn fill(dir: &Path, namespaces: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let db = Database::open(dir)?;
    let mut stores = Vec::new();
    figures.each(&OPEN_NEW, PIECE, scattered(namespaces).map(name), |name| {
        stores.push(open(&db, &name)?);
        Ok(())
    })?;
    let entries = stores.iter().flat_map(|store| (0..ENTRIES).map(move |key| (store, key, format!("0 of {key}"))));
    figures.each(&PUT, PIECE, entries, |(store, key, text)| Ok(store.put(key, text)?))?;
    figures.note(&MOST, resident()?.1);
    Ok((figures, Some(db)))
}

/// Opens after a kill, opens all namespaces, and reads and changes in them.
pub(super) fn make_use(dir: &Path, namespaces: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let db = figures.once(&OPEN_KILLED, || Ok(Database::open(dir)?))?;
    let mut stores = Vec::with_capacity(namespaces as usize);
    figures.each(&OPEN_EXISTING, PIECE, scattered(namespaces).map(name), |name| {
        stores.push(open(&db, &name)?);
        Ok(())
    })?;
    figures.note(&ALL_OPEN, resident()?.0);
    figures.each(&OPEN_AGAIN, PIECE, scattered(namespaces).map(name), |name| open(&db, &name).map(drop))?;
    figures.each(&GET, PIECE, picks(namespaces, 1), |(store, key)| {
        let text = stores.get(store).ok_or("no store")?.get(key)?.ok_or("missing")?;
        check(text.ends_with(&format!(" of {key}")), "another entry")
    })?;
    let listed = figures.once(&LIST, || Ok(db.namespaces()?))?;
    check(listed.len() as u64 == namespaces, "not all namespaces listed")?;
    figures.each(&CHANGE, PIECE, picks(namespaces, 2).enumerate(), |(number, (store, key))| {
        let mut guard = stores.get(store).ok_or("no store")?.lock(key)?.ok_or("missing")?;
        *guard = format!("{number} of {key}");
        Ok(guard.commit()?)
    })?;
    drop(stores);
    figures.once(&CLOSE, || Ok(db.close()?))?;
    Ok((figures, None))
}

/// Opens after a close, and looks for all entries.
pub(super) fn reopen(dir: &Path, namespaces: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let db = figures.once(&OPEN_CLOSED, || Ok(Database::open(dir)?))?;
    figures.note(&OPENED, resident()?.0);
    for number in 0..namespaces {
        check(open(&db, &name(number))?.iter()?.count() as u64 == ENTRIES, "not all entries found")?;
    }
    db.close()?;
    Ok((figures, None))
}
