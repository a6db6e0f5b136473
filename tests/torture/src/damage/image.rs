//! Databases to damage, made once for a run.

use std::path::Path;

use kvstore_tests::TestResult;

use super::files::Files;
use super::history::{History, Step};
use super::writer::{self, Ended, Places};
use crate::process::Process;
use crate::trial::Context;

/// A database as its last session left it, and all that is known of it.
#[derive(Debug)]
pub(super) struct Image {
    pub(super) ended: Ended,
    pub(super) files: Files,
    /// The directory as it was before each session, the first one aside.
    pub(super) older: Vec<Files>,
    pub(super) history: History,
}

impl Image {
    /// Makes one of each kind below `root`. Their content is always the same, so that a mutation is found again by its
    /// seed.
    ///
    /// # Errors
    /// Where a child fails.
    pub(super) fn make_all(context: &Context, root: &Path) -> TestResult {
        for ended in Ended::ALL {
            let arguments = [root.display().to_string(), ended.name().to_owned()];
            let mut child = Process::start(&mut context.child(writer::TASK, arguments))?;
            if child.next_line()?.as_deref() == Some("ready") {
                child.kill()?;
                continue;
            }
            let (status, complaints) = child.wait()?;
            // That of `Busy` dies by itself, at just the right moment.
            let expected = if ended == Ended::Busy { None } else { Some(0) };
            if status.code() != expected {
                return Err(format!("no database `{}` was made ({status}): {complaints}", ended.name()).into());
            }
        }
        Ok(())
    }

    /// Reads one that was made.
    ///
    /// # Errors
    /// Where its files can't be read.
    pub(super) fn load(root: &Path, ended: Ended) -> TestResult<Self> {
        let places = Places::of(root, ended);
        let mut older = Vec::new();
        for session in 0..4 {
            older.push(Files::read(&places.older.join(session.to_string()))?);
        }
        let history = History::parse(&std::fs::read_to_string(&places.ledger)?)?;
        Ok(Self { ended, files: Files::read(&places.directory)?, older, history })
    }

    /// How many steps the logs show to be whole: those in front of the first byte of a log that is not as it was. Steps
    /// in logs that RocksDB had removed already are in tables.
    pub(super) fn intact_steps(&self, damaged: &Files) -> usize {
        let changed = |log: &u64| self.files.log(*log) != damaged.log(*log);
        let Some(first) = self.files.logs().into_iter().find(changed) else { return self.history.steps.len() };
        let (original, found) = (self.files.log(first).unwrap_or_default(), damaged.log(first).unwrap_or_default());
        let same = original.iter().zip(found).take_while(|(original, found)| original == found).count() as u64;
        let is_changed = |step: &Step| step.log > first || (step.log == first && step.end > same);
        self.history.steps.iter().position(is_changed).unwrap_or(self.history.steps.len())
    }

    /// Whether a step behind the first one that is not intact is in its log as it was.
    pub(super) fn has_intact_step_behind(&self, damaged: &Files) -> bool {
        let steps = &self.history.steps;
        (self.intact_steps(damaged) + 1..steps.len()).any(|index| {
            let (Some(before), Some(step)) = (steps.get(index - 1), steps.get(index)) else { return false };
            let start = if before.log == step.log { before.end } else { 0 };
            let bounds = usize::try_from(start).ok().zip(usize::try_from(step.end).ok());
            let Some((start, end)) = bounds.filter(|(start, end)| start < end) else { return false };
            let original = self.files.log(step.log).and_then(|bytes| bytes.get(start..end));
            original.is_some() && damaged.log(step.log).and_then(|bytes| bytes.get(start..end)) == original
        })
    }
}
