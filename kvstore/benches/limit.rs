//! The store against the limit: raw RocksDB doing the same work, with the same settings, bytes, codec and owned keys.
//!
//! `cargo bench -p kvstore --bench limit [-- ENTRIES]`. Both sides work in turns on pieces of 2,000 entries, so that
//! whatever else the machine does hits both; a ratio is the median over the pieces, with the quartiles beside it.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::too_many_lines,
    reason = "nanoseconds as floats, and one workload after the other"
)]

mod job;

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use kvstore::{__bench as bench, Database, MapStore};
use rocksdb::{DBWithThreadMode, Options, ReadOptions, SingleThreaded};

use self::job::{Entries, Value, value};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const ENTRIES: usize = 200_000;
const PIECE: usize = 2_000;
const CACHE_BYTES: usize = 128 << 20;

/// Every number below the count once, in an order without locality.
fn shuffled(count: usize) -> Vec<usize> {
    let mut numbers: Vec<_> = (0..count).collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    for i in (1..count).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        numbers.swap(i, usize::try_from(state >> 33).unwrap_or_default() % (i + 1));
    }
    numbers
}

fn key(number: usize) -> String {
    format!("/data/incoming/{number:08}")
}

/// RocksDB alone.
struct Raw {
    db: DBWithThreadMode<SingleThreaded>,
    record: Vec<u8>,
}

impl Raw {
    fn open(path: &std::path::Path) -> Result<Self> {
        let options: Options = bench::raw_options(CACHE_BYTES);
        Ok(Self { db: DBWithThreadMode::open(&options, path)?, record: Vec::new() })
    }

    /// The database key: four bytes of a namespace, then the string.
    fn database_key(key: &str) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(4 + key.len());
        bytes.extend_from_slice(&[0, 0, 0, 1]);
        bytes.extend_from_slice(key.as_bytes());
        bytes
    }

    fn put(&mut self, key: &[u8], value: &Value) -> Result<()> {
        self.record.clear();
        assert!(bench::encode::<String, Value, Entries>(value, &mut self.record));
        Ok(self.db.put(key, &self.record)?)
    }

    fn read(&self, key: &[u8]) -> Result<Option<Value>> {
        let pinned = self.db.get_pinned(key)?;
        Ok(pinned.and_then(|record| bench::decode::<String, Value, Entries>(&record)))
    }
}

/// Nanoseconds an operation, of both sides, piece by piece.
#[derive(Default)]
struct Times {
    pieces: Vec<(f64, f64)>,
}

impl Times {
    fn measure(
        &mut self,
        operations: usize,
        mut ours: impl FnMut() -> Result<()>,
        mut raw: impl FnMut() -> Result<()>,
    ) -> Result<()> {
        let time = |side: &mut dyn FnMut() -> Result<()>| {
            let start = Instant::now();
            side()?;
            Ok::<_, Box<dyn Error>>(start.elapsed().as_nanos() as f64 / operations as f64)
        };
        let pair = if self.pieces.len().is_multiple_of(2) {
            let first = time(&mut ours)?;
            (first, time(&mut raw)?)
        } else {
            let first = time(&mut raw)?;
            (time(&mut ours)?, first)
        };
        self.pieces.push(pair);
        Ok(())
    }

    fn report(&self, name: &str) {
        let quantile = |mut numbers: Vec<f64>, part: f64| {
            numbers.sort_by(f64::total_cmp);
            numbers[((numbers.len() - 1) as f64 * part) as usize]
        };
        let ours: Vec<_> = self.pieces.iter().map(|piece| piece.0).collect();
        let raw: Vec<_> = self.pieces.iter().map(|piece| piece.1).collect();
        let ratios: Vec<_> = self.pieces.iter().map(|piece| piece.0 / piece.1).collect();
        println!(
            "| {name} | {:.0} ns | {:.0} ns | {:.2} | {:.2} .. {:.2} |",
            quantile(ours, 0.5),
            quantile(raw, 0.5),
            quantile(ratios.clone(), 0.5),
            quantile(ratios.clone(), 0.25),
            quantile(ratios, 0.75),
        );
    }
}

