//! What is done to a file.

use std::fmt;

use fastrand::Rng;
use kvstore_tests::TestResult;

use super::files::{Files, Kind, record_ends};
use super::image::Image;

const PAGE: usize = 4096;

/// Damage to one file.
#[derive(Debug, Clone)]
pub(super) struct Mutation {
    pub(super) file: String,
    pub(super) change: Change,
}

#[derive(Debug, Clone)]
pub(super) enum Change {
    FlipBit {
        at: usize,
        bit: u8,
    },
    /// These bytes instead.
    Overwrite {
        at: usize,
        bytes: Vec<u8>,
    },
    Zero {
        at: usize,
        length: usize,
    },
    Truncate {
        to: usize,
    },
    Extend {
        bytes: Vec<u8>,
    },
    SwapPages {
        first: usize,
        second: usize,
    },
    Delete,
    /// By its content before one of the last sessions, or that of the only file of its kind then.
    Replace {
        by: String,
        bytes: Vec<u8>,
    },
}

impl fmt::Display for Mutation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` ", self.file)?;
        match &self.change {
            Change::FlipBit { at, bit } => write!(f, "bit {bit} of byte {at} flipped"),
            Change::Overwrite { at, bytes } => write!(f, "{} bytes from {at} on overwritten", bytes.len()),
            Change::Zero { at, length } => write!(f, "{length} bytes from {at} on zeroed"),
            Change::Truncate { to } => write!(f, "cut at {to}"),
            Change::Extend { bytes } => write!(f, "{} bytes longer", bytes.len()),
            Change::SwapPages { first, second } => write!(f, "pages {first} and {second} swapped"),
            Change::Delete => f.write_str("deleted"),
            Change::Replace { by, .. } => write!(f, "replaced by {by}"),
        }
    }
}

/// How often a file of each kind is chosen.
const KINDS: [(Kind, u32); 8] = [
    (Kind::Log, 34),
    (Kind::Table, 28),
    (Kind::Manifest, 16),
    (Kind::Marker, 7),
    (Kind::Current, 5),
    (Kind::Options, 3),
    (Kind::Identity, 3),
    (Kind::Lock, 4),
];

impl Mutation {
    /// Something that makes a difference to the files.
    pub(super) fn draw(rng: &mut Rng, image: &Image, files: &Files) -> TestResult<Self> {
        for _ in 0..1_000 {
            let Some(mutation) = Self::try_draw(rng, image, files) else { continue };
            let mut changed = files.clone();
            mutation.apply(&mut changed);
            if changed != *files {
                return Ok(mutation);
            }
        }
        Err("no mutation changes these files".into())
    }

    fn try_draw(rng: &mut Rng, image: &Image, files: &Files) -> Option<Self> {
        let weights: u32 = KINDS.iter().map(|(_, weight)| weight).sum();
        let mut choice = rng.u32(..weights);
        let (kind, _) = KINDS.iter().find(|(_, weight)| {
            let found = choice < *weight;
            choice = choice.saturating_sub(*weight);
            found
        })?;
        let file = rng.choice(files.of_kind(*kind))?.clone();
        let bytes = files.0.get(&file)?;
        let change = draw_change(rng, image, files, bytes, *kind)?;
        Some(Self { file, change })
    }

    /// Does it.
    pub(super) fn apply(&self, files: &mut Files) {
        if let Change::Delete = self.change {
            files.0.remove(&self.file);
            return;
        }
        let Some(bytes) = files.0.get_mut(&self.file) else { return };
        match &self.change {
            Change::FlipBit { at, bit } => {
                if let Some(byte) = bytes.get_mut(*at) {
                    *byte ^= 1 << bit;
                }
            }
            Change::Overwrite { at, bytes: new } => {
                if let Some(old) = bytes.get_mut(*at..*at + new.len()) {
                    old.copy_from_slice(new);
                }
            }
            Change::Zero { at, length } => {
                if let Some(old) = bytes.get_mut(*at..*at + *length) {
                    old.fill(0);
                }
            }
            Change::Truncate { to } => bytes.truncate(*to),
            Change::Extend { bytes: more } => bytes.extend(more),
            Change::SwapPages { first, second } => {
                for offset in 0..PAGE {
                    bytes.swap(first * PAGE + offset, second * PAGE + offset);
                }
            }
            Change::Replace { bytes: new, .. } => bytes.clone_from(new),
            Change::Delete => {}
        }
    }
}

fn draw_change(rng: &mut Rng, image: &Image, files: &Files, bytes: &[u8], kind: Kind) -> Option<Change> {
    let length = bytes.len();
    let place = |rng: &mut Rng| (length > 0).then(|| rng.usize(..length));
    Some(match rng.u8(..100) {
        0..18 => Change::FlipBit { at: place(rng)?, bit: rng.u8(..8) },
        18..28 => {
            let at = place(rng)?;
            let mut bytes = vec![0; (1 + rng.usize(..64)).min(length - at)];
            rng.fill(&mut bytes);
            Change::Overwrite { at, bytes }
        }
        28..38 => {
            let at = place(rng)?;
            Change::Zero { at, length: (1 + rng.usize(..2 * PAGE)).min(length - at) }
        }
        38..46 => {
            let at = place(rng)? / PAGE * PAGE;
            Change::Zero { at, length: PAGE.min(length - at) }
        }
        46..57 => Change::Truncate { to: place(rng)? },
        57 => Change::Truncate { to: 0 },
        // Between two records, where nothing in the file itself tells.
        58..66 => Change::Truncate { to: rng.choice(record_ends(bytes))? },
        66..72 => Change::Extend { bytes: vec![0; 1 + rng.usize(..3 * PAGE)] },
        72..78 => {
            let mut bytes = vec![0; 1 + rng.usize(..PAGE)];
            rng.fill(&mut bytes);
            Change::Extend { bytes }
        }
        78..85 => {
            let pages = length / PAGE;
            let first = (pages > 1).then(|| rng.usize(..pages))?;
            Change::SwapPages { first, second: rng.usize(..pages) }
        }
        85..90 => Change::Delete,
        _ => {
            // Of the directory now, or as it was.
            let when = rng.usize(..=image.older.len());
            let from = image.older.get(when).unwrap_or(files);
            let name = rng.choice(from.of_kind(kind))?;
            let by = if when < image.older.len() { format!("`{name}` of session {when}") } else { format!("`{name}`") };
            Change::Replace { by, bytes: from.0.get(name)?.clone() }
        }
    })
}
