//! What becomes of damage in the write-ahead log.

use std::path::Path;

use super::marker::{Marker, State};
use crate::error::Result;

/// How RocksDB is to read the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Up to the first damage; what follows is dropped.
    Prefix,
    /// All of it, though the last record may be torn.
    Tail,
}

/// The state of the log when RocksDB may open it.
pub(super) struct Recovered {
    pub(super) mode: Mode,
    /// The last sequence number known to be synced.
    pub(super) synced: u64,
}

pub(super) fn recover(_directory: &Path, marker: &Marker, prefix: bool) -> Result<Recovered> {
    let mode = if prefix || (!marker.sync && marker.state != State::Clean) { Mode::Prefix } else { Mode::Tail };
    Ok(Recovered { mode, synced: marker.synced })
}
