//! Hot reads: what `get` and `get_shared` cost beyond decoding, of entries that are read again and again.
//!
//! `cargo bench -p kvstore --bench reads`. All take turns in one run, on the same 4,000 entries in the same order; beside
//! them the same `get` without the read cache, and the decoding alone. Nanoseconds a read, medians over the turns.

#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "nanoseconds as floats")]

mod job;

use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use kvstore::{__bench as bench, Database};

use self::job::{Entries, Value, value};

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

/// A name, what is measured, and how long each turn took.
type Side<'a> = (&'a str, &'a dyn Fn() -> Result<()>, Vec<f64>);

const ENTRIES: usize = 4_000;
const TURNS: usize = 101;

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let cached = Database::open(dir.path().join("cached"))?;
    let uncached = Database::builder().read_cache_bytes(0).open(dir.path().join("uncached"))?;
    let (with, without) = (cached.map::<String, Value>("entries")?, uncached.map::<String, Value>("entries")?);
    let keys: Vec<_> = (0..ENTRIES).map(|number| format!("/data/incoming/{:08}", number * 7919 % 100_000)).collect();
    let mut records = Vec::new();
    for (number, key) in keys.iter().enumerate() {
        with.put(key, value(number))?;
        without.put(key, value(number))?;
        let mut record = Vec::new();
        assert!(bench::encode::<String, Value, Entries>(&value(number), &mut record));
        records.push(record);
        // The cache keeps what is sought twice.
        for _ in 0..2 {
            assert_eq!(with.get_shared(key)?.as_deref(), Some(&value(number)));
        }
    }

    let decode = || -> Result<()> {
        for record in &records {
            black_box(bench::decode::<String, Value, Entries>(record).ok_or("unreadable")?);
        }
        Ok(())
    };
    let get = || -> Result<()> {
        for key in &keys {
            black_box(with.get(key)?.ok_or("missing")?);
        }
        Ok(())
    };
    let shared = || -> Result<()> {
        for key in &keys {
            black_box(with.get_shared(key)?.ok_or("missing")?);
        }
        Ok(())
    };
    let past = || -> Result<()> {
        for key in &keys {
            black_box(without.get(key)?.ok_or("missing")?);
        }
        Ok(())
    };
    let mut sides: [Side<'_>; 4] = [
        ("decode alone", &decode, Vec::new()),
        ("get, hot", &get, Vec::new()),
        ("get_shared, hot", &shared, Vec::new()),
        ("get without the cache", &past, Vec::new()),
    ];
    for _ in 0..TURNS {
        for (_, read, times) in &mut sides {
            let start = Instant::now();
            read()?;
            times.push(start.elapsed().as_nanos() as f64 / ENTRIES as f64);
        }
    }
    println!("| read | ns |\n|---|---|");
    let [decoding, hot, ..] = sides.map(|(name, _, times)| {
        let median = median(times);
        println!("| {name} | {median:.0} |");
        median
    });
    println!("\n`get` of a hot entry beyond its decoding: {:.0} ns", hot - decoding);
    Ok(())
}
