//! Processes killed at random moments.

use kvstore_tests::{TestResult, warnings_of};

use crate::process::Process;
use crate::trial::{Context, Report, Trial};
use crate::workload::{self, Ledger, Plan};

/// SIGKILL at any moment of a busy database.
pub const TRIAL: Trial = Trial {
    name: "kills",
    promise: "When a process is killed, every acknowledged commit is there, whole, and nothing else; a generated key is \
              never given out twice.",
    method: "a child with several threads commits, saves, removes, batches over three stores and generates keys, and is \
             killed (SIGKILL) at a random moment; the ledger of what it acknowledged through a pipe is compared with \
             the reopened database; by turns in both durabilities",
    unit: "kills",
    short: 60,
    long: 10_000,
    run,
};

const THREADS: u8 = 3;
/// A database is used for so many kills: recoveries meet what earlier ones left behind.
const KILLS: u64 = 40;
/// The kill comes after so many lines of the child at most.
const MOST_LINES: u64 = 400;

fn run(context: &Context) -> TestResult<Report> {
    let mut report = Report::default();
    let (mut acknowledged, mut cuts, mut databases) = (0, 0, 0);
    while context.goes_on(report.rounds) {
        let seed = context.seed(databases);
        let kills = KILLS.min(context.rounds() - report.rounds);
        let found = one_database(context, seed, kills)
            .map_err(|error| format!("--only kills --rounds {kills} --seed {seed}: {error}"))?;
        report.rounds += kills;
        acknowledged += found.acknowledged;
        cuts += found.cuts;
        databases += 1;
    }
    Ok(report
        .with(acknowledged, "acknowledged operations, 0 lost")
        .with(databases, "databases")
        .with(cuts, "logs with a torn end, each said"))
}

struct Found {
    acknowledged: u64,
    /// Recoveries that said that they cut the log.
    cuts: u64,
}

/// Kills children on one database, and reads it after each.
fn one_database(context: &Context, seed: u64, kills: u64) -> TestResult<Found> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let root = tempfile::tempdir()?;
    let directory = root.path().join("data");
    let mut ledger = Ledger::new(seed, THREADS);
    let mut cuts = 0;
    for kill in 0..kills {
        let plan = Plan {
            directory: directory.clone(),
            seed,
            sync: rng.bool(),
            // The least: tables are written and logs change while it runs.
            write_buffer: if rng.bool() { 64 << 10 } else { 1 << 20 },
            made: ledger.made.clone(),
            steps: u64::MAX,
            ledger: None,
        };
        ledger.begin_session();
        let mut child = Process::start(&mut context.child(workload::TASK, plan.arguments()))?;
        let lines = 1 + rng.u64(..MOST_LINES);
        for _ in 0..lines {
            match child.next_line()? {
                Some(line) => ledger.take(&line)?,
                None => return Err(format!("kill {kill}: the child ended: {}", child.wait()?.1).into()),
            }
        }
        // At a line's end the child is always at the same place of a step: go on for a moment that is none of its own.
        for _ in 0..rng.u32(..50_000) {
            std::hint::spin_loop();
        }
        child.kill()?;
        while let Some(line) = child.next_line()? {
            ledger.take(&line)?;
        }
        let (db, said) = warnings_of(|| plan.builder().open(&directory));
        let db = db.map_err(|error| format!("kill {kill}: {error}"))?;
        cuts += said.iter().filter(|line| line.contains("the write-ahead log was cut")).count() as u64;
        let found = workload::read(&db, THREADS).map_err(|error| format!("kill {kill}: {error}"))?;
        ledger.settle(&found).map_err(|error| format!("kill {kill}: {error}"))?;
        // By turns the next child finds a closed database, and one that is killed twice in a row.
        if rng.bool() {
            db.close()?;
        }
    }
    Ok(Found { acknowledged: ledger.acknowledged, cuts })
}
