//! A process that forks while it has a directory open. `flock` belongs to the open file, and the child has that, too.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use fastrand::Rng;
use kvstore_tests::{TestResult, wait_until};

use super::opener::DONE;
use super::{Players, TASK, attempt};
use crate::process::Process;

const SOURCE: &str = include_str!("forked.c");

/// After a clean close the directory is free, though the child lives; after a kill it is free when the child has ended.
pub(super) fn round(players: &mut Players<'_>, rng: &mut Rng, root: &Path) -> TestResult {
    let directory = root.join("db");
    let closes = rng.bool();
    let mut command =
        players.context.child(TASK, [directory.as_os_str(), if closes { "close" } else { "stay" }.as_ref()]);
    let mut parent = Process::start(command.env("LD_PRELOAD", compile(root)?))?;
    let forked: u32 = parent.answer()?.parse()?;
    if !has_lock_file(forked, &directory)? {
        return Err(format!("the forked process {forked} does not have the lock file").into());
    }
    let committed = BTreeSet::from([1]);
    if closes {
        let closed = parent.answer()?;
        if closed != DONE {
            return Err(closed.into());
        }
        players.count("forked children that outlived a clean close");
        players.holds(&directory, &committed)?;
        return if has_lock_file(forked, &directory)? { Ok(()) } else { Err("the forked process has ended".into()) };
    }
    players.refused_here(&directory)?;
    parent.kill()?;
    players.count("forked children that outlived a kill");
    players.refused_here(&directory)?;
    // Which the forked process waits for.
    parent.close_input();
    let mut failed = None;
    wait_until("the directory is free", || match attempt(&directory) {
        Ok(found) => found.is_some(),
        Err(error) => {
            failed = Some(error);
            true
        }
    })?;
    failed.map_or(Ok(()), Err)?;
    players.holds(&directory, &committed)
}

fn compile(root: &Path) -> TestResult<PathBuf> {
    let (source, library) = (root.join("forked.c"), root.join("forked.so"));
    fs::write(&source, SOURCE)?;
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).output()?;
    if compiled.status.success() {
        Ok(library)
    } else {
        Err(format!("not compiled: {}", String::from_utf8_lossy(&compiled.stderr)).into())
    }
}

/// Whether a process has the lock file open.
fn has_lock_file(process: u32, directory: &Path) -> TestResult<bool> {
    let file = directory.join("KVSTORE.lock");
    for descriptor in fs::read_dir(format!("/proc/{process}/fd"))? {
        // One may be closed meanwhile.
        if fs::read_link(descriptor?.path()).is_ok_and(|open| open == file) {
            return Ok(true);
        }
    }
    Ok(false)
}
