//! The workload that is killed, cut off from power and lied to: three stores, and a script of commits for each thread.
//!
//! A script is a function of its seed: whoever knows how many steps a thread has made knows all that must be in the
//! database of it. So the child that runs the script tells only which steps were acknowledged, and the parent finds the
//! number of steps that explains what it reads. A step is one commit, or none; there is nothing between two steps.

mod ledger;
mod script;
mod state;
mod worker;

pub use self::ledger::Ledger;
pub use self::script::{Script, Step};
pub use self::state::{Contents, State, read};
pub use self::worker::{Failed, Stores, Worker};

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use kvstore::{Database, DatabaseBuilder, Durability, ElementMap, Store};
use kvstore_tests::TestResult;

/// A job of one thread; its key begins with the number of the thread.
#[derive(Store)]
#[store(key = String)]
pub struct Job {
    /// The step that wrote it.
    pub step: u64,
    /// As many bytes as the step says, all the same.
    #[store(with = "serde_bytes")]
    pub padding: Vec<u8>,
    /// One element, which repeats the step.
    pub attempts: BTreeMap<u64, String>,
    /// The last steps that changed it under its lock since it was made, each with what it is called.
    pub log: ElementMap<u64, String>,
}

/// A unit of work of one thread.
#[derive(Store)]
pub struct Work {
    /// The thread, and a number.
    #[store(key)]
    pub id: (u8, u64),
    /// The step that wrote it.
    pub step: u64,
}

/// A ticket under a generated key.
#[derive(Store)]
#[store(key = u64)]
pub struct Ticket {
    /// The thread that made it.
    pub thread: u8,
    /// The step that made it.
    pub step: u64,
}

impl Job {
    /// What a step writes.
    pub fn of(thread: u8, step: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(step ^ (u64::from(thread) << 56));
        // Mostly small; some cross pages, and a few whole blocks of the log.
        let length = match rng.u8(..) {
            0..200 => rng.usize(0..200),
            200..250 => rng.usize(0..6_000),
            _ => rng.usize(30_000..70_000),
        };
        let attempts = BTreeMap::from([(step, format!("step {step}"))]);
        Self { step, padding: vec![rng.u8(..); length], attempts, log: ElementMap::new() }
    }
}

/// What a child is to run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Where the database is.
    pub directory: PathBuf,
    /// The seed of the scripts.
    pub seed: u64,
    /// Whether commits are synced.
    pub sync: bool,
    /// See [`DatabaseBuilder::write_buffer_bytes`]: a small one brings flushes, compactions and new logs.
    pub write_buffer: usize,
    /// For each thread, how many steps it has made before.
    pub made: Vec<u64>,
    /// How many steps each thread is to make at most.
    pub steps: u64,
    /// Where the ledger is written; to the standard output where `None`.
    pub ledger: Option<PathBuf>,
}

/// The name of the task, see [`Context::child`](crate::trial::Context::child).
pub const TASK: &str = "workload";

impl Plan {
    /// As arguments of the child.
    pub fn arguments(&self) -> Vec<String> {
        let ledger = self.ledger.as_ref().map_or_else(|| "-".into(), |path| path.display().to_string());
        let numbers = [self.seed, u64::from(self.sync), self.write_buffer as u64, self.steps];
        let numbers = numbers.iter().chain(&self.made).map(ToString::to_string);
        [self.directory.display().to_string(), ledger].into_iter().chain(numbers).collect()
    }

    fn parse(arguments: &[String]) -> TestResult<Self> {
        let [directory, ledger, numbers @ ..] = arguments else {
            return Err("a directory and a ledger are missing".into());
        };
        let numbers = numbers.iter().map(|number| number.parse()).collect::<Result<Vec<u64>, _>>()?;
        let [seed, sync, write_buffer, steps, ref made @ ..] = numbers[..] else {
            return Err("numbers are missing".into());
        };
        Ok(Self {
            directory: directory.into(),
            seed,
            sync: sync != 0,
            write_buffer: usize::try_from(write_buffer)?,
            made: made.to_vec(),
            steps,
            ledger: (ledger != "-").then(|| ledger.into()),
        })
    }

    /// How the database is opened.
    pub fn builder(&self) -> DatabaseBuilder {
        let durability = if self.sync { Durability::Sync } else { Durability::Buffered };
        Database::builder().durability(durability).cache_bytes(1 << 20).write_buffer_bytes(self.write_buffer)
    }
}

/// Runs a plan: one thread for each script. Ends with an error at the first step that fails, else closes the database.
///
/// # Errors
/// Where a step fails, after the ledger says which and how.
pub fn child(arguments: &[String]) -> TestResult {
    let plan = Plan::parse(arguments)?;
    let sink: Box<dyn Write + Send> = match &plan.ledger {
        Some(path) => Box::new(File::create(path)?),
        None => Box::new(io::stdout()),
    };
    let sink = Mutex::new(sink);
    // One call for a line: a killed child leaves at most one that is cut.
    let tell = |line: &str| {
        let mut sink = sink.lock().unwrap_or_else(PoisonError::into_inner);
        sink.write_all(format!("{line}\n").as_bytes()).and_then(|()| sink.flush())
    };
    let db = plan.builder().open(&plan.directory)?;
    let stores = Stores::open(&db)?;
    tell("open")?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = plan
            .made
            .iter()
            .zip(0..)
            .map(|(&made, thread)| {
                let (stores, plan, tell) = (&stores, &plan, &tell);
                scope.spawn(move || -> TestResult {
                    let mut worker = Worker::new(stores, Script::after(plan.seed, thread, made))?;
                    (0..plan.steps).try_for_each(|_| worker.step(tell))
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    drop(stores);
    db.close()?;
    tell("closed")?;
    Ok(())
}

#[cfg(test)]
mod tests;
