//! Directories that are moved, removed, replaced, copied, or lose their lock files while they are open.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::Path;

use fastrand::Rng;
use kvstore_tests::{TestResult, wait_until};

use super::alias::fingerprint;
use super::opener::{DONE, IN_USE, OPEN};
use super::{Players, attempt, opener};

/// The process that has it open, and the one that comes later.
const HOLDER: usize = 0;
const LATER: usize = 1;

/// Opens a directory, and lets one of these things happen to it.
pub(super) fn round(players: &mut Players<'_>, rng: &mut Rng, root: &Path) -> TestResult {
    let directory = root.join("db");
    let open = format!("open {}", directory.display());
    // Files of two databases mostly have other numbers.
    for _ in 0..rng.u8(..3) {
        players.expect(HOLDER, &open, OPEN)?;
        players.expect(HOLDER, "close", DONE)?;
    }
    players.expect(HOLDER, &open, OPEN)?;
    players.expect(HOLDER, "commit 1", DONE)?;
    // RocksDB removes old files by their names, and must not meet those of another database.
    settle(&directory)?;
    match rng.u8(..4) {
        0 => without_lock_files(players, rng, &directory),
        1 => moved(players, rng, &directory, &root.join("moved")),
        2 => removed(players, &directory),
        _ => copied(players, &directory, &root.join("copy")),
    }
}

/// Waits until RocksDB has removed what it does not need any more, which it does in the background: one manifest and one log
/// are left, and two files of options. What changes then is changed by somebody else, as long as nothing is committed.
pub(super) fn settle(directory: &Path) -> TestResult {
    wait_until("old files are removed", || {
        // A file may go while the directory is read.
        let names = names(directory).unwrap_or_default();
        let count = |part: &str| names.iter().filter(|name| name.contains(part)).count();
        count("MANIFEST-") == 1 && count(".log") == 1 && count("OPTIONS-") <= 2
    })
}

fn names(directory: &Path) -> io::Result<Vec<String>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Nobody gets in by removing what looks like a lock that was left over.
fn without_lock_files(players: &mut Players<'_>, rng: &mut Rng, directory: &Path) -> TestResult {
    players.count("lock files removed while open");
    fs::remove_file(directory.join("KVSTORE.lock"))?;
    if rng.bool() {
        fs::remove_file(directory.join("LOCK"))?;
    }
    let before = fingerprint(directory)?;
    players.expect(LATER, &format!("open {}", directory.display()), IN_USE)?;
    players.refused_here(directory)?;
    if fingerprint(directory)? != before {
        return Err("who was refused has changed something".into());
    }
    players.expect(HOLDER, "commit 2", DONE)?;
    players.expect(HOLDER, "close", DONE)?;
    players.holds(directory, &BTreeSet::from([1, 2]))
}

/// It stays one database under its new path, and does no harm to another that is made where it was.
fn moved(players: &mut Players<'_>, rng: &mut Rng, directory: &Path, to: &Path) -> TestResult {
    players.count("directories moved while open");
    fs::rename(directory, to)?;
    players.expect(LATER, &format!("open {}", to.display()), IN_USE)?;
    players.refused_here(to)?;
    players.expect(HOLDER, "commit 2", DONE)?;
    let replaced = rng.bool();
    if replaced {
        players.expect(LATER, &format!("open {}", directory.display()), OPEN)?;
        players.expect(LATER, "commit 7", DONE)?;
    }
    close_elsewhere(players, directory, replaced)?;
    // RocksDB can't be closed without harm to what is in its place: it stays open until the process ends.
    players.expect(LATER, &format!("open {}", to.display()), IN_USE)?;
    players.kill(HOLDER)?;
    players.holds(to, &BTreeSet::from([1, 2]))?;
    if replaced {
        players.expect(LATER, "close", DONE)?;
        players.holds(directory, &BTreeSet::from([7]))?;
    }
    Ok(())
}

/// Another database takes its place, and the closing of the first one leaves it alone.
fn removed(players: &mut Players<'_>, directory: &Path) -> TestResult {
    players.count("directories removed while open");
    fs::remove_dir_all(directory)?;
    players.expect(LATER, &format!("open {}", directory.display()), OPEN)?;
    players.expect(LATER, "commit 7", DONE)?;
    close_elsewhere(players, directory, true)?;
    players.expect(LATER, "close", DONE)?;
    players.holds(directory, &BTreeSet::from([7]))
}

/// The holder can't say in its marker that it closed, and says so; what is there instead, is not touched.
fn close_elsewhere(players: &mut Players<'_>, directory: &Path, replaced: bool) -> TestResult {
    let before = if replaced {
        settle(directory)?;
        Some(fingerprint(directory)?)
    } else {
        None
    };
    let closed = players.process(HOLDER)?.ask("close")?;
    if !closed.starts_with("failed: can't find the open database at") {
        return Err(format!("a database that is elsewhere is closed with `{closed}`").into());
    }
    match before {
        Some(before) if fingerprint(directory)? != before => Err("closing one database has changed another".into()),
        None if directory.exists() => Err("closing a database made a directory".into()),
        _ => Ok(()),
    }
}

/// A copy, made by whatever program while nobody writes, is a database of its own.
fn copied(players: &mut Players<'_>, directory: &Path, to: &Path) -> TestResult {
    players.count("directories copied while open");
    copy(directory, to)?;
    let db = attempt(to)?.ok_or("a copy is in use")?;
    let numbers = opener::numbers(&db)?;
    if numbers.iter()?.keys().collect::<kvstore::Result<Vec<_>>>()? != [1] {
        return Err("a copy does not hold what was committed".into());
    }
    numbers.put(7, 7)?;
    players.expect(HOLDER, "commit 2", DONE)?;
    drop(numbers);
    db.close()?;
    players.expect(HOLDER, "close", DONE)?;
    players.holds(directory, &BTreeSet::from([1, 2]))?;
    players.holds(to, &BTreeSet::from([1, 7]))
}

/// As `cp -r` does it.
fn copy(from: &Path, to: &Path) -> io::Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        fs::copy(entry.path(), to.join(entry.file_name()))?;
    }
    Ok(())
}
