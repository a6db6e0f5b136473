//! What the catalogue keeps: files by path, the journal of pending work, and the runs.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::{self, Write};
use std::fs::Metadata;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use kvstore::{Key, Store};
use serde::{Deserialize, Serialize};

/// A path as the file system has it: bytes. As a key, below the root of the tree.
///
/// Unix paths need not be UTF-8. As bytes every name has one key, and no two names share one, which no conversion to
/// `String` can say of itself. Names are made readable where they are printed: see `Display`.
#[derive(Key, Serialize, Deserialize, Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct FilePath(#[serde(with = "serde_bytes")] pub(crate) Vec<u8>);

impl FilePath {
    pub(crate) fn as_path(&self) -> &Path {
        Path::new(OsStr::from_bytes(&self.0))
    }
}

impl fmt::Display for FilePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&readable(&self.0))
    }
}

/// Bytes as text: what is not UTF-8, and control characters, as `\x..`.
pub(crate) fn readable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            if character.is_control() {
                text.extend(character.escape_default());
            } else {
                text.push(character);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "\\x{byte:02x}"); // a `String` takes whatever is written to it
        }
    }
    text
}

/// The number of an entry of the journal.
#[derive(Key, Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct WorkId(pub(crate) u64);

/// A file that is to be hashed. The journal of these is taken from its head, oldest first.
///
/// An entry comes and goes in one batch with the change of its file: it is there exactly as long as `File::pending`
/// has its number.
#[derive(Store)]
#[store(key = WorkId)]
pub(crate) struct Work {
    /// The file.
    pub(crate) path: FilePath,
    /// Its size when it was found, for the progress bar.
    pub(crate) size: u64,
}

/// A name in the tree, and what was found under it.
#[derive(Store, Debug, PartialEq, Eq)]
#[store(key = FilePath)]
pub(crate) struct File {
    pub(crate) kind: Kind,
    /// Size and times when it was last looked at.
    pub(crate) meta: Meta,
    /// The hash of the content that `meta` describes. `None` while it is pending, and where it can't be known.
    pub(crate) hash: Option<Hash>,
    /// Where a symbolic link leads: bytes, as a path is.
    #[store(with = "serde_bytes")] // a string of bytes in the record, half as long as an array of numbers
    pub(crate) target: Option<Vec<u8>>,
    /// The attempts to hash it, by the number of the run.
    pub(crate) attempts: BTreeMap<u64, Attempt>,
    /// Why there is no hash, or what is wrong with a link or directory.
    pub(crate) error: Option<String>,
    /// Its entry in the journal.
    pub(crate) pending: Option<WorkId>,
}

/// What kind of thing a name is. Directories are in the catalogue only where they could not be read, with a `/` at the
/// end of their names.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Regular,
    Link,
    Directory,
    /// A socket, a pipe, a device.
    Special,
    /// Its directory names it, and no more can be known of it.
    Unknown,
}

/// What tells a changed file from an unchanged one.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Meta {
    pub(crate) size: u64,
    /// When its content was written.
    pub(crate) modified: Time,
    /// When its inode was changed. No program can set this, so a tool that restores `modified` is noticed too.
    pub(crate) changed: Time,
    /// Another file moved to this name has another.
    pub(crate) inode: u64,
}

impl Meta {
    pub(crate) fn of(metadata: &Metadata) -> Self {
        Self {
            size: metadata.len(),
            modified: Time::new(metadata.mtime(), metadata.mtime_nsec()),
            changed: Time::new(metadata.ctime(), metadata.ctime_nsec()),
            inode: metadata.ino(),
        }
    }
}

/// A moment, also before 1970, which serde's form of `SystemTime` refuses.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Time {
    pub(crate) seconds: i64,
    nanoseconds: u32,
}

impl Time {
    fn new(seconds: i64, nanoseconds: i64) -> Self {
        Self { seconds, nanoseconds: u32::try_from(nanoseconds).unwrap_or_default() }
    }

    pub(crate) fn now() -> Self {
        // A clock before 1970 is wrong anyway.
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { seconds: i64::try_from(now.as_secs()).unwrap_or_default(), nanoseconds: now.subsec_nanos() }
    }
}

/// A BLAKE3 hash.
#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Hash(#[serde(with = "serde_bytes")] pub(crate) [u8; 32]);

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What one run did to hash a file.
#[derive(Serialize, Deserialize, Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Attempt {
    /// How often it began to read the file. It is counted, and stored, before the file is opened: a process that is
    /// killed while it hashes leaves a count behind that has no outcome.
    pub(crate) begun: u32,
    /// How the last of these ended.
    pub(crate) outcome: Outcome,
}

#[derive(Serialize, Deserialize, Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Outcome {
    /// It did not end, or has not yet.
    #[default]
    Unfinished,
    Hashed,
    /// `File::error` says why.
    Failed,
}

/// One run over the tree: from the walk to the last hash, by as many processes as it takes.
#[derive(Store)]
#[store(key = u64)]
pub(crate) struct Run {
    /// The tree: the catalogue is of this one only.
    pub(crate) root: FilePath,
    pub(crate) started: Time,
    /// `None` as long as there is something to be resumed.
    pub(crate) finished: Option<Time>,
    /// How many processes worked on it.
    #[store(default)]
    pub(crate) processes: u32,
}