fn compare(entries: usize) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let db = Database::builder().cache_bytes(CACHE_BYTES).open(dir.path().join("ours"))?;
    let map: MapStore<Entries> = db.map("entries")?;
    let mut raw = Raw::open(&dir.path().join("raw"))?;
    let order = shuffled(entries);
    let mut record = Vec::new();
    assert!(bench::encode::<String, Value, Entries>(&value(0), &mut record));

    println!("{entries} entries, keys of {} bytes, records of {} bytes\n", key(0).len(), record.len());
    println!("| operation | kvstore | raw RocksDB | ratio | quartiles |\n|---|---|---|---|---|");

    let mut times = Times::default();
    for piece in order.chunks(PIECE) {
        times.measure(
            piece.len(),
            || piece.iter().try_for_each(|n| Ok(map.create(key(*n), value(*n))?.commit()?)),
            || {
                piece.iter().try_for_each(|n| {
                    let (key, value) = (key(*n), value(*n));
                    let key = Raw::database_key(&key);
                    assert!(raw.db.get_pinned(&key)?.is_none());
                    raw.put(&key, &value)
                })
            },
        )?;
    }
    times.report("create (get, put)");

    let mut times = Times::default();
    for piece in order.chunks(PIECE) {
        times.measure(
            piece.len(),
            || {
                piece.iter().try_for_each(|n| {
                    let mut guard = map.lock(key(*n))?.ok_or("missing")?;
                    for attempt in guard.values_mut() {
                        attempt.finished += 1;
                    }
                    Ok(guard.commit()?)
                })
            },
            || {
                piece.iter().try_for_each(|n| {
                    let key = Raw::database_key(&key(*n));
                    let mut value = raw.read(&key)?.ok_or("missing")?;
                    for attempt in value.values_mut() {
                        attempt.finished += 1;
                    }
                    raw.put(&key, &value)
                })
            },
        )?;
    }
    times.report("lock, change, commit (get, put)");

    let mut times = Times::default();
    for piece in order.chunks(PIECE) {
        times.measure(
            piece.len(),
            || {
                piece.iter().try_for_each(|n| {
                    black_box(map.get(key(*n))?.ok_or("missing")?);
                    Ok(())
                })
            },
            || {
                piece.iter().try_for_each(|n| {
                    black_box(raw.read(&Raw::database_key(&key(*n)))?.ok_or("missing")?);
                    Ok(())
                })
            },
        )?;
    }
    times.report("get");

    let mut times = Times::default();
    for _ in 0..9 {
        times.measure(
            entries,
            || {
                let mut count = 0;
                for entry in map.iter()? {
                    black_box(entry?);
                    count += 1;
                }
                assert_eq!(count, entries);
                Ok(())
            },
            || {
                let mut options = ReadOptions::default();
                options.set_iterate_upper_bound([0, 0, 0, 2]);
                let (mut rows, mut count) = (raw.db.raw_iterator_opt(options), 0);
                rows.seek([0, 0, 0, 1]);
                while let Some((key, record)) = rows.item() {
                    let key = String::from_utf8(key[4..].to_vec())?;
                    black_box((key, bench::decode::<String, Value, Entries>(record).ok_or("unreadable")?));
                    count += 1;
                    rows.next();
                }
                rows.status()?;
                assert_eq!(count, entries);
                Ok(())
            },
        )?;
    }
    times.report("scan, an entry");

    let mut times = Times::default();
    for piece in order.chunks(PIECE) {
        times.measure(
            piece.len(),
            || {
                piece.iter().try_for_each(|n| {
                    assert!(map.remove(key(*n))?);
                    Ok(())
                })
            },
            || {
                piece.iter().try_for_each(|n| {
                    let key = Raw::database_key(&key(*n));
                    assert!(raw.db.get_pinned(&key)?.is_some());
                    Ok(raw.db.delete(key)?)
                })
            },
        )?;
    }
    times.report("remove (get, delete)");
    assert!(db.locks().is_empty());
    db.close()?;
    Ok(())
}

/// Takes the head of a queue until it is empty; the cost must not grow with what was taken.
fn drain_queue(entries: usize) -> Result<()> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path().join("queue"))?;
    let queue = db.map::<u64, String>("queue")?;
    for number in 0..entries {
        queue.create_next(format!("work {number}"))?.commit()?;
    }
    let mut pieces = Vec::new();
    for _ in 0..20 {
        let start = Instant::now();
        for _ in 0..entries / 20 {
            queue.try_lock_first(..)?.ok_or("empty too soon")?.delete()?;
        }
        pieces.push(start.elapsed().as_nanos() as f64 / (entries / 20) as f64);
    }
    assert!(queue.try_lock_first(..)?.is_none());
    println!("\nqueue of {entries}, try_lock_first and delete, ns each, twenty pieces: {pieces:.0?}");
    println!("last tenth to first tenth: {:.2}", (pieces[18] + pieces[19]) / (pieces[0] + pieces[1]));
    db.close()?;
    Ok(())
}

fn main() -> Result<()> {
    let entries = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(ENTRIES);
    compare(entries)?;
    drain_queue(entries)
}
