//! A million keys, each locked once: neither the time of a lock nor the memory may grow with the locks that were.

use std::ops::Range;
use std::thread;
use std::time::Instant;

use super::contend::in_turn;
use super::sides::Side;
use super::{Plan, Result, cores};

/// How a million keys are locked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Way {
    pub(super) threads: usize,
    /// Keys that a thread holds at a time.
    pub(super) held: usize,
}

/// The ways that are measured.
pub(super) const WAYS: [Way; 3] =
    [Way { threads: 1, held: 1 }, Way { threads: 1, held: 16 }, Way { threads: 4, held: 16 }];

/// Beyond the keys that have counters: nobody has seen these before.
const FIRST: u64 = 1 << 32;

/// Parts in which the keys are locked, to compare the first with the last.
const PIECES: u64 = 10;

/// What came of locking all keys once.
#[derive(Debug)]
pub(super) struct Pass {
    /// Nanoseconds a lock, in the first and the last tenth.
    pub(super) first: f64,
    pub(super) last: f64,
    /// Memory of the process in KiB, after the first tenth and after the last.
    pub(super) memory_first: f64,
    pub(super) memory_last: f64,
}

/// One side's passes, by way and round; none where it can't.
pub(super) type Passes = Vec<Vec<Pass>>;

/// Lets the sides lock all keys in turns.
pub(super) fn measure(sides: &[Box<dyn Side>], plan: &Plan) -> Result<Vec<Passes>> {
    let mut passes: Vec<Passes> = sides.iter().map(|_| WAYS.iter().map(|_| Vec::new()).collect()).collect();
    for round in 0..plan.passes {
        for (place, way) in WAYS.into_iter().enumerate() {
            eprintln!("{} keys, {way:?}, round {} of {}", plan.keys, round + 1, plan.passes);
            for index in in_turn(round, sides.len()) {
                let (Some(side), Some(passes)) = (sides.get(index), passes.get_mut(index)) else { continue };
                if way.held == 1 || side.holds_several() {
                    passes.get_mut(place).ok_or("no such place")?.push(pass(&**side, way, plan.keys)?);
                }
            }
        }
    }
    Ok(passes)
}

fn pass(side: &dyn Side, way: Way, keys: u64) -> Result<Pass> {
    let each = keys / PIECES / way.threads as u64;
    if each < way.held as u64 {
        return Err(format!("{keys} keys are too few").into());
    }
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for piece in 0..PIECES {
        let start = FIRST + piece * each * way.threads as u64;
        let began = Instant::now();
        run(side, way, start..start + each * way.threads as u64, each)?;
        let busy = way.threads.min(cores()) as f64;
        times.push(began.elapsed().as_nanos() as f64 * busy / (each * way.threads as u64) as f64);
        memory.push(resident_kib()?);
    }
    side.check_free()?;
    let ends = |numbers: &[f64]| numbers.first().copied().zip(numbers.last().copied());
    let (first, last) = ends(&times).ok_or("no pieces")?;
    let (memory_first, memory_last) = ends(&memory).ok_or("no pieces")?;
    Ok(Pass { first, last, memory_first, memory_last })
}

fn run(side: &dyn Side, way: Way, keys: Range<u64>, each: u64) -> Result<()> {
    thread::scope(|scope| {
        let crew: Vec<_> = (0..way.threads as u64)
            .map(|thread| {
                let start = keys.start + thread * each;
                scope.spawn(move || side.pass(start..start + each, way.held))
            })
            .collect();
        crew.into_iter().try_for_each(|member| member.join().map_err(|_| "a thread panicked")?)
    })
}

/// The memory of this process.
fn resident_kib() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).ok_or("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse()?)
}
