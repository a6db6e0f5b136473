//! What a child is told to do, as lines.

use std::fmt;
use std::str::FromStr;

use kvstore_tests::Failure;

/// One thing to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Op {
    /// Open the database, create it where there is none.
    Open { sync: bool },
    /// Close it.
    Close,
    /// Open the store of a namespace that is not there.
    Create { namespace: String },
    /// Drop a namespace.
    Drop { namespace: String },
    /// Put and delete entries, in one batch.
    Write(Vec<Change>),
    /// Put an entry into the store whose schema has grown to a level.
    Grow { level: u8, key: u64, stamp: u64 },
    /// Generate so many keys.
    Lease { keys: u64 },
    /// Sync what was committed.
    Sync,
    /// Begin to write a checkpoint.
    Checkpoint { name: String },
    /// Wait until it is written.
    Join,
    /// Be killed after so many changes to files from here on.
    Fuse { changes: u64 },
}

/// What becomes of one entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    pub(super) namespace: String,
    pub(super) key: u64,
    /// What its value is made of; none to delete it.
    pub(super) stamp: Option<u64>,
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { sync } => write!(f, "open {sync}"),
            Self::Close => f.write_str("close"),
            Self::Create { namespace } => write!(f, "create {namespace}"),
            Self::Drop { namespace } => write!(f, "drop {namespace}"),
            Self::Write(changes) => {
                f.write_str("write")?;
                changes.iter().try_for_each(|change| write!(f, " {change}"))
            }
            Self::Grow { level, key, stamp } => write!(f, "grow {level} {key} {stamp}"),
            Self::Lease { keys } => write!(f, "lease {keys}"),
            Self::Sync => f.write_str("sync"),
            Self::Checkpoint { name } => write!(f, "checkpoint {name}"),
            Self::Join => f.write_str("join"),
            Self::Fuse { changes } => write!(f, "fuse {changes}"),
        }
    }
}

impl FromStr for Op {
    type Err = Failure;

    fn from_str(line: &str) -> Result<Self, Failure> {
        let words: Vec<_> = line.split(' ').collect();
        Ok(match words[..] {
            ["open", sync] => Self::Open { sync: sync.parse()? },
            ["close"] => Self::Close,
            ["create", namespace] => Self::Create { namespace: namespace.into() },
            ["drop", namespace] => Self::Drop { namespace: namespace.into() },
            ["write", ref changes @ ..] => {
                Self::Write(changes.iter().map(|change| change.parse()).collect::<Result<_, _>>()?)
            }
            ["grow", level, key, stamp] => {
                Self::Grow { level: level.parse()?, key: key.parse()?, stamp: stamp.parse()? }
            }
            ["lease", keys] => Self::Lease { keys: keys.parse()? },
            ["sync"] => Self::Sync,
            ["checkpoint", name] => Self::Checkpoint { name: name.into() },
            ["join"] => Self::Join,
            ["fuse", changes] => Self::Fuse { changes: changes.parse()? },
            _ => return Err(format!("a line `{line}`").into()),
        })
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { namespace, key, stamp } = self;
        match stamp {
            Some(stamp) => write!(f, "{namespace}:{key}:{stamp}"),
            None => write!(f, "{namespace}:{key}:"),
        }
    }
}

impl FromStr for Change {
    type Err = Failure;

    fn from_str(word: &str) -> Result<Self, Failure> {
        let parts: Vec<_> = word.split(':').collect();
        let [namespace, key, stamp] = parts[..] else { return Err(format!("a word `{word}`").into()) };
        let stamp = if stamp.is_empty() { None } else { Some(stamp.parse()?) };
        Ok(Self { namespace: namespace.into(), key: key.parse()?, stamp })
    }
}
