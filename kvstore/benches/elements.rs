//! One element of a large collection: changed and read as an element of an `ElementMap`, and as part of a `BTreeMap` that
//! is written and read as a whole.
//!
//! `cargo bench -p kvstore --bench elements [-- LARGEST]`. Each operation is timed by itself, on elements chosen without
//! locality, in a database whose log is buffered and which fits into the cache; the figures are medians, with quartiles.
//! Collections of all sizes are worked on in turns, so that whatever else the machine does hits all.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "nanoseconds as floats"
)]

use std::collections::BTreeMap;
use std::error::Error;
use std::hint::black_box;
use std::time::Instant;

use kvstore::{Database, ElementDeque, ElementMap, MapStore, Store};
use serde::{Deserialize, Serialize};

type Result<T = (), E = Box<dyn Error>> = std::result::Result<T, E>;

const LARGEST: u32 = 1_000_000;
const SIZES: [u32; 4] = [1_000, 10_000, 100_000, 1_000_000];
/// Elements of a commit that fills a collection.
const FILLED_AT_ONCE: u32 = 10_000;
/// Operations on one size before the next has its turn, and turns.
const PIECE: usize = 250;
const TURNS: usize = 40;
/// Collections that are written as a whole are not made larger than this, and not measured more often.
const LARGEST_WHOLE: u32 = 100_000;
const WHOLE_TURNS: usize = 15;

#[derive(Serialize, Deserialize)]
struct Attempt {
    worker: String,
    started: u64,
    finished: u64,
    message: String,
}

fn attempt(number: u32) -> Attempt {
    Attempt {
        worker: format!("worker-{:04}.example.org", number % 1000),
        started: 1_700_000_000_000 + u64::from(number),
        finished: 1_700_000_100_000 + u64::from(number),
        message: "connection reset by peer after 1048576 bytes, to be tried again in 30 s".into(),
    }
}

/// Element by element.
#[derive(Store)]
#[store(key = u32)]
struct Elements {
    owner: String,
    attempts: ElementMap<u32, Attempt>,
    queue: ElementDeque<Attempt>,
}

/// As a whole.
#[derive(Store)]
#[store(key = u32)]
struct Whole {
    owner: String,
    attempts: BTreeMap<u32, Attempt>,
}

/// Numbers below a limit, in an order without locality.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u32) -> u32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as u32 % limit
    }
}

/// Times an operation again and again on each collection, given by key, size, and the number of an element; the medians
/// in microseconds.
fn measure(
    name: &str,
    sizes: &[u32],
    (turns, piece): (usize, usize),
    mut operation: impl FnMut(u32, u32) -> Result,
) -> Result<Vec<f64>> {
    let mut numbers = Numbers(1);
    let mut times: Vec<_> = sizes.iter().map(|_| Vec::with_capacity(turns * piece)).collect();
    for _ in 0..turns {
        for ((key, size), times) in (0..).zip(sizes).zip(&mut times) {
            for _ in 0..piece {
                let number = numbers.below(*size);
                let start = Instant::now();
                operation(key, number)?;
                times.push(start.elapsed().as_nanos() as f64 / 1000.0);
            }
        }
    }
    let quantile = |times: &[f64], part: f64| times[((times.len() - 1) as f64 * part) as usize];
    for (size, times) in sizes.iter().zip(&mut times) {
        times.sort_by(f64::total_cmp);
        let [low, median, high] = [0.25, 0.5, 0.75].map(|part| quantile(times, part));
        println!("| {name} | {size} | {median:.1} | {low:.1} .. {high:.1} |");
    }
    Ok(times.iter().map(|times| quantile(times, 0.5)).collect())
}

fn fill(store: &MapStore<Elements>, key: u32, size: u32) -> Result {
    let mut guard = store.create(key, ElementsInit { owner: "me".into() })?;
    for first in (0..size).step_by(FILLED_AT_ONCE as usize) {
        for number in first..size.min(first + FILLED_AT_ONCE) {
            guard.elements(Elements::ATTEMPTS).insert(number, attempt(number))?;
            guard.elements(Elements::QUEUE).push_back(attempt(number))?;
        }
        guard.save()?;
    }
    Ok(guard.commit()?)
}

/// The median of a change at each size.
fn element_wise(store: &MapStore<Elements>, sizes: &[u32]) -> Result<Vec<f64>> {
    for (key, size) in (0..).zip(sizes) {
        fill(store, key, *size)?;
    }
    let often = (TURNS, PIECE);
    let medians = measure("lock, change one element, commit", sizes, often, |key, number| {
        let mut guard = store.lock(key)?.ok_or("missing")?;
        guard.elements(Elements::ATTEMPTS).insert(number, attempt(number))?;
        Ok(guard.commit()?)
    })?;
    measure("get one element, no lock", sizes, often, |key, number| {
        black_box(store.elements(Elements::ATTEMPTS, key).get(number)?.ok_or("missing")?);
        Ok(())
    })?;
    measure("lock, pop_front and push_back, commit", sizes, often, |key, _| {
        let mut guard = store.lock(key)?.ok_or("missing")?;
        let mut queue = guard.elements(Elements::QUEUE);
        let first = queue.pop_front()?.ok_or("empty")?;
        queue.push_back(first)?;
        Ok(guard.commit()?)
    })?;
    measure("remove the entry", sizes, (1, 1), |key, _| {
        assert!(store.remove(key)?);
        Ok(())
    })?;
    Ok(medians)
}

fn as_a_whole(store: &MapStore<Whole>, sizes: &[u32]) -> Result {
    for (key, size) in (0..).zip(sizes) {
        let attempts = (0..*size).map(|number| (number, attempt(number))).collect();
        store.insert(key, Whole { owner: "me".into(), attempts })?;
    }
    measure("`BTreeMap`: lock, change one, commit", sizes, (WHOLE_TURNS, 1), |key, number| {
        let mut guard = store.lock(key)?.ok_or("missing")?;
        guard.attempts.insert(number, attempt(number));
        Ok(guard.commit()?)
    })?;
    measure("`BTreeMap`: get, no lock", sizes, (WHOLE_TURNS, 1), |key, number| {
        let whole = store.get(key)?.ok_or("missing")?;
        black_box(whole.attempts.get(&number).ok_or("missing")?);
        Ok(())
    })?;
    Ok(())
}

fn main() -> Result {
    let largest = std::env::args().skip(1).find_map(|arg| arg.parse().ok()).unwrap_or(LARGEST);
    let sizes: Vec<_> = SIZES.into_iter().filter(|size| *size <= largest).collect();
    let whole: Vec<_> = sizes.iter().copied().filter(|size| *size <= LARGEST_WHOLE).collect();
    let directory = tempfile::tempdir()?;
    let db = Database::builder().cache_bytes(1 << 30).open(directory.path())?;
    println!("elements of about 150 bytes; microseconds\n");
    println!("| operation | elements | median | quartiles |\n|---|---|---|---|");
    let medians = element_wise(&db.store()?, &sizes)?;
    as_a_whole(&db.store()?, &whole)?;
    if let (Some(first), Some(last)) = (medians.first(), medians.last()) {
        println!("\na change among the most elements to one among the fewest: {:.2}", last / first);
    }
    db.close()?;
    Ok(())
}
