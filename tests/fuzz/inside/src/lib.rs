//! Private sources of kvstore and of its derives, compiled a second time as an ordinary library, so that they can be fed
//! with any input: a macro crate can't be linked, and the readers of a database's files come with RocksDB only. All that
//! is written here are doors.

#![allow(dead_code, reason = "only the doors are used")]

use std::io;
use std::path::Path;

use proc_macro2::TokenStream;

// Of `kvstore-derive`: all but its `lib.rs`.
#[path = "../../../../kvstore-derive/src/attr.rs"]
mod attr;
#[path = "../../../../kvstore-derive/src/errors.rs"]
mod errors;
#[path = "../../../../kvstore-derive/src/key/mod.rs"]
mod key;
#[path = "../../../../kvstore-derive/src/runtime.rs"]
mod runtime;
#[path = "../../../../kvstore-derive/src/store/mod.rs"]
mod store;
#[path = "../../../../kvstore-derive/src/suggest.rs"]
mod suggest;
#[path = "../../../../kvstore-derive/src/types.rs"]
mod types;

// Of `kvstore`: what reads the files in a database's directory.
#[path = "../../../../kvstore/src/engine/rocks/fields.rs"]
mod fields;
#[path = "../../../../kvstore/src/engine/rocks/files.rs"]
mod files;
#[path = "../../../../kvstore/src/engine/rocks/log.rs"]
mod log;
#[path = "../../../../kvstore/src/engine/rocks/manifest.rs"]
mod manifest;
#[path = "../../../../kvstore/src/engine/rocks/marker.rs"]
mod marker;
#[path = "../../../../kvstore/src/engine/rocks/table.rs"]
mod table;

/// What these sources know as `crate::error`.
mod error {
    pub(crate) use kvstore::{Error, Result};
}

/// What `#[derive(Store)]` makes of an item.
pub fn derive_store(item: TokenStream) -> TokenStream {
    store::derive(item)
}

/// What `#[derive(Key)]` makes of an item.
pub fn derive_key(item: TokenStream) -> TokenStream {
    key::derive(item)
}

/// Reads the marker of a directory, and writes what it read in its place; tells whether there was one.
///
/// # Errors
/// Where there is something else in its place.
pub fn rewrite_marker(directory: &Path) -> kvstore::Result<bool> {
    let marker = marker::Marker::read(directory)?;
    marker.as_ref().map_or(Ok(()), |marker| marker.write(directory))?;
    Ok(marker.is_some())
}

/// What was found in a log.
#[derive(Debug)]
pub struct Log {
    /// Where its records end.
    pub ends: Vec<u64>,
    /// What the reader kept of them, in bytes.
    pub kept: usize,
    /// Whether it was read to its end.
    pub is_whole: bool,
}

/// Reads a log as recovery does: record by record, and what lies behind damage.
///
/// # Errors
/// Those of `log`.
pub fn read_log(log: &[u8], number: u64) -> io::Result<Log> {
    let mut found = Log { ends: Vec::new(), kept: 0, is_whole: false };
    let mut reader = log::LogReader::new(log, number, usize::MAX);
    loop {
        match reader.next()? {
            log::Next::Record { end } => {
                found.ends.push(end);
                found.kept += reader.payload().len();
                log::commit_head(reader.payload());
            }
            log::Next::End => {
                found.is_whole = true;
                return Ok(found);
            }
            log::Next::Unknown(_) | log::Next::Damage(_) => break,
        }
    }
    reader.is_followed_by(1)?;
    Ok(found)
}

/// Reads from a table which commit is its last, if it was written to its end.
///
/// # Errors
/// Of reading.
pub fn read_table(path: &Path) -> io::Result<Option<u64>> {
    table::last_sequence(path)
}

/// Reads a manifest; tells whether all of it was understood.
///
/// # Errors
/// Those of reading the file.
pub fn read_manifest(path: &Path) -> io::Result<bool> {
    Ok(matches!(manifest::read(path)?, manifest::Found::Sound(_)))
}
