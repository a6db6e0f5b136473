//! Reads from RocksDB's manifest which logs are still needed, and which tables there are.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::fields::Fields;
use super::log::{LogReader, Next};

/// What the manifest says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Logs of lower numbers are not needed any more: their commits are in tables.
    pub(super) first_log: u64,
    /// All commits in logs before `first_log` have sequence numbers up to this one. It may be that of a commit in a later
    /// log.
    pub(super) last_sequence: u64,
    /// All commits in logs from `first_log` on have higher sequence numbers than this one, which is in a table.
    pub(super) last_in_tables: u64,
    /// Files with lower numbers than this one had been begun.
    pub(super) next_file: u64,
    /// The numbers and sizes of the tables.
    pub(super) tables: BTreeMap<u64, u64>,
    /// Without these, RocksDB does not open: the first log, the number of the next file, the last sequence number.
    has: [bool; 3],
}

/// The file that `CURRENT` names, or what is missing.
pub(super) fn locate(directory: &Path) -> io::Result<Result<PathBuf, String>> {
    let current = match fs::read(directory.join("CURRENT")) {
        Ok(current) => String::from_utf8_lossy(&current).into_owned(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Err("`CURRENT` is missing".into())),
        Err(error) => return Err(error),
    };
    let name = current.strip_suffix('\n').unwrap_or_default();
    let numbered = name.strip_prefix("MANIFEST-").is_some_and(|number| number.parse::<u64>().is_ok());
    let path = directory.join(name);
    Ok(match numbered {
        true if path.is_file() => Ok(path),
        true => Err(format!("`CURRENT` names `{name}`, which is missing")),
        false => Err("`CURRENT` names no manifest".into()),
    })
}

impl Manifest {
    /// Whether it has what RocksDB does not open without.
    pub(super) fn is_complete(&self) -> bool {
        self.has == [true; 3]
    }

    /// The first table that is not there, or not of its size, in words.
    pub(super) fn find_missing(&self, directory: &Path) -> io::Result<Option<String>> {
        for (number, size) in &self.tables {
            let name = format!("{number:06}.sst");
            match fs::metadata(directory.join(&name)) {
                Ok(found) if found.len() == *size => {}
                Ok(found) => return Ok(Some(format!("`{name}` has {} bytes instead of {size}", found.len()))),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    return Ok(Some(format!("`{name}` is missing")));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }
}

/// What reading a manifest found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// All of it was read.
    Sound(Manifest),
    /// There is damage behind this offset, up to which it says so much. RocksDB must not see it: it passes over some, and
    /// never ends over other.
    Damaged(Manifest, u64, &'static str),
    /// There is something in it that this reader does not understand.
    Unknown,
}

/// Reads a manifest.
pub(super) fn read(path: &Path) -> io::Result<Found> {
    let mut log = LogReader::new(File::open(path)?, 0, usize::MAX);
    let mut manifest = Manifest::default();
    let mut offset = 0;
    loop {
        match log.next()? {
            Next::Record { end } => {
                if apply(&mut manifest, log.payload()).is_none() {
                    return Ok(Found::Unknown);
                }
                offset = end;
            }
            Next::End => return Ok(Found::Sound(manifest)),
            Next::Unknown(_) => return Ok(Found::Unknown),
            Next::Damage(what) => return Ok(Found::Damaged(manifest, offset, what)),
        }
    }
}

/// Takes over what one version edit says. All its fields must be known, to find the next one.
fn apply(manifest: &mut Manifest, edit: &[u8]) -> Option<()> {
    let mut rest = Fields(edit);
    while !rest.0.is_empty() {
        match rest.number()? {
            // Of the one column family, or the lowest that any of several needs: they only grow.
            tag @ (2 | 10) => {
                manifest.first_log = manifest.first_log.max(rest.number()?);
                manifest.has[0] |= tag == 2;
            }
            3 => {
                manifest.next_file = manifest.next_file.max(rest.number()?);
                manifest.has[1] = true;
            }
            4 => {
                manifest.last_sequence = manifest.last_sequence.max(rest.number()?);
                manifest.has[2] = true;
            }
            // The previous log, the column family of the edit and the highest of them, how many edits of a group follow.
            9 | 200 | 203 | 300 => rest.skip_numbers(1)?,
            // The cursor of a compaction.
            5 => {
                rest.skip_numbers(1)?;
                rest.bytes()?;
            }
            // A deleted table: its level and number.
            6 => {
                rest.number()?;
                manifest.tables.remove(&rest.number()?);
            }
            tag @ (7 | 100 | 102 | 103) => new_table(manifest, &mut rest, tag)?,
            // The name of the comparator, or of a column family.
            1 | 201 => rest.skip_bytes(1)?,
            202 => {}
            // Tags with this bit are made to be skipped: a length follows. Some that bear it are older than this rule.
            tag if tag & (1 << 13) != 0 && !(8194..=8197).contains(&tag) => rest.skip_bytes(1)?,
            _ => return None,
        }
    }
    Some(())
}

/// A new table, in one of several forms in order of their age.
fn new_table(manifest: &mut Manifest, rest: &mut Fields<'_>, tag: u64) -> Option<()> {
    // Its level, its number, where it lies, its size, and its first and last key.
    rest.number()?;
    let number = rest.number()?;
    rest.skip_numbers(usize::from(tag == 102))?;
    manifest.tables.insert(number, rest.number()?);
    rest.skip_bytes(2)?;
    if tag > 7 {
        rest.number()?;
        // A memtable becomes a table as a whole, and the next one begins with a log of its own.
        manifest.last_in_tables = manifest.last_in_tables.max(rest.number()?);
    }
    if tag < 103 {
        return Some(());
    }
    // Fields with tags of their own.
    loop {
        match rest.number()? {
            1 => return Some(()),
            // A hack of RocksDB's: the first log that is needed.
            3 => {
                let log = rest.bytes()?.first_chunk()?;
                manifest.first_log = manifest.first_log.max(u64::from_le_bytes(*log));
            }
            _ => rest.skip_bytes(1)?,
        }
    }
}
