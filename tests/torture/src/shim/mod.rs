//! A layer between a child and its file system, which records calls, or lets them fail: `shim.c`, compiled by the trial
//! that uses it, and loaded into the child by `LD_PRELOAD`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use kvstore_tests::TestResult;

const SOURCE: &str = include_str!("shim.c");

/// The compiled library.
#[derive(Debug)]
pub struct Shim {
    library: PathBuf,
}

/// A call that is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// Of which kind it is.
    pub call: Call,
    /// Which of its kind it is, from 1.
    pub nth: u64,
    /// With what it fails: a number of `errno`.
    pub errno: i32,
    /// What becomes of it and those behind it.
    pub how: How,
}

/// Calls that can fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// Writing, truncating and allocating.
    Write,
    /// `fsync` and `fdatasync`.
    Sync,
    /// Opening and making files and directories.
    Open,
    /// Renaming.
    Rename,
}

impl Call {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Write, Self::Sync, Self::Open, Self::Rename];

    /// As the shim calls it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Write => "write",
            Self::Sync => "sync",
            Self::Open => "open",
            Self::Rename => "rename",
        }
    }
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// This one alone.
    Once,
    /// This one and all behind it.
    Always,
    /// Half of it is written, and the next write to the file fails.
    Short,
    /// Of a sync: once, and what was appended to the file since its last sync becomes zeros. Linux does this to pages that
    /// it could not write, if not at once.
    Lost,
}

impl Shim {
    /// Compiles it into a directory.
    ///
    /// # Errors
    /// What the C compiler said.
    pub fn build(directory: &Path) -> TestResult<Self> {
        let (source, library) = (directory.join("shim.c"), directory.join("shim.so"));
        std::fs::write(&source, SOURCE)?;

        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&library, &source])
            .arg("-lpthread")
            .output()?;
        if compiled.status.success() {
            Ok(Self { library })
        } else {
            Err(format!("the shim was not compiled: {}", String::from_utf8_lossy(&compiled.stderr)).into())
        }
    }

    /// Puts it between `command` and what lies below `root`, an absolute path without links in it.
    pub fn load(&self, command: &mut Command, root: &Path) {
        command.env("LD_PRELOAD", &self.library).env("KVSTORE_SHIM_ROOT", root);
    }

    /// Records all calls in a file outside of the root, behind what is there. A recorded sync is not carried out: what it
    /// makes durable is up to who reads the trace.
    pub fn record(command: &mut Command, trace: &Path) {
        command.env("KVSTORE_SHIM_TRACE", trace);
    }

    /// Lets every sync say that it was done, and do nothing.
    pub fn disable_syncs(command: &mut Command) {
        command.env("KVSTORE_SHIM_NO_SYNC", "1");
    }

    /// A path at which nothing is, below an absolute root without links. When a process with the shim opens it, it has so
    /// many changes to live: then it is killed.
    pub fn fuse(root: &Path, changes: u64) -> PathBuf {
        root.join(format!("kill-after-{changes}"))
    }

    /// Counts the calls into a file, when the process ends.
    pub fn count(command: &mut Command, counts: &Path) {
        command.env("KVSTORE_SHIM_COUNTS", counts);
    }

    /// Reads how many calls were [counted](Self::count).
    ///
    /// # Errors
    /// Where the process did not end by itself.
    pub fn counted(counts: &Path) -> TestResult<BTreeMap<Call, u64>> {
        let text = std::fs::read_to_string(counts)?;
        let count = |call: Call| {
            let line = text.lines().find_map(|line| line.strip_prefix(call.name()));
            Ok((call, line.ok_or("a kind of call was not counted")?.trim().parse()?))
        };
        Call::ALL.into_iter().map(count).collect()
    }

    /// Lets a call fail, and makes the file `fired` when it does.
    pub fn fail(command: &mut Command, fault: Fault, fired: &Path) {
        let how = match fault.how {
            How::Once => "once",
            How::Always => "always",
            How::Short => "short",
            How::Lost => "lost",
        };
        command.env("KVSTORE_SHIM_FAULT", format!("{}:{}:{}:{how}", fault.call.name(), fault.nth, fault.errno));
        command.env("KVSTORE_SHIM_FIRED", fired);
    }
}
