//! Damage to the files of a database.
//!
//! Databases are made once for a run: of several stores, with commits in tables of two levels and in logs, closed,
//! killed and copied. Of each the history of its commits is known, from the process that made it. Then their files are
//! damaged at random, and a child opens and reads them in all ways.

mod examine;
mod files;
mod history;
mod image;
mod judge;
mod mutation;
mod reading;
mod stores;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeMap;

use kvstore_tests::TestResult;

use self::image::Image;
use self::writer::Ended;
use crate::process::Process;
use crate::trial::{Context, Report, Trial};

/// Damage at random places of all files.
pub const TRIAL: Trial = Trial {
    name: "damage",
    promise: "A damaged file gives right data or an error that names it: never wrong data, never silently too little, and \
              a refused directory is left as it was.",
    method: "bits flipped, bytes and pages zeroed, overwritten, swapped, cut off and added, files deleted and replaced \
             by older ones, in databases that were closed, killed in both durabilities, or copied; everything is read \
             in all ways, written to, reopened and read again, and compared with the history of commits",
    unit: "mutations",
    short: 60,
    long: 5_000,
    run,
};

/// Mutations that one child makes.
const BATCH: u64 = 20;

/// Whether a task is one of this trial's, and if so, its child.
pub fn child(task: &str, arguments: &[String]) -> Option<TestResult> {
    match task {
        writer::TASK => Some(writer::child(arguments)),
        examine::TASK => Some(examine::child(arguments)),
        _ => None,
    }
}

fn run(context: &Context) -> TestResult<Report> {
    let root = tempfile::tempdir()?;
    Image::make_all(context, root.path())?;
    let logs = Image::load(root.path(), Ended::Busy)?.files.logs().len() as u64;
    let mut report = Report::default();
    let mut outcomes = BTreeMap::<String, u64>::new();
    while context.goes_on(report.rounds) {
        let rounds = report.rounds..report.rounds + BATCH.min(context.rounds() - report.rounds);
        report.rounds = rounds.end;
        let seeds: Vec<_> = rounds.map(|round| context.seed(round).to_string()).collect();
        let arguments = [root.path().display().to_string()].into_iter().chain(seeds.iter().cloned());
        let mut child = Process::start(&mut context.child(examine::TASK, arguments))?;
        for seed in &seeds {
            let mut what = "the child began".to_owned();
            let outcome = one(&mut child, &mut what)
                .map_err(|error| format!("--only damage --rounds 1 --seed {seed}: {what}: {error}"))?;
            *outcomes.entry(outcome).or_default() += 1;
        }
    }
    let report = outcomes.into_iter().fold(report, |report, (outcome, count)| report.with(count, outcome));
    Ok(report.with(logs, "logs in the database that was killed while it wrote fast"))
}

/// What a child says of one mutation.
fn one(child: &mut Process, what: &mut String) -> TestResult<String> {
    while let Some(line) = child.next_line()? {
        match line.split_once(' ') {
            Some(("begin", mutation)) => mutation.clone_into(what),
            Some(("outcome", outcome)) => return Ok(outcome.to_owned()),
            Some(("violation", violation)) => return Err(violation.into()),
            _ => return Err(format!("a line `{line}`").into()),
        }
    }
    let (status, complaints) = child.wait()?;
    Err(format!("the child ended ({status}): {complaints}").into())
}
