//! What the parent knows of a workload from the lines of its child.

use std::collections::BTreeSet;

use kvstore_tests::TestResult;

use super::Contents;

/// Acknowledged steps and generated keys, over all sessions of one database.
#[derive(Debug, Clone)]
pub struct Ledger {
    seed: u64,
    /// For each thread, the steps that are known to be made.
    pub made: Vec<u64>,
    /// Generated keys that were told.
    keys: BTreeSet<u64>,
    /// The highest of them when the session began.
    highest_before: u64,
    /// Steps acknowledged in all sessions.
    pub acknowledged: u64,
    /// The line of the first step that failed in this session.
    pub failed: Option<String>,
}

impl Ledger {
    /// Of a new database.
    pub fn new(seed: u64, threads: u8) -> Self {
        let made = vec![0; threads.into()];
        Self { seed, made, keys: BTreeSet::new(), highest_before: 0, acknowledged: 0, failed: None }
    }

    /// To be called before a session: its generated keys must be above all before.
    pub fn begin_session(&mut self) {
        self.highest_before = self.keys.last().copied().unwrap_or(0);
        self.failed = None;
    }

    /// Takes a line of the child, which must be whole.
    ///
    /// # Errors
    /// A violation: a generated key that was given out before; or a line that no child writes.
    pub fn take(&mut self, line: &str) -> TestResult {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["done", thread, step] => {
                let made = self.made.get_mut(thread.parse::<usize>()?).ok_or("an unknown thread")?;
                *made = step.parse::<u64>()? + 1;
                self.acknowledged += 1;
            }
            ["key", _, _, key] => {
                let key = key.parse()?;
                if key <= self.highest_before || !self.keys.insert(key) {
                    return Err(format!("the key {key} was given out twice").into());
                }
            }
            ["failed", ..] => self.failed = self.failed.take().or_else(|| Some(line.to_owned())),
            ["open" | "closed"] => {}
            _ => return Err(format!("a line `{line}`").into()),
        }
        Ok(())
    }

    /// Compares what was read after a session in which nothing acknowledged may be lost, and goes on from there: each
    /// thread has made its acknowledged steps, and at most one more.
    ///
    /// # Errors
    /// What does not fit.
    pub fn settle(&mut self, found: &Contents) -> TestResult {
        for (thread, state) in (0..).zip(&found.states) {
            let made = self.made.get_mut(usize::from(thread)).ok_or("an unknown thread")?;
            let Some(explained) = state.explained_by(self.seed, thread, *made..=*made + 1) else {
                return Err(self.describe(thread, state).into());
            };
            *made = explained;
        }
        self.check_keys(found)
    }

    /// Every ticket has a key that was told.
    ///
    /// # Errors
    /// The key of one that was not.
    pub fn check_keys(&self, found: &Contents) -> TestResult {
        match found.tickets.keys().find(|key| !self.keys.contains(key)) {
            Some(key) => Err(format!("a ticket has the key {key}, which nobody was given").into()),
            None => Ok(()),
        }
    }

    /// The number of steps that explains what was found, if any does; for messages.
    pub fn describe(&self, thread: u8, state: &super::State) -> String {
        let acknowledged = self.made.get(usize::from(thread)).copied().unwrap_or(0);
        match state.explained_by(self.seed, thread, 0..=acknowledged + 1000) {
            Some(made) => format!("thread {thread} has made {acknowledged} steps, and {made} are there"),
            None => format!("thread {thread} has made {acknowledged} steps, and no number of steps leaves {state:?}"),
        }
    }
}
