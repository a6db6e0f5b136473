//! Two openers of one directory: by other paths, at the same moment, and after one is gone.

mod alias;
mod forked;
mod opener;
mod places;
mod race;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kvstore::{Database, Error};
use kvstore_tests::TestResult;

use crate::process::Process;
use crate::trial::{Context, Report, Trial};

pub use self::opener::child;

/// The name of the task, see [`Context::child`](crate::trial::Context::child).
pub const TASK: &str = "opener";

/// Several processes and threads at one directory.
pub const TRIAL: Trial = Trial {
    name: "openers",
    promise: "A directory is open once at a time, whatever path leads there; who is refused has touched nothing; and when \
              its process is gone, the next one opens it at once.",
    method: "aliases (links, `..`, relative paths, `/proc`, bind mounts) from the same and other processes; processes and \
             threads that open and create one directory at the same moment; holders that are killed, or fork children that \
             keep, drop or use their handles; \
             directories that are moved, removed, copied or lose their lock files while open; every commit of every \
             winner must be there at the end",
    unit: "rounds",
    short: 40,
    long: 2_000,
    run,
};

/// Processes that open one directory.
const OPENERS: usize = 3;

/// What is counted, by what it is.
type Seen = BTreeMap<&'static str, u64>;

fn run(context: &Context) -> TestResult<Report> {
    let mut report = Report::default();
    let mut players = Players { context, processes: Vec::new(), seen: Seen::new() };
    while context.goes_on(report.rounds) {
        let seed = context.seed(report.rounds);
        players.round(seed).map_err(|error| format!("--only openers --rounds 1 --seed {seed}: {error}"))?;
        report.rounds += 1;
    }
    Ok(players.seen.into_iter().fold(report, |report, (what, number)| report.with(number, what)))
}

/// The processes that play all rounds, and what was seen of them.
struct Players<'a> {
    context: &'a Context,
    processes: Vec<Process>,
    seen: Seen,
}

impl Players<'_> {
    fn round(&mut self, seed: u64) -> TestResult {
        let mut rng = fastrand::Rng::with_seed(seed);
        let root = tempfile::tempdir()?;
        // As the system names it: the temporary directory may itself lie behind a link.
        let root = root.path().canonicalize()?;
        match rng.u8(..20) {
            0..3 => alias::round(self, &mut rng, &root),
            3..5 => forked::round(self, &mut rng, &root),
            5..10 => places::round(self, &mut rng, &root),
            _ => race::round(self, &mut rng, &root),
        }
    }

    /// Process `index`, which is started where there is none.
    fn process(&mut self, index: usize) -> TestResult<&mut Process> {
        while self.processes.len() <= index {
            self.processes.push(start(self.context)?);
        }
        Ok(self.processes.get_mut(index).ok_or("no such process")?)
    }

    /// Kills process `index`, lets another have its place, and answers its last lines.
    fn kill(&mut self, index: usize) -> TestResult<Vec<String>> {
        let next = start(self.context)?;
        let mut process = std::mem::replace(self.process(index)?, next);
        process.kill()?;
        let mut said = Vec::new();
        while let Some(line) = process.next_line()? {
            said.push(line);
        }
        Ok(said)
    }

    fn count(&mut self, what: &'static str) {
        *self.seen.entry(what).or_default() += 1;
    }

    /// What process `index` answers must be this.
    fn expect(&mut self, index: usize, line: &str, expected: &str) -> TestResult {
        let answer = self.process(index)?.ask(line)?;
        if expected == opener::IN_USE {
            self.count("openings refused");
        }
        if answer == expected {
            Ok(())
        } else {
            Err(format!("`{line}` is answered `{answer}`, and not `{expected}`").into())
        }
    }

    /// This process is refused, too.
    fn refused_here(&mut self, path: &Path) -> TestResult {
        self.count("openings refused");
        match attempt(path)? {
            None => Ok(()),
            Some(_) => Err(format!("{} was opened twice", path.display()).into()),
        }
    }

    /// Opens the directory at once, and finds just these numbers in it.
    fn holds(&mut self, path: &Path, numbers: &BTreeSet<u64>) -> TestResult {
        self.count("openings at once");
        let db = attempt(path)?.ok_or_else(|| format!("{} is not free", path.display()))?;
        let found = opener::numbers(&db)?.iter()?.keys().collect::<kvstore::Result<BTreeSet<_>>>()?;
        if found != *numbers {
            let (lost, strange) = (numbers - &found, &found - numbers);
            return Err(format!("{}: {lost:?} are lost, {strange:?} were never committed", path.display()).into());
        }
        *self.seen.entry("commits found again").or_default() += found.len() as u64;
        Ok(db.close()?)
    }
}

fn start(context: &Context) -> TestResult<Process> {
    Process::start(&mut context.child(TASK, [""; 0]))
}

/// Opens, or finds the directory in use.
fn attempt(path: impl AsRef<Path>) -> kvstore::Result<Option<Database>> {
    match Database::builder().cache_bytes(1 << 20).open(path) {
        Ok(db) => Ok(Some(db)),
        Err(Error::InUse { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
