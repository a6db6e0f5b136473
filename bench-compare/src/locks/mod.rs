//! Locks under contention: kvstore's against others'.

mod chart;
mod contend;
mod crew;
mod many;
mod shared;
mod sides;
mod tables;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use self::contend::{Keys, Shifts};
use self::many::Passes;
use self::shared::Cost;
use self::sides::{Dash, Guards, LockedMap, Pool, Side, Table, Transactions};
use crate::Result;

/// Keys of its own for each thread.
const KEYS_EACH: u64 = 1_000;

/// Locks under contention: throughput and fairness at one key, scaling at disjoint keys, a million keys without growth,
/// and what the counters of guards cost.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Numbers of threads.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4, 16])]
    threads: Vec<usize>,
    /// Rounds of the runs by time.
    #[arg(long, default_value_t = 9)]
    rounds: usize,
    /// How long a run by time takes, in milliseconds.
    #[arg(long, default_value_t = 250)]
    millis: u64,
    /// How many keys are locked once.
    #[arg(long, default_value_t = 1_000_000)]
    keys: u64,
    /// Rounds of locking them.
    #[arg(long, default_value_t = 3)]
    passes: usize,
    /// Where the databases on disk are made; the system's temporary directory by default.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Where to write a chart of the throughput by threads.
    #[arg(long)]
    svg: Option<PathBuf>,
}

/// What is run.
#[derive(Debug)]
struct Plan {
    threads: Vec<usize>,
    rounds: usize,
    duration: Duration,
    keys: u64,
    passes: usize,
}

impl Plan {
    fn new(args: &Args) -> Result<Self> {
        if args.threads.is_empty() || args.threads.contains(&0) || args.rounds == 0 || args.passes == 0 {
            return Err("there must be a thread and a round".into());
        }
        let duration = Duration::from_millis(args.millis);
        Ok(Self { threads: args.threads.clone(), rounds: args.rounds, duration, keys: args.keys, passes: args.passes })
    }

    /// A hot key, and those of all threads.
    fn counters(&self) -> u64 {
        1 + KEYS_EACH * self.threads.iter().copied().max().unwrap_or(1) as u64
    }
}

/// Threads that run at a time.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// All that is compared, with its counters at zero.
fn sides(dir: &Path, counters: u64) -> Result<Vec<Box<dyn Side>>> {
    Ok(vec![
        Box::new(Table::new(counters)),
        Box::new(Pool::new(counters)),
        Box::new(LockedMap::new(counters)?),
        Box::new(Dash::new(counters)),
        Box::new(Guards::in_memory(counters)?),
        Box::new(Guards::on_disk(&dir.join("kvstore"), counters)?),
        Box::new(Transactions::open(&dir.join("transactions"), counters)?),
    ])
}

/// What was measured of each side, and of the counters.
struct Figures {
    names: Vec<&'static str>,
    hot: Vec<Shifts>,
    disjoint: Vec<Shifts>,
    many: Vec<Passes>,
    costs: Vec<Cost>,
}

/// Runs all workloads and prints their tables.
pub(crate) fn run(args: &Args) -> Result<()> {
    let plan = Plan::new(args)?;
    let dir = match &args.dir {
        Some(dir) => tempfile::tempdir_in(dir)?,
        None => tempfile::tempdir()?,
    };
    let figures = measure(&plan, dir.path())?;
    tables::print(&plan, &figures)?;
    if let Some(path) = &args.svg {
        chart::draw(path, &plan, &figures)?;
    }
    Ok(())
}

fn measure(plan: &Plan, dir: &Path) -> Result<Figures> {
    let sides = sides(dir, plan.counters())?;
    // First, while little memory lies about that could be taken without a trace.
    let many = many::measure(&sides, plan)?;
    let hot = contend::measure(&sides, plan, Keys::Hot)?;
    let disjoint = contend::measure(&sides, plan, Keys::Disjoint)?;
    let names = sides.iter().map(|side| side.name()).collect();
    drop(sides);
    let memory = Guards::in_memory(plan.counters())?;
    let disk = Guards::on_disk(&dir.join("guards"), plan.counters())?;
    let costs = shared::measure(&memory, &disk, plan)?;
    Ok(Figures { names, hot, disjoint, many, costs })
}
