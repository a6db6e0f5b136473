//! `big-entries`: one element of a large collection changed, element by element and in values that are written as a whole.

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::Args as Arguments;
use kvstore::{Database, ElementMap, Store};

use crate::Result;
use crate::peers::{self, Attempt, Durability, Encoding, Job, Opening, Peer, Record};
use crate::report::{self, Spread, print_table};

/// One element of a large collection changed: in an `ElementMap`, and in values that kvstore, redb and `native_db` write as
/// a whole.
#[derive(Debug, Arguments)]
pub(crate) struct Args {
    /// Elements of a collection.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000,100000",
          value_parser = clap::value_parser!(u64).range(1..))]
    elements: Vec<u64>,
    /// Changes of each that are measured, each of an element chosen at random.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Where the databases are made and deleted; by default the directory for temporary files.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// A job whose attempts are stored one by one.
#[derive(Store)]
#[store(key = String)]
struct BigJob {
    attempts: ElementMap<String, Attempt>,
}

/// Stores that write a value as a whole.
const WHOLE: [(peers::Store, Encoding); 3] = [
    (peers::Store::Kvstore, Encoding::Ours),
    (peers::Store::Redb, Encoding::Own),
    (peers::Store::NativeDb, Encoding::Own),
];

/// The one entry.
const ENTRY: &str = "job";

fn element(number: u64) -> String {
    format!("attempt-{number:08}")
}

fn attempt(number: u64) -> Result<Attempt> {
    Ok(Job::numbered(number).into_values().next().ok_or("a job has an attempt")?)
}

/// Nanoseconds of changes, of the elements in an `ElementMap` and then of each store of `WHOLE`.
fn measure(dir: &Path, elements: u64, rounds: u64) -> Result<[Vec<f64>; 4]> {
    let db = Database::open(dir.join("elements"))?;
    let jobs = db.store::<BigJob>()?;
    let mut guard = jobs.create(ENTRY, BigJobInit {})?;
    for number in 0..elements {
        guard.elements(BigJob::ATTEMPTS).insert(element(number), attempt(number)?)?;
    }
    guard.commit()?;

    let job = (0..elements).map(|number| Ok((element(number), attempt(number)?))).collect::<Result<Job>>()?;
    let mut whole: Vec<Box<dyn Peer<Job>>> = Vec::new();
    for (number, (store, encoding)) in WHOLE.into_iter().enumerate() {
        let dir = dir.join(number.to_string());
        std::fs::create_dir(&dir)?;
        let peer =
            store.open(encoding, &Opening { dir: &dir, durability: Durability::Buffered, cache_bytes: 128 << 20 })?;
        peer.create(ENTRY.into(), job.clone())?;
        whole.push(peer);
    }

    let mut random = fastrand::Rng::with_seed(elements);
    let mut times = [const { Vec::new() }; 4];
    for _ in 0..rounds {
        let name = element(random.u64(..elements));
        let start = Instant::now();
        let mut guard = jobs.lock(ENTRY)?.ok_or("no such job")?;
        let mut held = guard.elements(BigJob::ATTEMPTS);
        let mut found = held.get(&name)?.ok_or("no such attempt")?;
        found.change();
        held.insert(&name, found)?;
        guard.commit()?;
        times[0].push(start.elapsed().as_nanos() as f64);
        for (peer, times) in whole.iter().zip(&mut times[1..]) {
            let start = Instant::now();
            let mut changed = false;
            peer.change(ENTRY.into(), &mut |job| changed = job.get_mut(&name).map(Attempt::change).is_some())?;
            times.push(start.elapsed().as_nanos() as f64);
            assert!(changed);
        }
    }
    // All have made the same changes.
    let read = jobs.elements(BigJob::ATTEMPTS, ENTRY).iter()?.map(|entry| entry.map(|(_, attempt)| attempt));
    let expected = read.collect::<kvstore::Result<Vec<_>>>()?;
    for peer in whole {
        let mut same = false;
        peer.read(ENTRY.into(), &mut |job| same = job.values().eq(&expected))?;
        assert!(same);
    }
    Ok(times)
}

/// Measures, and prints the table.
pub(crate) fn run(args: &Args) -> Result<()> {
    println!("## One element of a large collection\n\n{}\n", report::head()?);
    println!(
        "Lock or write transaction, change of one element of some 130 bytes, commit; what is written is with the operating \
         system, but for redb, where it is lost when the process is killed (`Durability::None`), and native_db, which syncs. \
         In turns, {} changes each; medians with quartiles.\n",
        args.rounds,
    );
    let titles =
        ["elements", "kvstore, `ElementMap`", "kvstore, whole value", "redb, whole value", "native_db, whole value"];
    let mut rows = Vec::new();
    for elements in &args.elements {
        eprintln!("{elements} elements");
        let dir = match &args.dir {
            Some(dir) => tempfile::tempdir_in(dir)?,
            None => tempfile::tempdir()?,
        };
        let times = measure(dir.path(), *elements, args.rounds)?;
        let cells = times.map(|nanos| {
            let Spread { median, low, high, .. } = Spread::of(nanos.into_iter().map(|nanos| nanos / 1e3));
            format!("{median:.1} µs <sub>{low:.1}–{high:.1}</sub>")
        });
        rows.push([elements.to_string()].into_iter().chain(cells).collect());
    }
    print_table(&titles.map(Into::into), &rows);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_make_the_same_changes() {
        let dir = tempfile::tempdir().unwrap();
        let times = measure(dir.path(), 50, 5).unwrap();
        assert!(times.iter().all(|times| times.len() == 5));
    }
}
