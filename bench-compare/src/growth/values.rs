//! Growth with the size of a value.

use std::path::Path;

use kvstore::{Database, Map, MapStore};
use serde_bytes::ByteBuf;

use super::measure::{Figures, Measure, check, scattered};
use super::process::{Done, Ending, Step, StepArgs, on_disk, resident};
use crate::Result;

const CREATE: Measure = Measure::whole("create");
const CHANGE: Measure = Measure::whole("lock, change, commit");
const GET: Measure = Measure::whole("get");
const SCAN: Measure = Measure::whole("scan, an entry");
const CREATE_BYTE: Measure = Measure::each("create, a byte");
const CHANGE_BYTE: Measure = Measure::each("lock, change, commit, a byte");
const GET_BYTE: Measure = Measure::each("get, a byte");
const SCAN_BYTE: Measure = Measure::each("scan, a byte");
const OPEN_KILLED: Measure = Measure::whole("open after a kill");
const OPEN_CLOSED: Measure = Measure::whole("open after a close");
const FILLED_MOST: Measure = Measure::bytes("resident at most, created");
const USED_MOST: Measure = Measure::bytes("resident at most, used");
const NEW_TIMES: Measure = Measure::times("on disk / raw, created");
const CHANGED_TIMES: Measure = Measure::times("on disk / raw, each changed once");

/// In the order of the table.
pub(super) const MEASURES: &[Measure] = &[
    CREATE,
    CHANGE,
    GET,
    SCAN,
    CREATE_BYTE,
    CHANGE_BYTE,
    GET_BYTE,
    SCAN_BYTE,
    OPEN_CLOSED,
    OPEN_KILLED,
    FILLED_MOST,
    USED_MOST,
    NEW_TIMES,
    CHANGED_TIMES,
];

/// The time of an operation, and of a byte in it.
const BY_BYTE: [(Measure, Measure); 4] =
    [(CREATE, CREATE_BYTE), (CHANGE, CHANGE_BYTE), (GET, GET_BYTE), (SCAN, SCAN_BYTE)];

/// Values of one size at most.
const MOST: u64 = 100_000;
/// Bytes of values that are made before the clock runs.
const PIECE_BYTES: u64 = 16 << 20;

type Values = MapStore<Map<u64, ByteBuf>>;

fn open(dir: &Path) -> Result<(Database, Values)> {
    let db = Database::open(dir)?;
    let map = db.map("values")?;
    Ok((db, map))
}

/// How many values of one size there are in so many bytes.
pub(super) fn count(size: u64, total_bytes: u64) -> u64 {
    (total_bytes / size).clamp(1, MOST)
}

fn piece(size: u64) -> usize {
    (PIECE_BYTES / size).clamp(1, 1_000) as usize
}

/// Bytes that do not compress, after the number.
fn value(number: u64, size: u64) -> ByteBuf {
    let mut bytes = vec![0; size as usize];
    fastrand::Rng::with_seed(number).fill(&mut bytes);
    for (byte, of_number) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *byte = of_number;
    }
    ByteBuf::from(bytes)
}

/// Whether it is that value, changed or not.
fn is_of(value: &ByteBuf, number: u64, size: u64) -> bool {
    value.len() as u64 == size && value.starts_with(&number.to_be_bytes())
}

/// One round.
pub(super) fn round(step: impl Fn(Step) -> StepArgs) -> Result<Figures> {
    let filled = step(Step::Fill);
    let raw = (filled.count * (filled.size + 8)) as f64;
    let mut figures = filled.start(Ending::Exits)?;
    figures.note(&NEW_TIMES, on_disk(&filled.dir)? / raw);
    figures.append(step(Step::Use).start(Ending::Killed)?);
    figures.append(step(Step::Reopen).start(Ending::Exits)?);
    figures.note(&CHANGED_TIMES, on_disk(&filled.dir)? / raw);
    for (operation, byte) in BY_BYTE {
        let time = figures.get(&operation).ok_or("not measured")?;
        figures.note(&byte, time / filled.size as f64);
    }
    Ok(figures)
}

/// Creates all entries.
pub(super) fn fill(dir: &Path, size: u64, count: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let (db, map) = open(dir)?;
    let new = scattered(count).map(|number| (number, value(number, size)));
    figures.each(&CREATE, piece(size), new, |(number, value)| Ok(map.create(number, value)?.commit()?))?;
    figures.note(&FILLED_MOST, resident()?.1);
    drop(map);
    db.close()?;
    Ok((figures, None))
}

/// Opens after a close, reads and changes all, and leaves the database open.
pub(super) fn make_use(dir: &Path, size: u64, count: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let (db, map) = figures.once(&OPEN_CLOSED, || open(dir))?;
    figures.each(&GET, piece(size), scattered(count), |number| {
        check(is_of(&map.get(number)?.ok_or("missing")?, number, size), "another entry")
    })?;
    let found = figures.shared(&SCAN, count, || {
        map.iter()?.try_fold(0, |found, entry| {
            let (number, value) = entry?;
            Ok(found + u64::from(is_of(&value, number, size)))
        })
    })?;
    check(found == count, "not all entries found")?;
    figures.each(&CHANGE, piece(size), scattered(count), |number| {
        let mut guard = map.lock(number)?.ok_or("missing")?;
        let last = guard.last_mut().ok_or("an empty value")?;
        *last ^= 1;
        Ok(guard.commit()?)
    })?;
    figures.note(&USED_MOST, resident()?.1);
    Ok((figures, Some(db)))
}

/// Opens after a kill, looks for all changes, and closes.
pub(super) fn reopen(dir: &Path, size: u64, count: u64) -> Result<Done> {
    let mut figures = Figures::default();
    let (db, map) = figures.once(&OPEN_KILLED, || open(dir))?;
    for number in 0..count {
        let expected = value(number, size).last().map(|last| last ^ 1);
        check(map.get(number)?.ok_or("missing")?.last().copied() == expected, "a change is missing")?;
    }
    drop(map);
    db.close()?;
    Ok((figures, None))
}
