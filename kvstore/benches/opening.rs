//! What it takes to close a database, to open it then, and to open it once more; and what it takes on disk.
//!
//! `cargo bench -p kvstore --bench opening [-- ENTRIES]`, each the median of some rounds, as a table in Markdown. Every
//! entry takes about 160 bytes. How much of them the log holds at the end depends on their number.

use std::error::Error;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use kvstore::Database;

type Result<T, E = Box<dyn Error>> = std::result::Result<T, E>;

const ROUNDS: usize = 9;

/// Times of one round, and bytes of the directory.
struct Round {
    close: Duration,
    first: Duration,
    second: Duration,
    closed_bytes: u64,
    second_bytes: u64,
}

fn timed<T>(call: impl FnOnce() -> kvstore::Result<T>) -> Result<(T, Duration)> {
    let began = Instant::now();
    let value = call()?;
    Ok((value, began.elapsed()))
}

fn bytes(path: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in fs::read_dir(path)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}

fn round(entries: u64) -> Result<Round> {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    let db = Database::open(path)?;
    let map = db.map::<u64, String>("jobs")?;
    for key in 0..entries {
        // An order without locality.
        map.put(key.wrapping_mul(0x9E37_79B9_7F4A_7C15), format!("{key:0100}, a job of somebody, {}", key * 7_919))?;
    }
    drop(map);
    let ((), close) = timed(|| db.close())?;
    let closed_bytes = bytes(path)?;
    let (db, first) = timed(|| Database::open(path))?;
    db.close()?;
    let (db, second) = timed(|| Database::open(path))?;
    db.close()?;
    Ok(Round { close, first, second, closed_bytes, second_bytes: bytes(path)? })
}

fn median<T: Ord + Copy>(rounds: &[Round], of: impl Fn(&Round) -> T) -> T {
    let mut all: Vec<_> = rounds.iter().map(of).collect();
    all.sort_unstable();
    all[all.len() / 2]
}

fn main() -> Result<()> {
    let asked = std::env::args().find_map(|argument| argument.parse().ok());
    let counts = asked.map_or_else(|| vec![1_000, 100_000, 200_000], |count| vec![count]);
    println!("| entries | close | first open | second open | bytes after the close | after the second |");
    println!("|--:|--:|--:|--:|--:|--:|");
    for entries in counts {
        let rounds = (0..ROUNDS).map(|_| round(entries)).collect::<Result<Vec<_>>>()?;
        let time = |of: fn(&Round) -> Duration| format!("{:.1} ms", median(&rounds, of).as_secs_f64() * 1e3);
        let (close, first, second) = (time(|it| it.close), time(|it| it.first), time(|it| it.second));
        let (closed, later) = (median(&rounds, |it| it.closed_bytes), median(&rounds, |it| it.second_bytes));
        println!("| {entries} | {close} | {first} | {second} | {closed} | {later} |");
    }
    Ok(())
}
