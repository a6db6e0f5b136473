//! Reads from RocksDB's manifest which logs are still needed.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::log::{LogReader, Next};

/// What the manifest says of the logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    /// Logs of lower numbers are not needed any more: their commits are in tables.
    pub(super) first_log: u64,
    /// All commits in logs before `first_log` have sequence numbers up to this one.
    pub(super) last_sequence: u64,
}

/// The file that `CURRENT` names, or what is missing.
pub(super) fn locate(directory: &Path) -> Result<PathBuf, String> {
    let current = match fs::read_to_string(directory.join("CURRENT")) {
        Ok(current) => current,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err("`CURRENT` is missing".into()),
        Err(error) => return Err(format!("`CURRENT` can't be read: {error}")),
    };
    let name = current.strip_suffix('\n').unwrap_or_default();
    let numbered = name.strip_prefix("MANIFEST-").is_some_and(|number| number.parse::<u64>().is_ok());
    let path = directory.join(name);
    match numbered {
        true if path.is_file() => Ok(path),
        true => Err(format!("`CURRENT` names `{name}`, which is missing")),
        false => Err("`CURRENT` names no manifest".into()),
    }
}

/// What reading a manifest found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// All of it was read.
    Sound(Manifest),
    /// The last edit was not written to its end, and thus never applied.
    Torn(Manifest),
    /// There is damage behind this offset. RocksDB must not see it: it passes over some, and never ends over other.
    Damaged(u64, &'static str),
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
            Next::Damage(what) => {
                return Ok(if log.is_torn_end()? { Found::Torn(manifest) } else { Found::Damaged(offset, what) });
            }
        }
    }
}

/// Takes over what one version edit says. All its fields must be known, to find the next one.
fn apply(manifest: &mut Manifest, edit: &[u8]) -> Option<()> {
    let mut rest = Fields(edit);
    while !rest.0.is_empty() {
        match rest.number()? {
            // Of the one column family, or the lowest that any of several needs: they only grow.
            2 | 10 => manifest.first_log = manifest.first_log.max(rest.number()?),
            4 => manifest.last_sequence = manifest.last_sequence.max(rest.number()?),
            // The next file number, the previous log, the column family of the edit and the highest of them, how many
            // edits of a group follow.
            3 | 9 | 200 | 203 | 300 => rest.skip_numbers(1)?,
            // The cursor of a compaction.
            5 => {
                rest.skip_numbers(1)?;
                rest.bytes()?;
            }
            // A deleted table: level, number.
            6 => rest.skip_numbers(2)?,
            // New tables, in order of age of the format: level, number, for one the path, size, keys, sequence numbers.
            7 => {
                rest.skip_numbers(3)?;
                rest.skip_bytes(2)?;
            }
            100 => {
                rest.skip_numbers(3)?;
                rest.skip_bytes(2)?;
                rest.skip_numbers(2)?;
            }
            102 => {
                rest.skip_numbers(4)?;
                rest.skip_bytes(2)?;
                rest.skip_numbers(2)?;
            }
            103 => {
                rest.skip_numbers(3)?;
                rest.skip_bytes(2)?;
                rest.skip_numbers(2)?;
                loop {
                    match rest.number()? {
                        1 => break,
                        // A hack of RocksDB's: the first log that is needed.
                        3 => {
                            let log = rest.bytes()?.first_chunk()?;
                            manifest.first_log = manifest.first_log.max(u64::from_le_bytes(*log));
                        }
                        _ => rest.skip_bytes(1)?,
                    }
                }
            }
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

/// What is left of an edit.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// Takes a number of variable length.
    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7F) << shift;
            if byte & 0x80 == 0 {
                return Some(number);
            }
        }
        None
    }

    /// Takes bytes behind their length.
    fn bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(bytes)
    }

    fn skip_numbers(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.number().map(|_| ()))
    }

    fn skip_bytes(&mut self, count: usize) -> Option<()> {
        (0..count).try_for_each(|_| self.bytes().map(|_| ()))
    }
}
