//! Random sequences of operations against plain maps, on both engines.
//!
//! A round is a sequence of up to 200 operations on five stores, made of its seed alone (`ops`). One of them lets threads write to a store and search it at the same time (`race`). The model of a store
//! is a `BTreeMap` from its keys to numbers (`shelf`), with the guards, scans and snapshots that are alive (`held`,
//! `reader`); that of a database has five of them (`shelves`, `world`). After each operation exactly the model's locks
//! are held.
//!
//! A sequence that fails is shortened before it is told.

mod answer;
mod held;
mod kinds;
mod ops;
mod race;
mod reader;
mod shelf;
mod shelves;
mod shrink;
mod world;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};

use fastrand::Rng;
use kvstore_tests::TestResult;

use self::ops::Op;
use self::shelves::STORES;
use self::shrink::shrink;
use self::world::World;
use crate::trial::{Context, Report, Trial};

const PROMISE: &str = "A store is a map: every operation answers and does what it would on a `BTreeMap`, locks, \
    snapshots, batches, growing structs and reopening included.";

/// The model test in memory.
pub const MEMORY: Trial = Trial {
    name: "model-memory",
    promise: PROMISE,
    method: "Random sequences of up to 200 operations on five stores with awkward keys, in memory; each answer is compared \
        with a plain map's",
    unit: "sequences",
    short: 400,
    long: 100_000,
    run: |context| run(context, false),
};

/// The model test on disk.
pub const DISK: Trial = Trial {
    name: "model-disk",
    promise: PROMISE,
    method: "The same on disk, with databases closed, dropped and opened again, also by a program with another field",
    unit: "sequences",
    short: 100,
    long: 100_000,
    run: |context| run(context, true),
};

/// Sequences that share a database on disk, which is emptied behind each: making one takes longer than a sequence.
const TOGETHER: u64 = 1_000;

fn run(context: &Context, on_disk: bool) -> TestResult<Report> {
    let together = if on_disk { TOGETHER } else { 1 };
    let (mut round, mut done, mut reopened) = (0, 0, 0);
    while context.goes_on(round) {
        let mut world = World::new(on_disk)?;
        let first = round;
        while round < first + together && context.goes_on(round) {
            let ops = sequence(context.seed(round));
            if let Err(failure) = play(&mut world, &ops) {
                return Err(violation(on_disk, context, first, round, ops, &failure.to_string()).into());
            }
            done += ops.len() as u64;
            round += 1;
        }
        reopened += world.reopened;
    }
    let report = Report { rounds: round, ..Report::default() }.with(done, "operations");
    Ok(if on_disk { report.with(reopened, "times closed or dropped, and opened again") } else { report })
}

fn sequence(seed: u64) -> Vec<Op> {
    ops::sequence(&mut Rng::with_seed(seed), STORES)
}

/// Plays a sequence to its end. A panic is a violation like any other.
fn play(world: &mut World, ops: &[Op]) -> TestResult {
    let played = catch_unwind(AssertUnwindSafe(|| {
        for (index, op) in ops.iter().enumerate() {
            world.apply(*op).map_err(|failure| format!("operation {index}, {op:?}: {failure}"))?;
        }
        world.end()
    }));
    played.unwrap_or_else(|panic| Err(format!("panicked: {}", message_of(&*panic)).into()))
}

fn message_of(panic: &(dyn Any + Send)) -> &str {
    match (panic.downcast_ref::<String>(), panic.downcast_ref::<&str>()) {
        (Some(message), _) => message,
        (None, message) => message.copied().unwrap_or("something that is no text"),
    }
}

/// Why a sequence fails in a world of its own.
fn failure(on_disk: bool, ops: &[Op]) -> Option<String> {
    World::new(on_disk).and_then(|mut world| play(&mut world, ops)).err().map(|failure| failure.to_string())
}

/// Tells of a sequence that failed, as short as it can be made, and how to find it again. `first` is the round in which
/// its world was made.
fn violation(on_disk: bool, context: &Context, first: u64, round: u64, ops: Vec<Op>, found: &str) -> String {
    let name = if on_disk { DISK.name } else { MEMORY.name };
    if failure(on_disk, &ops).is_none() {
        let (rounds, seed) = (round - first + 1, context.seed(first));
        return format!("{found}; only behind others in one database: --only {name} --rounds {rounds} --seed {seed}");
    }
    let short = shrink(ops, |ops| failure(on_disk, ops).is_some());
    let why = failure(on_disk, &short).unwrap_or_default();
    format!("{found}; --only {name} --rounds 1 --seed {}, which comes down to {short:?}: {why}", context.seed(round))
}
