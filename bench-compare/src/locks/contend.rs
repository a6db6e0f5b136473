//! Throughput of the sides by threads: all at one key, or each at keys of its own.

use std::time::Duration;

use super::crew::{Shift, Timed, work};
use super::sides::Side;
use super::{KEYS_EACH, Plan, Result};

/// Which keys the threads take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keys {
    /// All the same one.
    Hot,
    /// Each its own, in turn.
    Disjoint,
}

impl Keys {
    fn of(self, thread: usize, turn: u64) -> u64 {
        match self {
            Self::Hot => 0,
            Self::Disjoint => 1 + thread as u64 * KEYS_EACH + turn % KEYS_EACH,
        }
    }
}

/// One side's shifts, by number of threads and round.
pub(super) type Shifts = Vec<Vec<Shift>>;

/// Lets the sides work in turns, and checks that no turn of a thread was lost to another's.
pub(super) fn measure(sides: &[Box<dyn Side>], plan: &Plan, keys: Keys) -> Result<Vec<Shifts>> {
    let mut shifts: Vec<Shifts> = sides.iter().map(|_| plan.threads.iter().map(|_| Vec::new()).collect()).collect();
    for round in 0..=plan.rounds {
        eprintln!("{keys:?} keys, round {round} of {}", plan.rounds);
        for (place, threads) in plan.threads.iter().enumerate() {
            for index in in_turn(round, sides.len()) {
                let (Some(side), Some(shifts)) = (sides.get(index), shifts.get_mut(index)) else { continue };
                let shift = run(&**side, *threads, plan.duration, keys)?;
                // The first round finds cold caches.
                if round > 0 {
                    shifts.get_mut(place).ok_or("no such place")?.push(shift);
                }
            }
        }
    }
    Ok(shifts)
}

/// Forwards and backwards by turns, so that nobody always comes behind the same one.
pub(super) fn in_turn(round: usize, count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |index| if round.is_multiple_of(2) { index } else { count - 1 - index })
}

fn run(side: &dyn Side, threads: usize, duration: Duration, keys: Keys) -> Result<Shift> {
    let all = match keys {
        Keys::Hot => 0..1,
        Keys::Disjoint => 1..1 + threads as u64 * KEYS_EACH,
    };
    let timed = if keys == Keys::Hot { Timed::Yes } else { Timed::No };
    let before = side.sum(all.clone())?;
    let shift = work(threads, duration, timed, |thread, turn| side.add(keys.of(thread, turn)))?;
    let counted = side.sum(all)? - before;
    if counted != shift.total() {
        return Err(format!("{}: {} turns, but {counted} were counted", side.name(), shift.total()).into());
    }
    side.check_free()?;
    Ok(shift)
}
