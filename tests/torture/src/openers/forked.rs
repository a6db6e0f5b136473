//! A process that forks while it has a directory open. `flock` belongs to the open file, and the child has that, too; the
//! handles are in the child's memory, and must not be of use there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use fastrand::Rng;
use kvstore_tests::fork::{Forking, LOADED};
use kvstore_tests::{TestResult, wait_until};

use super::opener::{CHILD, DONE, PARENT, WRITTEN};
use super::{Players, TASK, attempt};
use crate::process::Process;

/// After a clean close the directory is free, though the child lives. After a kill it is free when the child has dropped its
/// handles, or has ended. Whatever the child does, the parent's commits are there, and no others.
pub(super) fn round(players: &mut Players<'_>, rng: &mut Rng, root: &Path) -> TestResult {
    let directory = root.join("db");
    let closes = rng.bool();
    let does = ["keep", "drop", "use"][rng.usize(..3)];
    let forking = Forking::new()?;
    let end = if closes { "close" } else { "stay" };
    let mut command = players.context.child(TASK, [directory.as_os_str(), end.as_ref(), does.as_ref()]);
    let mut parent = Process::start(command.env(LOADED, forking.library()))?;
    let (mut forked, mut parents) = (None, Vec::new());
    while forked.is_none() || parents.len() < if closes { 2 } else { 1 } {
        let line = parent.answer()?;
        match line.split_once(' ') {
            Some((CHILD, said)) => {
                let (number, result) = said.split_once(' ').ok_or("no number")?;
                if result != DONE {
                    return Err(format!("the forked process that is to {does}: {result}").into());
                }
                forked = Some(number.parse::<u32>()?);
            }
            Some((PARENT, said)) => parents.push(said.to_owned()),
            _ => return Err(format!("a line `{line}`").into()),
        }
    }
    if parents.iter().any(|said| said != DONE) {
        return Err(format!("the parent: {parents:?}").into());
    }
    players.count(match does {
        "keep" => "forked children that kept their handles",
        "drop" => "forked children that dropped their handles",
        _ => "forked children that used their handles",
    });
    let forked = forked.ok_or("no child")?;
    let has_lock_file = has_lock_file(forked, &directory)?;
    if has_lock_file != (does != "drop") {
        return Err(format!("whether the forked process has the lock file: {has_lock_file}").into());
    }
    let committed = (1..=WRITTEN).collect::<BTreeSet<_>>();
    if closes {
        players.count("forked children that outlived a clean close");
        return players.holds(&directory, &committed);
    }
    players.refused_here(&directory)?;
    parent.kill()?;
    players.count("forked children that outlived a kill");
    if does != "drop" {
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
    }
    players.holds(&directory, &committed)
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
