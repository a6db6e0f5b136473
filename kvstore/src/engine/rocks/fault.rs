//! What RocksDB says, in the words of this crate. The only place that asks for the kind of its errors.

use std::path::Path;

use rocksdb::ErrorKind;

use crate::error::{Error, Outcome};

/// A failed call, other than a write. Damage is told apart from other failures; RocksDB's message names the file.
pub(super) fn failed(path: &Path, action: &'static str, error: rocksdb::Error) -> Error {
    if error.kind() == ErrorKind::Corruption {
        let reason = format!("RocksDB failed to {action}");
        Error::Corrupt { path: path.into(), reason, source: Some(Box::new(error)) }
    } else {
        Error::Engine { action, source: Box::new(error) }
    }
}

/// A failed write. Only a request that RocksDB refuses by its form is certain to have left no trace: after an I/O error
/// the write may be in the log, wholly or in part, and all later ones meet the same error.
pub(super) fn failed_write(path: &Path, error: rocksdb::Error) -> (Error, Outcome) {
    let outcome = match error.kind() {
        ErrorKind::InvalidArgument | ErrorKind::NotSupported => Outcome::NotApplied,
        _ => Outcome::Unknown,
    };
    (failed(path, "write", error), outcome)
}
