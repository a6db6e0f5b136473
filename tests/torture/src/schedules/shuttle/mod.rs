//! Random schedules of threads that use a database in every way that locks, by shuttle.

#[path = "../actor.rs"]
#[expect(clippy::duplicate_mod, reason = "compiled once for each model checker")]
mod actor;
mod queues;
mod scenario;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use ::shuttle::scheduler::RandomScheduler;
use ::shuttle::{Config, FailurePersistence, Runner, thread};
use kvstore_shuttle as kvstore;
use kvstore_tests::TestResult;

use self::scenario::Figures;
use crate::trial::{Context, Report, Trial};

/// Random schedules of many ways to lock.
pub const TRIAL: Trial = Trial {
    name: "shuttle",
    promise: "Whatever threads do with locks, none waits for ever: not for who gave up, panicked, ended or was closed. No \
              increment made under a lock is lost, and no read sees less than another has seen before it. No search of a \
              queue's head passes an entry.",
    method: "kvstore, compiled on shuttle's threads, is used by 3 or 4 threads that lock with and without deadlines, try, \
             lock several, commit, batch, drop, panic while they hold, send guards to a thread, read, and close, and in a schedule of its own by 3 that search a queue while they \
             write and remove; shuttle chooses at random which thread makes the next step and whether a deadline has passed",
    unit: "schedules",
    short: 1_000,
    long: 200_000,
    run,
};

fn run(context: &Context) -> TestResult<Report> {
    let mut report = Report::default();
    let mut all = Figures::default();
    while context.goes_on(report.rounds) {
        let seed = context.seed(report.rounds);
        all +=
            schedule(seed, scenario::play).map_err(|violation| format!("--only shuttle --seed {seed}: {violation}"))?;
        for play in [queues::play, queues::one_is_free] {
            schedule(seed, play).map_err(|violation| format!("--only shuttle --seed {seed}: {violation}"))?;
        }
        report.rounds += 1;
    }
    Ok(report
        .with(all.hand_overs, "locks handed over to who was first in line")
        .with(all.gave_up, "calls that gave up"))
}

/// Runs one schedule of a program, and answers what the program does. What is wrong with it is an error.
fn schedule<R: Default + Send + 'static>(
    seed: u64,
    play: impl Fn(u64) -> Result<R, String> + Send + Sync + 'static,
) -> Result<R, String> {
    let mut config = Config::new();
    // The seed finds it again.
    config.failure_persistence = FailurePersistence::None;
    // That shuttle takes weaker orderings for sequentially consistent: loom does not.
    config.silence_warnings = true;
    let answer = Arc::new(Mutex::new(Ok(R::default())));
    let played = Arc::clone(&answer);
    let runner = Runner::new(RandomScheduler::new_from_seed(seed, 1), config);
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runner.run(move || {
            let answer = play(seed);
            *played.lock().unwrap_or_else(PoisonError::into_inner) = answer;
        })
    }));
    ended.map_err(|panic| panic_text(&*panic))?;
    std::mem::replace(&mut *answer.lock().unwrap_or_else(PoisonError::into_inner), Ok(R::default()))
}

/// What shuttle, or an assertion, panicked with.
fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic").to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::actor::{Actor, Ended};
    use super::*;

    /// Locks two entries one by one, in the order given.
    fn one_by_one(actor: &Actor, [first, second]: [u64; 2]) {
        let ended = actor.increment_all(|actor| {
            let first = actor.numbers.lock(first)?;
            let second = actor.numbers.lock(second)?;
            Ok(first.into_iter().chain(second).map(|guard| ("numbers", guard)).collect())
        });
        actor.expect(ended, &[Ended::Done]);
    }

    fn in_opposite_orders(_seed: u64) -> Result<(), String> {
        let main = Actor::main(Duration::MAX, 0).map_err(|error| error.to_string())?;
        let other = main.spawn("other", |actor| one_by_one(&actor, [2, 1]));
        one_by_one(&main, [1, 2]);
        main.join([other]);
        main.seen.wrong().map_or(Ok(()), Err)
    }

    #[test]
    fn a_deadlock_is_found_and_found_again_by_its_seed() {
        let found: Vec<_> =
            (0..100).filter_map(|seed| Some((seed, schedule(seed, in_opposite_orders).err()?))).collect();
        assert!(!found.is_empty() && found.len() < 100);
        for (seed, wrong) in found {
            assert!(wrong.contains("deadlock"), "{wrong}");
            assert_eq!(schedule(seed, in_opposite_orders), Err(wrong));
        }
    }
}
