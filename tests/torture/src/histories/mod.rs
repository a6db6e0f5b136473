//! Histories: what several threads called, when, and what each was answered, explained or not.
//!
//! A round is one history: 3 to 6 threads that do everything there is with up to four keys of two stores (`player`,
//! `guards`), and write down each call with the moments at which it was invoked and returned, taken from one counter.
//! Then an order is looked for that explains all of it (`checker`); locks and generated keys are looked at by themselves
//! (`locks`).

mod checker;
mod guards;
mod locks;
mod player;
mod stage;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use fastrand::Rng;
use kvstore::Durability;
use kvstore_tests::TestResult;

use self::checker::{CALLS, Call, KEYS};
use self::player::{CALLS_OF_AN_ACTION, Player, Record};
use self::stage::{Place, Stage};
use crate::trial::{Context, Report, Trial};

/// The histories.
pub const TRIAL: Trial = Trial {
    name: "histories",
    promise: "Calls of different threads take effect one after the other, each at a moment between its beginning and its \
        return; a failed commit did what its outcome says; a generated key is greater than all that were there before.",
    method: "3 to 6 threads call everything on up to four keys, on both engines, with failing writes; a checker looks for \
        an order that explains every answer",
    unit: "histories",
    short: 300,
    long: 20_000,
    run,
};

/// Histories that share the databases: each has keys of its own.
const TOGETHER: u64 = 300;

const PLACES: [Place; 8] = [
    Place::Memory,
    Place::Disk(Durability::Buffered),
    Place::Faulty,
    Place::Disk(Durability::Buffered),
    Place::Memory,
    Place::Disk(Durability::Buffered),
    Place::Faulty,
    Place::Disk(Durability::Sync),
];

fn run(context: &Context) -> TestResult<Report> {
    let mut stages: Vec<(Place, Stage)> = Vec::new();
    let (mut round, mut calls, mut overlaps, mut failures, mut generated) = (0, 0, 0, 0, 0);
    while context.goes_on(round) {
        let seed = context.seed(round);
        let place = PLACES[usize::try_from(seed % PLACES.len() as u64)?];
        if round % TOGETHER == 0 {
            stages.clear();
        }
        // A database whose writes failed is of no use any more.
        stages.retain(|(place, _)| *place != Place::Faulty);
        if !stages.iter().any(|(other, _)| *other == place) {
            stages.push((place, Stage::new(place)?));
        }
        let stage = stages.iter().find(|(other, _)| *other == place);
        let (_, stage) = stage.ok_or("a database was just made")?;
        let record = history(stage, u32::try_from(round % TOGETHER)?, seed)
            .map_err(|failure| format!("{place:?}: {failure}; --only {} --rounds 1 --seed {seed}", TRIAL.name))?;
        calls += record.calls.len() as u64;
        overlaps += overlapping(&record.calls);
        failures += record.failures;
        generated += record.generated.len() as u64;
        round += 1;
    }
    Ok(Report { rounds: round, ..Report::default() }
        .with(calls, "calls explained")
        .with(overlaps, "pairs of them on one key at a time")
        .with(failures, "failed writes")
        .with(generated, "generated keys"))
}

/// Plays and checks one history.
fn history(stage: &Stage, number: u32, seed: u64) -> TestResult<Record> {
    let mut rng = Rng::with_seed(seed);
    let (threads, keys) = (rng.usize(3..=6), rng.usize(1..=KEYS));
    let (clock, ready) = (AtomicU64::new(0), AtomicUsize::new(0));
    let mut record = Record::default();
    thread::scope(|scope| {
        let playing: Vec<_> = (0..threads)
            .map(|thread| {
                let player = Player {
                    thread,
                    rng: rng.fork(),
                    stage,
                    history: number,
                    keys,
                    clock: &clock,
                    record: Record::default(),
                    next: u32::try_from(thread).unwrap_or_default() * 1_000,
                };
                let ready = &ready;
                scope.spawn(move || play(player, threads, ready))
            })
            .collect();
        playing.into_iter().try_for_each(|thread| -> TestResult {
            record.extend(thread.join().unwrap_or_else(|_| Err("a thread panicked".into()))?);
            Ok(())
        })
    })?;
    checker::check(&record.calls)?;
    locks::check_locks(&record.holds, &record.refusals)?;
    locks::check_generated(&record.generated)?;
    if let Some(failed) = record.failed.iter().min()
        && let Some(written) = record.written.iter().find(|written| *written > failed)
    {
        return Err(format!("a write that began at {written} succeeded, though one had failed by {failed}").into());
    }
    let left = stage.db.locks();
    if left.is_empty() { Ok(record) } else { Err(format!("locks are left behind: {left:?}").into()) }
}

/// One thread's part, once all are there.
fn play(mut player: Player<'_>, threads: usize, ready: &AtomicUsize) -> TestResult<Record> {
    ready.fetch_add(1, Ordering::SeqCst);
    while ready.load(Ordering::SeqCst) < threads {
        thread::yield_now();
    }
    while player.record.calls.len() + CALLS_OF_AN_ACTION <= CALLS / threads {
        player.act()?;
    }
    Ok(player.record)
}

/// Pairs of calls of different threads on one key, of which one was invoked before the other returned.
fn overlapping(calls: &[Call]) -> u64 {
    let keys = |call: &Call| {
        let effect = &call.effect;
        effect
            .saw
            .iter()
            .map(|(key, _)| key)
            .chain(effect.wrote.iter().map(|(key, _)| key))
            .fold(0, |set, key| set | 1 << key)
    };
    let overlap = |one: &Call, other: &Call| {
        let at_a_time = one.invoked < other.returned && other.invoked < one.returned;
        one.thread != other.thread && at_a_time && (keys(one) & keys(other)) != 0u8
    };
    let pairs =
        calls.iter().enumerate().map(|(index, one)| calls[index..].iter().filter(|other| overlap(one, other)).count());
    pairs.sum::<usize>() as u64
}
