//! The error of a commit that keeps the guard or batch that was to be committed.

use std::fmt;
// Not those of `sync`: the mutex is never locked.
use std::sync::{Mutex, PoisonError};

use crate::error::{Error, Outcome};
#[cfg(doc)]
use crate::guard::Guard;

/// A commit that failed, with the guard or batch that was to be committed. From [`Guard::try_commit`],
/// [`Guard::try_delete`] and [`Batch::try_commit`](crate::Batch::try_commit).
///
/// It shows the error inside, and becomes the error of the plain [`commit`](Guard::commit) with `?` in functions that
/// return [`Error`]; the guard is then dropped, and its lock freed. In other error types (boxed, `anyhow`) the guard goes
/// along, and its entry stays locked until the error is dropped.
pub struct CommitError<G> {
    parts: Box<Parts<G>>,
}

struct Parts<G> {
    error: Error,
    outcome: Outcome,
    /// In a mutex so that the error is `Sync` for every guard that is `Send`, as error types ask. Never locked.
    held: Mutex<G>,
}

impl<G> CommitError<G> {
    pub(crate) fn new(error: Error, outcome: Outcome, held: G) -> Self {
        Self { parts: Box::new(Parts { error, outcome, held: Mutex::new(held) }) }
    }

    /// Returns why the commit failed.
    pub fn error(&self) -> &Error {
        &self.parts.error
    }

    /// Returns whether it took effect nevertheless.
    pub fn outcome(&self) -> Outcome {
        self.parts.outcome
    }

    /// Returns the guard or batch that was to be committed, still locked. If the outcome is [`Outcome::NotApplied`], it
    /// can be corrected and committed again.
    pub fn into_held(self) -> G {
        self.into_parts().1
    }

    /// Returns the error, and the guard or batch that was to be committed.
    pub fn into_parts(self) -> (Error, G) {
        let Parts { error, held, .. } = *self.parts;
        (error, held.into_inner().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<G> From<CommitError<G>> for Error {
    fn from(error: CommitError<G>) -> Self {
        let outcome = error.outcome();
        Self::of_commit((error.into_parts().0, outcome))
    }
}

impl<G> fmt::Display for CommitError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.error.fmt(f)
    }
}

impl<G> fmt::Debug for CommitError<G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommitError")
            .field("error", &self.parts.error)
            .field("outcome", &self.parts.outcome)
            .finish_non_exhaustive()
    }
}

impl<G> std::error::Error for CommitError<G> {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.parts.error.source()
    }
}
