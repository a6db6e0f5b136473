//! Growth with the number of entries.

use std::path::Path;

use kvstore::{__bench as bench, Database, Map, MapStore};

use super::measure::{Figures, Measure, check, scattered};
use super::process::{Done, Ending, Step, StepArgs, on_disk, resident};
use crate::Result;
use crate::peers::{Job, Record};

const CREATE: Measure = Measure::each("create");
const GET: Measure = Measure::each("get");
const CHANGE: Measure = Measure::each("lock, change, commit");
const SCAN: Measure = Measure::each("scan, an entry");
const REMOVE: Measure = Measure::each("remove");
const OPEN_KILLED: Measure = Measure::whole("open after a kill");
const OPEN_CLOSED: Measure = Measure::whole("open after a close");
const CLOSE: Measure = Measure::whole("close");
const FILLED: Measure = Measure::bytes("resident after all are created");
const FILLED_MOST: Measure = Measure::bytes("resident at most until then");
const USED: Measure = Measure::bytes("resident after scan, get, change");
const OPENED: Measure = Measure::bytes("resident after open");
const CLOSED: Measure = Measure::bytes("on disk, closed, with the log");
const ON_DISK: Measure = Measure::bytes("on disk, opened and closed again");
const ON_DISK_EACH: Measure = Measure::bytes_each("on disk, an entry");
const ON_DISK_TIMES: Measure = Measure::times("on disk / keys and records");

/// In the order of the table.
pub(super) const MEASURES: &[Measure] = &[
    CREATE,
    CHANGE,
    GET,
    SCAN,
    REMOVE,
    OPEN_CLOSED,
    OPEN_KILLED,
    CLOSE,
    OPENED,
    FILLED,
    FILLED_MOST,
    USED,
    CLOSED,
    ON_DISK,
    ON_DISK_EACH,
    ON_DISK_TIMES,
];

/// Reads, and changes, of entries by chance.
const PICKS: u64 = 200_000;
const PIECE: usize = 1_000;

fn key(number: u64) -> String {
    format!("/data/incoming/{number:09}")
}

fn open(dir: &Path) -> Result<Database> {
    Ok(Database::open(dir)?)
}

fn map(db: &Database) -> Result<MapStore<Map<String, Job>>> {
    Ok(db.map("entries")?)
}

/// Entries by chance, each as likely as any other.
fn picks(entries: u64, seed: u64) -> impl Iterator<Item = u64> {
    let mut random = fastrand::Rng::with_seed(seed);
    (0..PICKS.min(entries * 20)).map(move |_| random.u64(0..entries))
}

/// One round.
pub(super) fn round(step: impl Fn(Step) -> StepArgs) -> Result<Figures> {
    let mut figures = step(Step::Fill).start(Ending::Killed)?;
    let used = step(Step::Use);
    figures.append(used.start(Ending::Exits)?);
    let mut record = Vec::new();
    check(bench::encode::<String, Job, Map<String, Job>>(&Job::numbered(0), &mut record), "not a record")?;
    let raw = (key(0).len() + record.len()) as f64;
    figures.note(&CLOSED, on_disk(&used.dir)?);
    figures.append(step(Step::Reopen).start(Ending::Exits)?);
    // Now that RocksDB has deleted what it needs no more.
    let disk = on_disk(&used.dir)?;
    figures.note(&ON_DISK, disk);
    figures.append(step(Step::Empty).start(Ending::Exits)?);
    let each = disk / used.size as f64;
    figures.note(&ON_DISK_EACH, each);
    figures.note(&ON_DISK_TIMES, each / raw);
    Ok(figures)
}

/// Creates all entries, and leaves the database open.
pub(super) fn fill(dir: &Path, entries: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let db = open(dir)?;
    let map = map(&db)?;
    let new = scattered(entries).map(|number| (key(number), Job::numbered(number)));
    figures.each(&CREATE, PIECE, new, |(key, value)| Ok(map.create(key, value)?.commit()?))?;
    let (now, most) = resident()?;
    figures.note(&FILLED, now);
    figures.note(&FILLED_MOST, most);
    Ok((figures, Some(db)))
}

/// Opens after a kill, reads and changes.
pub(super) fn make_use(dir: &Path, entries: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let db = figures.once(&OPEN_KILLED, || open(dir))?;
    let map = map(&db)?;
    let found =
        figures.shared(&SCAN, entries, || map.iter()?.try_fold(0, |found, entry| Ok(found + entry?.1.len() as u64)))?;
    check(found == entries, "not all entries found")?;
    figures.each(&GET, PIECE, picks(entries, 1).map(|number| (key(number), number)), |(key, number)| {
        check(map.get(key)?.ok_or("missing")?.is_of(number), "another entry")
    })?;
    figures.each(&CHANGE, PIECE, picks(entries, 2).map(key), |key| {
        let mut guard = map.lock(key)?.ok_or("missing")?;
        guard.change();
        Ok(guard.commit()?)
    })?;
    figures.note(&USED, resident()?.0);
    drop(map);
    figures.once(&CLOSE, || Ok(db.close()?))?;
    Ok((figures, None))
}

/// Opens after a close, and closes.
pub(super) fn reopen(dir: &Path) -> Result<Done> {
    let mut figures = Figures::default();
    let db = figures.once(&OPEN_CLOSED, || open(dir))?;
    figures.note(&OPENED, resident()?.0);
    db.close()?;
    Ok((figures, None))
}

/// Removes all.
pub(super) fn empty(dir: &Path, entries: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let db = open(dir)?;
    let map = map(&db)?;
    figures.each(&REMOVE, PIECE, scattered(entries).map(key), |key| check(map.remove(key)?, "missing"))?;
    check(map.first()?.is_none(), "an entry is left")?;
    drop(map);
    db.close()?;
    Ok((figures, None))
}
