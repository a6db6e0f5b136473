//! What operations answer, as the model foresees it.

use std::fmt::Debug;

use kvstore::Error;
use kvstore_tests::TestResult;

/// The errors that an operation is right to answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    AlreadyExists,
    Closed,
    DuplicateKey,
    InvalidRange,
    KeyChanged,
    Locked,
    LockTimeout,
    NamespaceInUse,
    SchemaMismatch,
}

pub(super) type Answer<T> = Result<T, Refusal>;

/// What an operation answered. An error that is never right is the trial's own.
pub(super) fn answer<T>(result: kvstore::Result<T>) -> TestResult<Answer<T>> {
    Ok(Err(match result {
        Ok(value) => return Ok(Ok(value)),
        Err(Error::AlreadyExists { .. }) => Refusal::AlreadyExists,
        Err(Error::Closed) => Refusal::Closed,
        Err(Error::DuplicateKey { .. }) => Refusal::DuplicateKey,
        Err(Error::InvalidRange { .. }) => Refusal::InvalidRange,
        Err(Error::KeyChanged { .. }) => Refusal::KeyChanged,
        Err(Error::Locked { .. }) => Refusal::Locked,
        Err(Error::LockTimeout { .. }) => Refusal::LockTimeout,
        Err(Error::NamespaceInUse { .. }) => Refusal::NamespaceInUse,
        Err(Error::SchemaMismatch { .. }) => Refusal::SchemaMismatch,
        Err(other) => return Err(other.into()),
    }))
}

/// Holds what was found against what the model says.
pub(super) fn same<T: PartialEq + Debug>(what: &str, found: &T, expected: &T) -> TestResult {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}").into()) }
}
