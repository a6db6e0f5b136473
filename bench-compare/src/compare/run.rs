//! Runs the workloads on the stores, in turns.

use std::hint::black_box;
use std::path::Path;
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use super::workload::{Op, Turn, Work, Workload, units};
use super::zipf::Zipf;
use crate::Result;
use crate::peers::{Durability, Encoding, Opening, Peer, Promise, Record, Setting, Span, Store};

/// Entries that are loaded in one commit.
const LOAD: u64 = 1_000;
/// Scans of all entries are long enough for so few of them.
const SCANS: usize = 7;
/// By how much fewer short scans there are than other operations.
const SHORTER: u64 = 10;

/// One store, open and filled.
pub(crate) struct Side<R: Record> {
    pub(crate) heading: &'static str,
    pub(crate) setting: Setting,
    peer: Box<dyn Peer<R>>,
    /// Entries added since it was filled.
    grown: u64,
}

impl<R: Record> Side<R> {
    /// Whether it can do the workload at the durability asked for.
    ///
    /// What syncs each commit although that was not asked for would only be shown to be slow.
    pub(crate) fn runs(&self, workload: Workload) -> bool {
        !(workload.writes() && self.setting.promise == Promise::Stronger)
    }
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Amount {
    pub(crate) threads: u64,
    /// Rounds that count, after one that does not.
    pub(crate) rounds: usize,
    /// Operations of a thread in a round.
    pub(crate) operations: u64,
}

/// Nanoseconds a unit, of one workload: by store, then by round; empty for a store that does not run it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) workload: Workload,
    pub(crate) samples: Vec<Vec<f64>>,
}

/// All stores, filled with the same entries.
pub(crate) struct Field<R: Record> {
    pub(crate) sides: Vec<Side<R>>,
    entries: u64,
    generation: u64,
    zipf: Zipf,
}

impl<R: Work> Field<R> {
    /// Opens and fills the stores, in turns, in an order of keys without locality.
    pub(crate) fn open(
        dir: &Path,
        stores: &[(Store, Encoding)],
        entries: u64,
        durability: Durability,
        cache_bytes: usize,
    ) -> Result<Self> {
        let mut sides = Vec::new();
        for (store, encoding) in stores {
            let heading = store.heading(*encoding);
            let dir = dir.join(sides.len().to_string());
            std::fs::create_dir(&dir)?;
            let peer: Box<dyn Peer<R>> = store.open(*encoding, &Opening { dir: &dir, durability, cache_bytes })?;
            sides.push(Side { heading, setting: peer.setting(), peer, grown: 0 });
        }
        let mut taken = vec![Duration::ZERO; sides.len()];
        // Prime, and larger than any count divisible by it that is likely to be asked for.
        let stride = 7_368_787;
        for start in (0..entries).step_by(usize::try_from(LOAD)?) {
            let numbers = (start..entries.min(start + LOAD)).map(|number| number * stride % entries);
            let chunk: Vec<_> = numbers.map(|number| (R::key(number), R::numbered(number))).collect();
            for (side, taken) in sides.iter().zip(&mut taken) {
                let chunk = chunk.clone();
                let start = Instant::now();
                ensure(side.peer.batch(chunk)?, "load", &())?;
                *taken += start.elapsed();
            }
        }
        for (side, taken) in sides.iter().zip(taken) {
            eprintln!("  {}: {:.1} s", side.heading, taken.as_secs_f64());
        }
        // What the stores do in the background after it shall not count.
        thread::sleep(Duration::from_millis(entries / 500));
        Ok(Self { sides, entries, generation: 0, zipf: Zipf::new(entries) })
    }

    /// Measures one workload after the other.
    pub(crate) fn run(&mut self, workloads: &[Workload], amount: Amount) -> Result<Vec<Row>> {
        let mut rows = Vec::new();
        for workload in workloads {
            let start = Instant::now();
            let mut amount = amount;
            if *workload == Workload::Scan {
                amount.rounds = amount.rounds.min(SCANS);
            }
            if *workload == Workload::YcsbE {
                amount.operations = (amount.operations / SHORTER).max(1);
            }
            let mut first = self.generation;
            if *workload == Workload::Remove {
                // What is to be removed must be there: `create` has left it, or is run for this.
                if !workloads.contains(&Workload::Create) {
                    self.rounds(Workload::Create, first, amount)?;
                }
                first = self.generation - (amount.rounds as u64 + 1);
            }
            let samples = self.rounds(*workload, first, amount)?;
            eprintln!("  {}: {:.1} s", workload.name(), start.elapsed().as_secs_f64());
            rows.push(Row { workload: *workload, samples });
        }
        Ok(rows)
    }

