//! `sync`: commits that are synced to the disk, of kvstore and of raw RocksDB, and what a sync of the disk costs.

mod disk;
mod sides;
#[cfg(test)]
mod tests;

use std::path::PathBuf;

use clap::Args as Arguments;

use self::disk::Disk;
use self::sides::Counted;
use crate::Result;
use crate::report::{self, Spread, part, print_table};

/// Synced commits of kvstore and raw RocksDB, in turns, with the syncs of the log that they needed.
#[derive(Debug, Arguments)]
pub(crate) struct Args {
    #[arg(long, value_delimiter = ',', default_value = "1,4,16", value_parser = clap::value_parser!(u64).range(1..=64))]
    threads: Vec<u64>,
    /// Commits of a round, of all threads together.
    #[arg(long, default_value_t = 1_600, value_parser = clap::value_parser!(u64).range(1..))]
    commits: u64,
    /// Rounds that are measured, after one that is not.
    #[arg(long, default_value_t = 21, value_parser = clap::value_parser!(u64).range(1..))]
    rounds: u64,
    /// Where the databases are made and deleted; by default the directory for temporary files.
    #[arg(long)]
    dir: Option<PathBuf>,
}

/// What a round of one side came to.
#[derive(Clone, Copy, Debug)]
struct Round {
    rate: f64,
    together: f64,
}

/// The rounds of both sides, in pairs, at one number of threads.
#[derive(Debug, Default)]
struct Rounds {
    kvstore: Vec<Round>,
    raw: Vec<Round>,
    /// Microseconds, of the disk alone.
    disk: Vec<f64>,
}

/// Appends and syncs of the disk after each round.
const PROBES: usize = 40;

/// Commits in rounds, the sides in turns, and the disk alone in between.
fn measure(args: &Args, threads: u64) -> Result<Rounds> {
    let dir = match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let kvstore = Counted::kvstore(&dir.path().join("kvstore"))?;
    let raw = Counted::raw(&dir.path().join("raw"))?;
    let mut disk = Disk::new(&dir.path().join("probe"))?;
    let each = (args.commits / threads).max(1);
    let mut rounds = Rounds::default();
    for number in 0..=args.rounds {
        let run = |side: &Counted| -> Result<Round> {
            let syncs = side.log_syncs();
            let taken = side.commit(number, threads, each)?;
            let (commits, syncs) = ((each * threads) as f64, (side.log_syncs() - syncs) as f64);
            Ok(Round { rate: commits / taken.as_secs_f64(), together: commits / syncs })
        };
        let (ours, limit) = if number % 2 == 0 {
            let ours = run(&kvstore)?;
            (ours, run(&raw)?)
        } else {
            let limit = run(&raw)?;
            (run(&kvstore)?, limit)
        };
        let probes = disk.probe(PROBES)?;
        if number > 0 {
            rounds.kvstore.push(ours);
            rounds.raw.push(limit);
            rounds.disk.extend(probes);
        }
    }
    for side in [kvstore, raw] {
        side.check((args.rounds + 1) * threads * each)?;
    }
    Ok(rounds)
}

impl Rounds {
    fn row(&self, threads: u64) -> Vec<String> {
        let cell = |numbers: Vec<f64>, digits: usize| {
            Spread::of(numbers).some().map_or_else(String::new, |Spread { median, low, high, .. }| {
                format!("{median:.digits$} <sub>{low:.digits$}–{high:.digits$}</sub>")
            })
        };
        let of = |rounds: &[Round], what: fn(&Round) -> f64| rounds.iter().map(what).collect();
        let ratio = self.kvstore.iter().zip(&self.raw).map(|(ours, raw)| ours.rate / raw.rate).collect();
        let mut disk = self.disk.clone();
        disk.sort_by(f64::total_cmp);
        let disk = [0.5, 0.9, 0.99, 1.0].map(|at| part(&disk, at).map_or_else(String::new, |us| format!("{us:.0}")));
        let mut row = vec![
            threads.to_string(),
            cell(of(&self.kvstore, |round| round.rate), 0),
            cell(of(&self.raw, |round| round.rate), 0),
            cell(ratio, 2),
            cell(of(&self.kvstore, |round| round.together), 2),
            cell(of(&self.raw, |round| round.together), 2),
        ];
        row.extend(disk);
        row
    }
}

/// Measures, and prints the table.
pub(crate) fn run(args: &Args) -> Result<()> {
    println!("## Synced commits\n\n{}\n", report::head()?);
    println!(
        "New jobs of 160 bytes, one in each commit, which returns when the log is synced to the disk: kvstore's \
         `create` and `commit` with `Durability::Sync`, and raw RocksDB's get and put with `set_sync(true)`, with the \
         same settings, bytes and records. In turns, {} rounds of {} commits; medians with quartiles, the ratio by \
         round. Syncs of the log are counted by RocksDB's statistics, which are on for both. Beside it, in between the \
         rounds: an append of 200 bytes to a file in the same directory, and its `fdatasync`.\n",
        args.rounds, args.commits,
    );
    let titles = [
        "threads",
        "kvstore, commits/s",
        "raw RocksDB, commits/s",
        "kvstore / raw",
        "kvstore, commits a sync",
        "raw, commits a sync",
        "fdatasync p50, µs",
        "p90",
        "p99",
        "max",
    ];
    let mut rows = Vec::new();
    for threads in &args.threads {
        eprintln!("{threads} threads");
        rows.push(measure(args, *threads)?.row(*threads));
    }
    print_table(&titles.map(Into::into), &rows);
    Ok(())
}
