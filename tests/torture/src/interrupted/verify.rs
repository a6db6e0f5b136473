//! What a killed database must be like when it is opened for good.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use kvstore::Database;
use kvstore_tests::{TestResult, warnings_of};

use super::session::{Checkpoint, Session};
use super::state::{KEYS, State, difference, observe};
use super::{Seen, copies, directory};

/// What recovery says when it drops something.
const SAID: &str = "the write-ahead log was cut";

/// What is known of a database.
#[derive(Debug)]
pub(super) struct Known<'a> {
    /// The directory in which all of it lies.
    pub(super) root: PathBuf,
    /// What was in it when it was opened for good the last time.
    pub(super) state: State,
    /// The highest of all generated keys.
    pub(super) highest_key: u64,
    /// The number of each namespace that is there.
    pub(super) numbers: BTreeMap<String, u32>,
    /// All numbers of namespaces that ever were there.
    pub(super) numbers_ever: BTreeSet<u32>,
    pub(super) seen: &'a mut Seen,
}

/// A log that was cut off behind some bytes.
#[derive(Debug)]
pub(super) struct Torn {
    /// The last state that is left whole.
    pub(super) state: usize,
    /// What is left behind it: the beginning of a commit.
    pub(super) rest: Vec<u8>,
}

impl<'a> Known<'a> {
    /// Of a database that is not made yet.
    pub(super) fn new(root: PathBuf, seen: &'a mut Seen) -> Self {
        let (state, numbers, numbers_ever) = (State::new(), BTreeMap::new(), BTreeSet::new());
        Self { root, state, highest_key: 0, numbers, numbers_ever, seen }
    }

    /// Opens the database, and compares it with what the session said, and what was done to it afterwards.
    pub(super) fn verify(&mut self, session: &Session, torn: Option<&Torn>, warnings: Vec<String>) -> TestResult {
        let (db, said) = warnings_of(|| open(&directory(&self.root)));
        let db = db?;
        let (found, numbers) = observe(&db)?;
        let states: Vec<_> = session.states.iter().cloned().chain(session.possible()).collect();
        // A torn log has lost commits that were acknowledged; what is left is known to the commit.
        let expected = match torn {
            Some(torn) => states.get(torn.state..=torn.state),
            None => states.get(session.states.len() - 1..),
        };
        let expected = expected.unwrap_or_default();
        if !expected.contains(&found) {
            let how: Vec<_> = expected.iter().map(|expected| difference(expected, &found)).collect();
            return Err(how.join("; or: ").into());
        }
        let warnings = [warnings, said].concat();
        self.check_warnings(torn, &warnings)?;
        self.check_numbers(session, numbers)?;
        self.check_keys(session, &db, &found)?;
        for checkpoint in &session.checkpoints {
            self.check_checkpoint(checkpoint, &states, &db, &found)?;
        }
        match fs::remove_dir_all(copies(&self.root)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.into()),
            _ => {}
        }
        self.state = found;
        Ok(db.close()?)
    }

    /// Who drops something says so, and keeps it aside; who drops nothing has nothing to say.
    fn check_warnings(&mut self, torn: Option<&Torn>, warnings: &[String]) -> TestResult {
        if let Some(strange) = warnings.iter().find(|warning| !warning.contains(SAID)) {
            return Err(strange.as_str().into());
        }
        let Some(Torn { rest, .. }) = torn.filter(|torn| !torn.rest.is_empty()) else {
            if torn.is_some() {
                *self.seen.entry("logs cut between two commits").or_default() += 1;
            } else if !warnings.is_empty() {
                *self.seen.entry("commits cut short by a kill, each said").or_default() += 1;
            }
            return Ok(());
        };
        if warnings.is_empty() {
            return Err(format!("{} bytes were dropped, and nobody said so", rest.len()).into());
        }
        if !is_aside(&directory(&self.root), rest)? {
            return Err(format!("{} bytes were dropped, and are not put aside", rest.len()).into());
        }
        *self.seen.entry("logs torn within a commit, each said and put aside").or_default() += 1;
        Ok(())
    }

    /// A namespace keeps its number, and a new one has a number that no other ever had.
    fn check_numbers(&mut self, session: &Session, numbers: BTreeMap<String, u32>) -> TestResult {
        for (name, number) in &numbers {
            let before = self.numbers.get(name).filter(|_| !session.dropped.contains(name));
            if before.map_or_else(|| self.numbers_ever.contains(number), |before| before != number) {
                return Err(format!("`{name}` has the number {number}; before: {:?}", self.numbers).into());
            }
        }
        self.numbers_ever.extend(numbers.values());
        self.numbers = numbers;
        Ok(())
    }

    /// The next generated key is above all that were told.
    fn check_keys(&mut self, session: &Session, db: &Database, found: &State) -> TestResult {
        self.highest_key = session.highest_key;
        if found.contains_key(KEYS) {
            let next = db.map::<u64, String>(KEYS)?.next_key()?;
            if next <= self.highest_key {
                return Err(format!("the key {next} is given out after {}", self.highest_key).into());
            }
            self.highest_key = next;
        }
        Ok(())
    }

    /// A checkpoint has its name when it is whole, and what is left of one that is not does not hinder the next.
    fn check_checkpoint(
        &mut self,
        checkpoint: &Checkpoint,
        states: &[State],
        db: &Database,
        found: &State,
    ) -> TestResult {
        let to = copies(&self.root).join(&checkpoint.name);
        let last = checkpoint.last.unwrap_or(states.len() - 1);
        if to.exists() {
            let copy = observe(&open(&to)?)?.0;
            if !states.get(checkpoint.first..=last).is_some_and(|states| states.contains(&copy)) {
                let acknowledged = states.get(checkpoint.first).ok_or("no such state")?;
                return Err(format!("a checkpoint is not what was there: {}", difference(acknowledged, &copy)).into());
            }
            *self.seen.entry("checkpoints found whole").or_default() += 1;
            return Ok(());
        }
        if checkpoint.last.is_some() {
            return Err("a checkpoint that was acknowledged is gone".into());
        }
        if has_leftovers(&copies(&self.root))? {
            *self.seen.entry("checkpoints found unfinished, and not in the way").or_default() += 1;
        }
        db.checkpoint(&to)?;
        if has_leftovers(&copies(&self.root))? {
            return Err("what is left of an unfinished checkpoint stays beside the next one".into());
        }
        let copy = observe(&open(&to)?)?.0;
        if copy == *found {
            Ok(())
        } else {
            Err(format!("a checkpoint behind an unfinished one: {}", difference(found, &copy)).into())
        }
    }
}

fn open(directory: &Path) -> kvstore::Result<Database> {
    Database::builder().cache_bytes(1 << 20).open(directory)
}

/// Whether a file that was put aside holds just these bytes.
fn is_aside(directory: &Path, bytes: &[u8]) -> io::Result<bool> {
    for entry in fs::read_dir(directory)? {
        let folder = entry?.path();
        if folder.is_dir() {
            for entry in fs::read_dir(folder)? {
                if fs::read(entry?.path())? == bytes {
                    return Ok(true);
                }
            }
        }
    }
    Ok(false)
}

/// Whether there is something of an unfinished checkpoint.
fn has_leftovers(copies: &Path) -> io::Result<bool> {
    let entries = match fs::read_dir(copies) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        entries => entries?,
    };
    for entry in entries {
        if entry?.file_name().to_string_lossy().starts_with(".kvstore-unfinished-") {
            return Ok(true);
        }
    }
    Ok(false)
}
