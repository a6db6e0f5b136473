//! What a guard costs in counters that threads share.
//!
//! A guard keeps its namespace alive, and so counts itself. kvstore has 16 counters for that, each on cache lines of its
//! own, and takes one by the number of the thread. Here the same is done beside the lock table, and with one counter for
//! all threads instead.

use std::cell::Cell;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kvstore::__bench::Locks;
use kvstore::{Map, MapStore};

use super::contend::in_turn;
use super::crew::{Timed, work};
use super::sides::Guards;
use super::{KEYS_EACH, Plan, Result, cores};

/// As many as kvstore has.
const HANDLES: usize = 16;

/// On two cache lines of its own, with the counter before it.
#[repr(align(128))]
struct Padded(#[expect(dead_code, reason = "it stands for a namespace")] usize);

/// A number for each thread, as kvstore finds its counters.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: Cell<Option<usize>> = const { Cell::new(None) });
    NUMBER.get().unwrap_or_else(|| {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        NUMBER.set(Some(number));
        number
    })
}

/// Something that a thread does; told the number of the thread and of the turn.
type Turn<'a> = Box<dyn Fn(usize, u64) -> Result<()> + Sync + 'a>;

/// What is done, and what it takes: nanoseconds of a core, by number of threads and round.
pub(super) struct Cost {
    pub(super) name: &'static str,
    pub(super) nanos: Vec<Vec<f64>>,
}

/// The rows that tell what one counter for all costs beside a lock, and what several do.
pub(super) const ONE_COUNTER: &str = "lock table, and one counter for all threads";
/// As above.
pub(super) const PADDED: &str = "lock table, and 16 padded counters";

fn key(thread: usize, turn: u64) -> u64 {
    1 + thread as u64 * KEYS_EACH + turn % KEYS_EACH
}

fn take(map: &MapStore<Map<u64, u64>>, thread: usize, turn: u64) -> Result<()> {
    map.lock(key(thread, turn))?.ok_or("missing")?.release();
    Ok(())
}

/// Lets the threads take and release keys of their own.
pub(super) fn measure(memory: &Guards, disk: &Guards, plan: &Plan) -> Result<Vec<Cost>> {
    let most = plan.threads.iter().copied().max().unwrap_or(1);
    let clones = |guards: &Guards| -> Vec<_> { (0..most).map(|_| guards.map().clone()).collect() };
    let (in_memory, on_disk) = (clones(memory), clones(disk));
    let own = |maps: &[MapStore<Map<u64, u64>>], thread: usize, turn| {
        take(maps.get(thread).ok_or("more threads than handles")?, thread, turn)
    };
    let locks = Locks::default();
    let lock = |thread, turn| locks.lock(&key(thread, turn).to_be_bytes()).ok_or("not locked");
    let one = Arc::new(Padded(0));
    let padded: [_; HANDLES] = std::array::from_fn(|number| Arc::new(Padded(number)));
    let mine = || padded.get(thread_number() % HANDLES).map(Arc::clone);
    let turns: [(&'static str, Turn<'_>); 9] = [
        ("guard in memory, one handle", Box::new(|thread, turn| take(memory.map(), thread, turn))),
        ("guard in memory, a handle for each thread", Box::new(|thread, turn| own(&in_memory, thread, turn))),
        ("guard on disk, one handle", Box::new(|thread, turn| take(disk.map(), thread, turn))),
        ("guard on disk, a handle for each thread", Box::new(|thread, turn| own(&on_disk, thread, turn))),
        (
            "lock table",
            Box::new(|thread, turn| {
                black_box(lock(thread, turn)?);
                Ok(())
            }),
        ),
        (
            ONE_COUNTER,
            Box::new(|thread, turn| {
                let _held = lock(thread, turn)?;
                black_box(Arc::clone(&one));
                Ok(())
            }),
        ),
        (
            PADDED,
            Box::new(|thread, turn| {
                let _held = lock(thread, turn)?;
                black_box(mine());
                Ok(())
            }),
        ),
        (
            "one counter for all threads, without the lock",
            Box::new(|_, _| {
                black_box(Arc::clone(&one));
                Ok(())
            }),
        ),
        (
            "16 padded counters, without the lock",
            Box::new(|_, _| {
                black_box(mine());
                Ok(())
            }),
        ),
    ];
    let mut costs: Vec<_> =
        turns.iter().map(|(name, _)| Cost { name, nanos: plan.threads.iter().map(|_| Vec::new()).collect() }).collect();
    for round in 0..=plan.rounds {
        eprintln!("counters, round {round} of {}", plan.rounds);
        for (place, threads) in plan.threads.iter().enumerate() {
            for index in in_turn(round, turns.len()) {
                let (Some((_, turn)), Some(cost)) = (turns.get(index), costs.get_mut(index)) else { continue };
                let shift = work(*threads, plan.duration, Timed::No, turn)?;
                if round > 0 {
                    let busy = (*threads).min(cores()) as f64;
                    cost.nanos.get_mut(place).ok_or("no such place")?.push(1e9 * busy / shift.rate());
                }
            }
        }
    }
    if locks.held() > 0 || padded.iter().any(|counter| Arc::strong_count(counter) > 1) {
        return Err("something is still held".into());
    }
    Ok(costs)
}
