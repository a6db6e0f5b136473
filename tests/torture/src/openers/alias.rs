//! All the paths that lead to one directory.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;

use fastrand::Rng;
use kvstore_tests::TestResult;

use super::opener::{DONE, IN_USE, OPEN};
use super::places::settle;
use super::{Players, TASK};
use crate::process::Process;

/// Paths from the root to the directory.
const WAYS: [&str; 9] =
    ["db", "link", "absolute", "chain", "up/db", "up/up/chain", "deep/../db", "deep/down", "deep/er/../../link"];

/// The directory `db` in `root`, with links that lead there.
fn lay_out(root: &Path) -> io::Result<()> {
    fs::create_dir_all(root.join("deep/er"))?;
    fs::create_dir(root.join("mount"))?;
    symlink("db", root.join("link"))?;
    symlink(root.join("db"), root.join("absolute"))?;
    symlink("link", root.join("chain"))?;
    symlink(".", root.join("up"))?;
    symlink("../up/db", root.join("deep/down"))
}

/// One process has it open, and it and others try every path that there may be.
pub(super) fn round(players: &mut Players<'_>, rng: &mut Rng, root: &Path) -> TestResult {
    lay_out(root)?;
    let directory = root.join("db");
    players.expect(0, &format!("open {}", directory.display()), OPEN)?;
    players.expect(0, "commit 1", DONE)?;
    settle(&directory)?;
    let before = fingerprint(&directory)?;
    for _ in 0..12 {
        let holder = players.process(0)?.id();
        let opener = rng.usize(..2);
        let path = alias(rng, root, holder, players.process(opener)?)?;
        players.expect(opener, &format!("open {path}"), IN_USE)?;
        players.refused_here(&root.join(rng.choice(WAYS).unwrap_or("db")))?;
    }
    let mounted = through_mount(players, root)?;
    players.count(if mounted { "bind mounts" } else { "bind mounts that this system does not permit" });
    let after = fingerprint(&directory)?;
    if after != before {
        return Err(format!("who was refused has changed {before:?} into {after:?}").into());
    }
    players.expect(0, "commit 2", DONE)?;
    players.expect(0, "close", DONE)?;
    for opener in 0..2 {
        let holder = players.process(0)?.id();
        let path = alias(rng, root, holder, players.process(opener)?)?;
        players.expect(opener, &format!("open {path}"), OPEN)?;
        players.expect(opener, &format!("commit {}", 3 + opener), DONE)?;
        players.expect(opener, "close", DONE)?;
    }
    players.holds(&directory, &BTreeSet::from([1, 2, 3, 4]))
}

/// A path by which the process `opener` gets to the directory.
fn alias(rng: &mut Rng, root: &Path, holder: u32, opener: &mut Process) -> TestResult<String> {
    let root = root.display();
    let way = rng.choice(WAYS).unwrap_or("db");
    let (from, path) = match rng.u8(..10) {
        0 => ("", format!("{root}/{way}")),
        1 => ("", way.to_owned()),
        2 => ("/db", [".", "../db", "../link"][rng.usize(..3)].to_owned()),
        3 => ("/deep/er", format!("../../{way}")),
        4 => ("", format!("/proc/self/cwd/{way}")),
        5 => ("/db", ["/proc/self/cwd", "/proc/self/cwd/../db"][rng.usize(..2)].to_owned()),
        6 => ("", format!("/proc/self/fd/{}", opener.ask(format!("descriptor {root}/db"))?)),
        7 => ("", format!("/dev/fd/{}/{way}", opener.ask(format!("descriptor {root}"))?)),
        8 => ("", format!("/proc/{holder}/root{root}/{way}")),
        _ => ("", format!("/proc/self/root{root}/{way}")),
    };
    let moved = opener.ask(format!("cd {root}{from}"))?;
    if moved != DONE {
        return Err(moved.into());
    }
    Ok(decorated(rng, &path))
}

/// The same with more slashes and dots.
fn decorated(rng: &mut Rng, path: &str) -> String {
    let mut text = String::new();
    for part in path.split_inclusive('/') {
        text.push_str(part);
        if part.ends_with('/') {
            text.push_str(["", "", "", "/", "./"][rng.usize(..5)]);
        }
    }
    text.push_str(["", "", "/", "/.", "//", "/../db", "/./../db/"][rng.usize(..7)]);
    text
}

/// Opens it through a bind mount, in a process that has one of its own; false where the system permits none.
fn through_mount(players: &mut Players<'_>, root: &Path) -> TestResult<bool> {
    let opener = players.context.child(TASK, [""; 0]);
    let mut command = std::process::Command::new("unshare");
    command.args(["--map-root-user", "--mount", "sh", "-c"]);
    command.arg("mount --bind \"$0\" \"$1\" && echo mounted && shift && exec \"$@\"");
    command.args([root.join("db"), root.join("mount")]).arg(opener.get_program()).args(opener.get_args());
    let Ok(mut process) = Process::start(&mut command) else { return Ok(false) };
    if process.next_line()?.is_none() {
        return Ok(false);
    }
    let answer = process.ask(format!("open {}", root.join("mount").display()))?;
    if answer == IN_USE { Ok(true) } else { Err(format!("through a bind mount it is answered `{answer}`").into()) }
}

/// Everything in a directory that changes when somebody touches it: who, how much, when, and the bytes.
pub(super) fn fingerprint(directory: &Path) -> io::Result<BTreeMap<String, (String, Vec<u8>)>> {
    let state = |path: &Path| {
        let found = fs::symlink_metadata(path)?;
        let modified = (found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec());
        Ok::<_, io::Error>(format!("{} {} {modified:?}", found.ino(), found.len()))
    };
    let mut all = BTreeMap::from([(".".to_owned(), (state(directory)?, Vec::new()))]);
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        // To open and close RocksDB's `LOCK` would give up the lock, were it this process that has it.
        let bytes = if entry.file_name() == "LOCK" { Vec::new() } else { fs::read(entry.path())? };
        all.insert(entry.file_name().to_string_lossy().into_owned(), (state(&entry.path())?, bytes));
    }
    Ok(all)
}
