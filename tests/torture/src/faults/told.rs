//! What a child told.

use std::collections::{BTreeMap, BTreeSet};

use kvstore_tests::TestResult;

use crate::workload::Ledger;

/// What the parent knows from the lines of a child.
#[derive(Debug)]
pub(super) struct Told {
    /// The steps and generated keys.
    pub(super) ledger: Ledger,
    /// The actions that began.
    pub(super) begun: BTreeSet<String>,
    /// The actions that were acknowledged, and how many steps were at the last time.
    pub(super) did: BTreeMap<String, u64>,
    /// The first error that was seen.
    pub(super) first_error: Option<Failure>,
    /// Whether a step failed with an unknown outcome.
    pub(super) is_unknown: bool,
    /// Whether a step failed, and nothing was applied.
    pub(super) is_not_applied: bool,
    /// Whether the child came to its end.
    pub(super) has_ended: bool,
}

/// A failed action.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// The name of the action.
    pub(super) action: String,
    /// Whether the fault had happened before the action, or step, began: in the background.
    pub(super) is_later: bool,
}

impl Told {
    /// Nothing yet, by a child of a script.
    pub(super) fn new(script: u64) -> Self {
        Self {
            ledger: Ledger::new(script, 1),
            begun: BTreeSet::new(),
            did: BTreeMap::new(),
            first_error: None,
            is_unknown: false,
            is_not_applied: false,
            has_ended: false,
        }
    }

    /// The steps that were acknowledged.
    pub(super) fn made(&self) -> u64 {
        self.ledger.made.first().copied().unwrap_or_default()
    }

    /// The steps that were acknowledged when everything was last synced.
    pub(super) fn synced(&self) -> u64 {
        ["sync", "close"].iter().filter_map(|action| self.did.get(*action)).max().copied().unwrap_or_default()
    }

    /// Takes a line.
    ///
    /// # Errors
    /// A generated key that was given out twice; or a line that no child writes.
    pub(super) fn take(&mut self, line: &str) -> TestResult {
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["begin", action] => {
                self.begun.insert(action.into());
            }
            ["did", action] => {
                self.did.insert(action.into(), self.made());
            }
            ["error", action, when, ..] => {
                let failure = Failure { action: action.into(), is_later: when == "later" };
                self.first_error.get_or_insert(failure);
            }
            ["end"] => self.has_ended = true,
            _ => {
                if let ["failed", _, _, outcome, ..] = words[..] {
                    self.is_unknown |= outcome == "Unknown:";
                    self.is_not_applied |= outcome == "NotApplied:";
                }
                self.ledger.take(line)?;
            }
        }
        Ok(())
    }
}
