//! Processes killed while they open, change the catalog, write a checkpoint, sync and close, and again while they recover.

mod child;
mod life;
mod op;
mod plan;
mod session;
mod state;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kvstore_tests::TestResult;

use crate::shim::Shim;
use crate::trial::{Context, Report, Trial};

pub use self::child::child;
use self::life::Life;
use self::plan::Phase;

/// The name of the task, see [`Context::child`](crate::trial::Context::child).
pub const TASK: &str = "interrupted";

/// SIGKILL at the moments that are not commits.
pub const TRIAL: Trial = Trial {
    name: "interrupted",
    promise: "Killed while it opens, makes, grows or drops a namespace, leases keys, writes a checkpoint, syncs or closes, \
              and killed again while it recovers, a database has all that was acknowledged, and nothing else but what was \
              cut off, whole.",
    method: "a child says what it begins and ends; it is killed (SIGKILL) in one phase, by turns after a random time and \
             after the nth change to its files, then up to three times more while it opens again, some of them with a torn \
             log to cut; the whole content, the schemas, namespace numbers, generated keys and checkpoints are compared \
             with what was acknowledged",
    unit: "kills",
    short: 30,
    long: 1_000,
    run,
};

/// What is counted, by what it is.
type Seen = BTreeMap<&'static str, u64>;

fn run(context: &Context) -> TestResult<Report> {
    let library = tempfile::tempdir()?;
    let shim = Shim::build(library.path())?;
    let (mut report, mut seen, mut typical) = (Report::default(), Seen::new(), BTreeMap::<Phase, Duration>::new());
    let mut lives = 0;
    while context.goes_on(report.rounds) {
        let seed = context.seed(lives);
        let mut life = Life::new(context, &shim, seed, &mut seen, &mut typical)?;
        let lived = life.live(report.rounds);
        lived.map_err(|error| format!("--only interrupted --rounds {} --seed {seed}: {error}", life.kills()))?;
        report.rounds += life.kills();
        lives += 1;
    }
    Ok(seen.into_iter().fold(report.with(lives, "databases"), |report, (what, number)| report.with(number, what)))
}

/// Where the database is: some directories are to be made.
fn directory(root: &Path) -> PathBuf {
    root.join("made/here/db")
}

/// Where checkpoints are.
fn copies(root: &Path) -> PathBuf {
    root.join("copies")
}