    #[cfg(test)]
    pub(crate) fn peer(&self, number: usize) -> &dyn Peer<R> {
        &*self.sides[number].peer
    }

    /// The rounds of a workload; the stores take turns, in another order each time.
    fn rounds(&mut self, workload: Workload, first: u64, amount: Amount) -> Result<Vec<Vec<f64>>> {
        let mut samples = vec![Vec::new(); self.sides.len()];
        for round in 0..=amount.rounds {
            let mut order: Vec<_> = (0..self.sides.len()).collect();
            order.rotate_left(round / 2 % self.sides.len());
            if round % 2 == 1 {
                order.reverse();
            }
            for number in order {
                let side = &mut self.sides[number];
                if !side.runs(workload) {
                    continue;
                }
                let turn = |thread| Turn {
                    workload,
                    entries: self.entries,
                    grown: side.grown,
                    thread,
                    threads: amount.threads,
                    operations: amount.operations,
                    generation: first + round as u64,
                    zipf: &self.zipf,
                };
                let operations: Vec<_> = (0..amount.threads).map(|thread| R::operations(&turn(thread))).collect();
                let units: u64 = operations.iter().map(|operations| units(workload, operations)).sum();
                let taken = time(&*side.peer, operations)
                    .map_err(|error| format!("{}, {}: {error}", side.heading, workload.name()))?;
                side.grown = side.grown.saturating_add_signed(R::growth(workload, amount.threads, amount.operations));
                if round > 0 {
                    samples[number].push(taken.as_nanos() as f64 / units as f64);
                }
            }
        }
        self.generation = self.generation.max(first + amount.rounds as u64 + 1);
        Ok(samples)
    }
}

/// Runs the operations of each thread, which start together, and says how long all of them took.
fn time<R: Record>(peer: &dyn Peer<R>, mut operations: Vec<Vec<Op<R>>>) -> Result<Duration> {
    if operations.len() == 1 {
        let operations = operations.remove(0);
        let start = Instant::now();
        execute(peer, operations)?;
        return Ok(start.elapsed());
    }
    let barrier = Barrier::new(operations.len());
    let times: Vec<(Instant, Instant)> = thread::scope(|scope| {
        let run = |operations| {
            barrier.wait();
            let start = Instant::now();
            execute(peer, operations)?;
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>((start, Instant::now()))
        };
        let threads: Vec<_> = operations.into_iter().map(|operations| scope.spawn(move || run(operations))).collect();
        threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked")?).collect::<Result<_>>()
    })?;
    let start = times.iter().map(|time| time.0).min();
    let end = times.iter().map(|time| time.1).max();
    Ok(end.zip(start).map(|(end, start)| end - start).unwrap_or_default())
}

/// Runs the operations one after the other, and checks what they answer.
fn execute<R: Record>(peer: &dyn Peer<R>, operations: Vec<Op<R>>) -> Result<()> {
    for operation in operations {
        match operation {
            Op::Create { key, value } => ensure(peer.create(key, value)?, "create", &())?,
            Op::Read { key, number } => {
                let mut right = false;
                let found = peer.read(key, &mut |value| right = black_box(value).is_of(number))?;
                ensure(found && right, "read", &number)?;
            }
            Op::Change { key } => ensure(peer.change(key, &mut R::change)?, "change", &())?,
            Op::Put { key, value } => peer.put(key, value)?,
            Op::Batch(entries) => ensure(peer.batch(entries)?, "batch", &())?,
            Op::ScanAll { count } => {
                let read = scan(peer, Span::All, usize::MAX)?;
                ensure(read == count, "scan", &read)?;
            }
            Op::ScanFrom { key, limit, exactly } => {
                let read = scan(peer, Span::From(&key), usize::try_from(limit)?)?;
                ensure(read == limit || !exactly && (1..limit).contains(&read), "scan", &read)?;
            }
            Op::ScanPrefix { prefix, count } => {
                let read = scan(peer, Span::Prefix(&prefix), usize::MAX)?;
                ensure(read == count, "prefix scan", &read)?;
            }
            Op::Remove { key } => ensure(peer.remove(key)?, "remove", &())?,
        }
    }
    Ok(())
}

/// Scans, and counts.
fn scan<R: Record>(peer: &dyn Peer<R>, span: Span<'_>, limit: usize) -> Result<u64> {
    let mut count = 0;
    peer.scan(span, limit, &mut |key, value| {
        black_box((key, value));
        count += 1;
    })?;
    Ok(count)
}

/// Nobody is fast by answering wrongly.
fn ensure(right: bool, what: &str, answer: &dyn std::fmt::Debug) -> Result<()> {
    if right { Ok(()) } else { Err(format!("wrong answer to {what}: {answer:?}").into()) }
}
