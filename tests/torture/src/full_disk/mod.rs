//! A disk that is full, and has room again.

mod disk;

use std::path::Path;
use std::process::Command;

use kvstore_tests::TestResult;

use self::disk::{DISK, Disk};
use crate::process::Process;
use crate::trial::{Context, Report, Trial, scratch};

/// A real file system without room.
pub const TRIAL: Trial = Trial {
    name: "full-disk",
    promise: "A full disk fails commits with an error that says so, and all data stays readable; when there is room \
              again, the reopened database has all that was acknowledged, and writes go on.",
    method: "a file system in memory of 24 MiB, half of it taken by another file, is filled with commits until one \
             fails; the database is closed, opened while there is no room yet, opened again when there is, and compared \
             with a model; most of it is dropped, and the disk is filled again",
    unit: "fillings",
    short: 2,
    long: 50,
    run,
};

/// The name of the task, see [`Context::child`].
pub const TASK: &str = "full-disk";

/// Fillings of one file system.
const FILLINGS: u64 = 5;

/// What the child tells where it may not mount.
const NOT_PERMITTED: &str = "not permitted";

fn run(context: &Context) -> TestResult<Report> {
    let mut report = Report::default();
    let mut seen = Seen::default();
    let mut disks = 0;
    while context.goes_on(report.rounds) {
        let seed = context.seed(disks);
        let fillings = FILLINGS.min(context.rounds() - report.rounds);
        let found = one_disk(context, seed, fillings)
            .map_err(|error| format!("--only full-disk --rounds {fillings} --seed {seed}: {error}"))?;
        let Some(found) = found else {
            eprintln!("full-disk: NOT RUN: mounting a file system is not permitted here");
            return Ok(report.with(0, "fillings: NOT RUN, since mounting a file system is not permitted here"));
        };
        seen.add(&found);
        report.rounds += fillings;
        disks += 1;
    }
    Ok(report
        .with(seen.acknowledged, "acknowledged commits, 0 lost")
        .with(seen.unknown, "failed commits of unknown outcome")
        .with(seen.applied, "of them applied")
        .with(seen.refused, "refused to open without room")
        .with(disks, "disks"))
}

/// What fillings came to.
#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    acknowledged: u64,
    /// Commits of unknown outcome.
    unknown: u64,
    /// Those that were found to be applied.
    applied: u64,
    /// Openings that failed while there was no room.
    refused: u64,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.applied += other.applied;
        self.refused += other.refused;
    }

    /// As the child tells it.
    fn line(&self) -> String {
        [self.acknowledged, self.unknown, self.applied, self.refused].map(|number| number.to_string()).join(" ")
    }

    fn of_line(line: &str) -> TestResult<Self> {
        let numbers = line.split(' ').map(str::parse).collect::<Result<Vec<u64>, _>>()?;
        let [acknowledged, unknown, applied, refused] = numbers[..] else {
            return Err(format!("a line `{line}`").into());
        };
        Ok(Self { acknowledged, unknown, applied, refused })
    }
}

/// Runs a child with a disk of its own; `None` where it may not have one.
///
/// The child has a namespace of mounts of its own: the disk is gone with it, whatever becomes of it.
fn one_disk(context: &Context, seed: u64, fillings: u64) -> TestResult<Option<Seen>> {
    let root = scratch()?;
    // As root; else as the root of a namespace of users.
    for namespace in [&["--mount"][..], &["--mount", "--map-root-user"]] {
        let child = context.child(TASK, [root.path().display().to_string(), seed.to_string(), fillings.to_string()]);
        let mut command = Command::new("unshare");
        command.args(namespace).arg(child.get_program()).args(child.get_args());
        let mut process = Process::start(&mut command)?;
        let mut last = None;
        while let Some(line) = process.next_line()? {
            last = Some(line);
        }
        let (status, complaints) = process.wait()?;
        match last.as_deref() {
            Some(NOT_PERMITTED) => {}
            // It did not come to our program.
            None if complaints.starts_with("unshare:") => {}
            Some(line) if status.success() => return Seen::of_line(line).map(Some),
            _ => return Err(format!("the child ended ({status}): {complaints}").into()),
        }
    }
    Ok(None)
}

/// Mounts a disk and fills it some times.
///
/// # Errors
/// A violation.
pub fn child(arguments: &[String]) -> TestResult {
    let [root, seed, fillings] = arguments else { return Err("a directory and two numbers are missing".into()) };
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={DISK}"), "tmpfs", root]).output()?;
    if !mounted.status.success() {
        println!("{NOT_PERMITTED}");
        return Ok(());
    }
    let mut disk = Disk::new(Path::new(root), seed.parse()?);
    for _ in 0..fillings.parse()? {
        disk.fill()?;
    }
    println!("{}", disk.seen.line());
    Ok(())
}
