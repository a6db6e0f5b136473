//! Trials: what they are, how much they do, and what they tell.

use std::fmt::Display;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use kvstore_tests::TestResult;
use tempfile::TempDir;

/// One promise under attack.
#[derive(Debug)]
pub struct Trial {
    /// Its name on the command line: one word.
    pub name: &'static str,
    /// What is promised, in a sentence for users.
    pub promise: &'static str,
    /// How it is attacked and who judges, in a sentence.
    pub method: &'static str,
    /// What a round is, in the plural: `kills`.
    pub unit: &'static str,
    /// Rounds in `cargo test`: some seconds' worth.
    pub short: u64,
    /// Rounds in `make torture` where no time is given.
    pub long: u64,
    /// Attacks. A violation is an error that names the seed.
    pub run: fn(&Context) -> TestResult<Report>,
}

impl Trial {
    /// Runs for the short number of rounds, from `cargo test`, and prints what it found. `program` is the program
    /// `torture`. With the variable `KVSTORE_ROUNDS` it runs for that many rounds.
    ///
    /// # Errors
    /// The violation found.
    pub fn run_short(&self, program: &str) -> TestResult {
        let rounds = std::env::var("KVSTORE_ROUNDS").ok().map(|rounds| rounds.parse()).transpose()?;
        let context = Context::new(program.into(), rounds.unwrap_or(self.short), seed_from_environment()?);
        let report = (self.run)(&context)?;
        println!("{}: {report}", self.name);
        Ok(())
    }
}

/// `KVSTORE_SEED`, or one that is always the same, so that a test that fails fails again.
fn seed_from_environment() -> TestResult<u64> {
    Ok(std::env::var("KVSTORE_SEED").ok().map(|seed| seed.parse()).transpose()?.unwrap_or(1))
}

/// What a trial may do.
#[derive(Debug, Clone)]
pub struct Context {
    /// The program `torture`, to be started as a child.
    pub program: PathBuf,
    /// Where its randomness begins. Every round has a seed of its own, made of it: see [`seed`](Self::seed).
    pub first_seed: u64,
    rounds: u64,
    until: Option<Instant>,
}

impl Context {
    /// So many rounds.
    pub fn new(program: PathBuf, rounds: u64, first_seed: u64) -> Self {
        Self { program, first_seed, rounds, until: None }
    }

    /// As many rounds as there is time for.
    pub fn until(program: PathBuf, until: Instant, first_seed: u64) -> Self {
        Self { program, first_seed, rounds: u64::MAX, until: Some(until) }
    }

    /// Whether there is to be a round after so many.
    pub fn goes_on(&self, rounds: u64) -> bool {
        rounds < self.rounds && self.until.is_none_or(|until| Instant::now() < until)
    }

    /// The rounds to make; `u64::MAX` where only the time counts.
    pub fn rounds(&self) -> u64 {
        self.rounds
    }

    /// The seed of a round.
    pub fn seed(&self, round: u64) -> u64 {
        // A golden-ratio step: rounds of neighbouring first seeds don't meet.
        self.first_seed.wrapping_add(round.wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A child that runs a task, see [`child`](crate::child).
    pub fn child<A: AsRef<std::ffi::OsStr>>(&self, task: &str, arguments: impl IntoIterator<Item = A>) -> Command {
        let mut command = Command::new(&self.program);
        command.arg("child").arg(task).args(arguments);
        command
    }
}

/// What a trial did without finding a violation.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Rounds made.
    pub rounds: u64,
    /// What is worth telling of them, each a number with what it counts: `31 logs cut, each said`.
    pub figures: Vec<String>,
}

impl Report {
    /// Adds a figure.
    #[must_use]
    pub fn with(mut self, number: u64, what: impl Display) -> Self {
        self.figures.push(format!("{} {what}", grouped(number)));
        self
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} rounds", grouped(self.rounds))?;
        self.figures.iter().try_for_each(|figure| write!(f, "; {figure}"))
    }
}

/// A directory for the files of a round, removed when dropped: where `TMPDIR` says, else in memory where there is such a
/// place, since most of a round may be making, syncing and removing small files.
///
/// # Errors
/// Where it can't be made.
pub fn scratch() -> TestResult<TempDir> {
    const MEMORY: &str = "/dev/shm";
    let builder = tempfile::Builder::new();
    let in_memory = std::env::var_os("TMPDIR").is_none().then(|| builder.tempdir_in(MEMORY).ok()).flatten();
    Ok(in_memory.map_or_else(|| builder.tempdir(), Ok)?)
}

/// A number with commas between groups of three digits.
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
