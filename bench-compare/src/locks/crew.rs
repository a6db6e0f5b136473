//! Threads that do the same thing for a while.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::Result;

/// What the threads of a crew did.
#[derive(Debug)]
pub(super) struct Shift {
    /// How many turns each thread had.
    pub(super) turns: Vec<u64>,
    /// The longest of all turns, where they were timed.
    pub(super) longest: Duration,
    elapsed: Duration,
}

impl Shift {
    pub(super) fn total(&self) -> u64 {
        self.turns.iter().sum()
    }

    /// Turns a second, of all threads.
    pub(super) fn rate(&self) -> f64 {
        self.total() as f64 / self.elapsed.as_secs_f64()
    }

    /// The turns of the thread that had fewest, as a part of those of the thread that had most.
    pub(super) fn evenness(&self) -> f64 {
        let (fewest, most) = (self.turns.iter().min(), self.turns.iter().max());
        fewest.zip(most).map_or(0.0, |(fewest, most)| *fewest as f64 / *most as f64)
    }
}

/// Whether each turn is timed, which takes a look at the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Timed {
    Yes,
    No,
}

/// Runs `turn` in so many threads, again and again for so long; it is told the number of the thread and of the turn.
pub(super) fn work(
    threads: usize,
    duration: Duration,
    timed: Timed,
    turn: impl Fn(usize, u64) -> Result<()> + Sync,
) -> Result<Shift> {
    let (start, stop) = (Barrier::new(threads + 1), AtomicBool::new(false));
    let thread = |number| {
        let (mut turns, mut longest) = (0, Duration::ZERO);
        start.wait();
        let mut began = Instant::now();
        while !stop.load(Ordering::Relaxed) {
            turn(number, turns)?;
            turns += 1;
            if timed == Timed::Yes {
                let now = Instant::now();
                longest = longest.max(now - began);
                began = now;
            }
        }
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((turns, longest))
    };
    thread::scope(|scope| {
        let crew: Vec<_> = (0..threads)
            .map(|number| {
                scope.spawn({
                    let thread = &thread;
                    move || thread(number)
                })
            })
            .collect();
        start.wait();
        let began = Instant::now();
        thread::sleep(duration);
        stop.store(true, Ordering::Relaxed);
        let (mut turns, mut longest) = (Vec::new(), Duration::ZERO);
        for member in crew {
            let done = member.join().map_err(|_| "a thread panicked")??;
            turns.push(done.0);
            longest = longest.max(done.1);
        }
        Ok(Shift { turns, longest, elapsed: began.elapsed() })
    })
}
