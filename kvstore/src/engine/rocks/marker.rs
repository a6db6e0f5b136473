//! The file that says whose directory it is: `KVSTORE`, five lines of text and a checksum.
//!
//! ```text
//! kvstore 1
//! id 00112233445566778899aabbccddeeff
//! state open
//! durability buffered
//! synced 1234
//! crc 89abcdef
//! ```

use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read, Write};
use std::path::Path;
use std::time::SystemTime;

use super::files::{io_error, sync_directory};
use crate::error::{Error, Result};

pub(super) const FILE: &str = "KVSTORE";
/// Where the next marker is written before it takes its place.
pub(super) const NEW_FILE: &str = "KVSTORE.tmp";

/// The format of the directory. Raised when a program of an older format must not open it.
const FORMAT: u32 = 1;
/// No marker of any format is longer.
const MAX_BYTES: u64 = 4096;

/// What the marker says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Marker {
    /// Of this database, different for each copy made by a checkpoint.
    pub(super) id: [u8; 16],
    pub(super) state: State,
    /// Whether the commits of the session were synced one by one.
    pub(super) sync: bool,
    /// All commits up to this sequence number were synced when the marker was written: a log that ends before it was
    /// cut off.
    pub(super) synced: u64,
}

/// How far the last session came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// The directory is being made; nothing was committed yet.
    Creating,
    /// A session began, and did not end so far.
    Open,
    /// The last session ended with everything synced.
    Clean,
}

impl State {
    const ALL: [Self; 3] = [Self::Creating, Self::Open, Self::Clean];

    fn name(self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Open => "open",
            Self::Clean => "clean",
        }
    }
}

impl Marker {
    /// The marker of a database that is to be made.
    pub(super) fn new() -> Self {
        Self { id: new_id(), state: State::Creating, sync: false, synced: 0 }
    }

    /// The last commit that the log can have: a database that was closed has none after those that were synced then.
    pub(super) fn end(&self) -> u64 {
        // 0 is of copies whose end was not known when they were made.
        if self.state == State::Clean && self.synced > 0 { self.synced } else { u64::MAX }
    }

    /// The id as text.
    pub(super) fn id_text(&self) -> String {
        format!("{:032x}", u128::from_be_bytes(self.id))
    }

    /// Reads the marker of a directory; `None` where there is none.
    ///
    /// # Errors
    /// `Unsupported` where a newer format wrote it, `Corrupt` where nobody can have.
    pub(super) fn read(directory: &Path) -> Result<Option<Self>> {
        let path = directory.join(FILE);
        let mut bytes = Vec::new();
        match File::open(&path).and_then(|file| file.take(MAX_BYTES).read_to_end(&mut bytes)) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(io_error("read", &path, error)),
        }
        let text = String::from_utf8_lossy(&bytes);
        if let Some(format) = format_of(&text).filter(|format| *format > FORMAT) {
            let what = format!("{} is a database of format {format}, newer than {FORMAT}", directory.display());
            return Err(Error::Unsupported { what });
        }
        // Only what is written byte for byte as this version writes it is believed.
        Self::parse(&text).filter(|marker| marker.to_text() == text).map(Some).ok_or_else(|| {
            let reason = "the marker is not one that this program writes".into();
            Error::Corrupt { path, reason, source: None }
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines().skip(1);
        let mut field = |name: &str| lines.next()?.strip_prefix(name)?.strip_prefix(' ');
        let id = u128::from_str_radix(field("id")?, 16).ok()?.to_be_bytes();
        let state = field("state")?;
        let state = State::ALL.into_iter().find(|known| known.name() == state)?;
        let sync = field("durability")? == "sync";
        let synced = field("synced")?.parse().ok()?;
        Some(Self { id, state, sync, synced })
    }

    fn to_text(&self) -> String {
        let text = format!(
            "kvstore {FORMAT}\nid {}\nstate {}\ndurability {}\nsynced {}\n",
            self.id_text(),
            self.state.name(),
            if self.sync { "sync" } else { "buffered" },
            self.synced,
        );
        format!("{text}crc {:08x}\n", crc32c::crc32c(text.as_bytes()))
    }

    /// Replaces the marker of a directory; when it returns, the new one survives power loss, and at every moment the
    /// old or the new one is there.
    pub(super) fn write(&self, directory: &Path) -> Result<()> {
        let (path, new) = (directory.join(FILE), directory.join(NEW_FILE));
        let written = File::create(&new).and_then(|mut file| {
            file.write_all(self.to_text().as_bytes())?;
            file.sync_all()
        });
        written.map_err(|error| io_error("write", &new, error))?;
        fs::rename(&new, &path).map_err(|error| io_error("replace", &path, error))?;
        sync_directory(directory)
    }
}

/// The format a marker names, whatever follows it.
fn format_of(text: &str) -> Option<u32> {
    text.lines().next()?.strip_prefix("kvstore ")?.parse().ok()
}

/// Sixteen bytes that no other database has: from the system's random numbers, by way of the keys of a hasher.
pub(super) fn new_id() -> [u8; 16] {
    let seed = (SystemTime::now(), std::process::id());
    let half = || u128::from(RandomState::new().hash_one(seed));
    ((half() << 64) | half()).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marker() -> Marker {
        Marker { id: *b"0123456789abcdef", state: State::Open, sync: true, synced: 77 }
    }

    #[test]
    fn what_is_written_is_read() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Marker::read(directory.path()).unwrap(), None);
        for state in State::ALL {
            for sync in [false, true] {
                let marker = Marker { state, sync, ..marker() };
                marker.write(directory.path()).unwrap();
                assert_eq!(Marker::read(directory.path()).unwrap(), Some(marker));
            }
        }
        let text = "kvstore 1\nid 30313233343536373839616263646566\nstate open\ndurability sync\nsynced 77\ncrc ";
        assert_eq!(
            marker().to_text(),
            format!("{text}{:08x}\n", crc32c::crc32c(text.trim_end_matches("crc ").as_bytes()))
        );
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_found() {
        let directory = tempfile::tempdir().unwrap();
        let text = marker().to_text().into_bytes();
        let refused = |bytes: &[u8]| {
            fs::write(directory.path().join(FILE), bytes).unwrap();
            Marker::read(directory.path()).unwrap_err()
        };
        for index in 0..text.len() {
            for bit in 0..8 {
                let mut damaged = text.clone();
                damaged[index] ^= 1 << bit;
                // A damaged format number may look like a newer one.
                let error = refused(&damaged);
                let newer = matches!(error, Error::Unsupported { .. }) && index == 8;
                assert!(newer || matches!(error, Error::Corrupt { .. }), "byte {index}, bit {bit}: {error:?}");
            }
            assert!(matches!(refused(&text[..index]), Error::Corrupt { .. }), "cut at {index}");
        }
        assert!(matches!(refused(&[&text[..], b"\n"].concat()), Error::Corrupt { .. }));
    }

    #[test]
    fn a_newer_format_is_named_whatever_else_it_says() {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE), "kvstore 12\nof things to come").unwrap();
        let Err(Error::Unsupported { what }) = Marker::read(directory.path()) else { panic!() };
        assert!(what.contains("format 12") && what.contains(&directory.path().display().to_string()), "{what}");
    }

    #[test]
    fn ids_differ() {
        let ids: std::collections::BTreeSet<_> = (0..1000).map(|_| new_id()).collect();
        assert_eq!(ids.len(), 1000);
    }
}
