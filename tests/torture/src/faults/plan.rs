//! What a child is told.

use std::io;
use std::path::{Path, PathBuf};

use kvstore::{Database, DatabaseBuilder, Durability, Store};
use kvstore_tests::TestResult;

use super::case::Scenario;
use crate::shim::{Call, Fault, How};

/// What a child is to run, and what it has to expect.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    /// Where the database is.
    pub(super) directory: PathBuf,
    /// Where its copy is to be.
    pub(super) copy: PathBuf,
    /// The file that is there once the fault has happened.
    pub(super) fired: PathBuf,
    /// The seed of the script.
    pub(super) seed: u64,
    /// What is to be done.
    pub(super) scenario: Scenario,
    /// The number of the error that comes.
    pub(super) errno: i32,
    /// Whether it comes again and again.
    pub(super) persists: bool,
    /// Whether it comes when files are opened: then even reads may fail.
    pub(super) of_open: bool,
}

impl Plan {
    /// For a child whose database and copy lie on `disk`, and that meets this fault.
    pub(super) fn new(disk: &Path, fired: &Path, seed: u64, scenario: Scenario, fault: Option<&Fault>) -> Self {
        Self {
            directory: disk.join("data"),
            copy: disk.join("copies/first"),
            fired: fired.to_owned(),
            seed,
            scenario,
            errno: fault.map_or(0, |fault| fault.errno),
            persists: fault.is_some_and(|fault| fault.how == How::Always),
            of_open: fault.is_some_and(|fault| fault.call == Call::Open),
        }
    }

    /// As arguments of the child.
    pub(super) fn arguments(&self) -> Vec<String> {
        let paths = [&self.directory, &self.copy, &self.fired].map(|path| path.display().to_string());
        let scenario = Scenario::ALL.iter().position(|scenario| *scenario == self.scenario).unwrap_or_default();
        let numbers = [
            self.seed.to_string(),
            scenario.to_string(),
            self.errno.to_string(),
            self.persists.to_string(),
            self.of_open.to_string(),
        ];
        paths.into_iter().chain(numbers).collect()
    }

    /// From arguments.
    ///
    /// # Errors
    /// Where they are not those of a plan.
    pub(super) fn parse(arguments: &[String]) -> TestResult<Self> {
        let [directory, copy, fired, seed, scenario, errno, persists, of_open] = arguments else {
            return Err("these are not the arguments of a plan".into());
        };
        Ok(Self {
            directory: directory.into(),
            copy: copy.into(),
            fired: fired.into(),
            seed: seed.parse()?,
            scenario: *Scenario::ALL.get(scenario.parse::<usize>()?).ok_or("an unknown scenario")?,
            errno: errno.parse()?,
            persists: persists.parse()?,
            of_open: of_open.parse()?,
        })
    }

    /// How the database is opened: with the smallest buffer, so that tables are written and merged, and logs change.
    pub(super) fn builder(&self) -> DatabaseBuilder {
        let durability = if self.scenario.is_sync() { Durability::Sync } else { Durability::Buffered };
        Database::builder().durability(durability).cache_bytes(1 << 20).write_buffer_bytes(64 << 10)
    }

    /// What the system calls the error: the library of C and Rust's use the same words.
    pub(super) fn cause(&self) -> String {
        let text = io::Error::from_raw_os_error(self.errno).to_string();
        text.split(" (os error").next().unwrap_or_default().to_owned()
    }
}

/// A store as the first session knows it.
#[derive(Store)]
#[store(key = u64, namespace = "grown")]
pub(super) struct Before {
    /// Some text.
    pub(super) name: String,
}

/// The same store as the second session knows it: its row in the catalog is changed by the first write.
#[derive(Store)]
#[store(key = u64, namespace = "grown")]
pub(super) struct After {
    /// Some text.
    pub(super) name: String,
    /// What was added.
    #[store(default = 7)]
    pub(super) added: u64,
}

/// A namespace that is dropped, and one that is made after it.
pub(super) const PASSING: &str = "passing";
/// See [`PASSING`].
pub(super) const LATER: &str = "later";
/// How many entries the dropped one has: all are made in one commit.
pub(super) const ENTRIES: u64 = 20;
