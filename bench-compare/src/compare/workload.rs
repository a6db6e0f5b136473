//! What is asked of the stores: the same operations on the same values in the same order, for each of them.

use clap::ValueEnum;

use super::zipf::{Zipf, scramble};
use crate::peers::{Job, Record, Ycsb};

/// Entries that `get, hot` reads.
const HOT: u64 = 4_000;
/// Entries of a prefix.
const PREFIX: u64 = 100;
/// Entries of a batch.
pub(crate) const BATCH: u64 = 10;
/// YCSB's longest scan, and how many operations there are to an insert in D and E.
const LONGEST: u64 = 100;
const INSERT_EVERY: u64 = 20;

/// The workloads by name, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Workload {
    GetHot,
    GetCold,
    Change,
    Scan,
    Prefix,
    Create,
    Remove,
    Batch,
    YcsbA,
    YcsbB,
    YcsbC,
    YcsbD,
    YcsbE,
    YcsbF,
}

impl Workload {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GetHot => "get, hot",
            Self::GetCold => "get, cold",
            Self::Change => "lock, change, commit",
            Self::Scan => "scan, an entry",
            Self::Prefix => "prefix scan, an entry",
            Self::Create => "create",
            Self::Remove => "remove",
            Self::Batch => "batch of 10",
            Self::YcsbA => "YCSB A (50% update)",
            Self::YcsbB => "YCSB B (5% update)",
            Self::YcsbC => "YCSB C (reads)",
            Self::YcsbD => "YCSB D (latest)",
            Self::YcsbE => "YCSB E (short scans)",
            Self::YcsbF => "YCSB F (read-modify-write)",
        }
    }

    pub(crate) fn is_ycsb(self) -> bool {
        self as u8 >= Self::YcsbA as u8
    }

    /// Whether there are commits among its operations.
    pub(crate) fn writes(self) -> bool {
        !matches!(self, Self::GetHot | Self::GetCold | Self::Scan | Self::Prefix | Self::YcsbC)
    }

    /// Whether it is worth its time where each commit is synced: at least half of its operations write.
    pub(crate) fn worth_syncing(self) -> bool {
        self.writes() && !matches!(self, Self::YcsbB | Self::YcsbD | Self::YcsbE)
    }
}

/// One operation, with what it has to answer.
#[derive(Clone)]
pub(crate) enum Op<R> {
    Create { key: String, value: R },
    Read { key: String, number: u64 },
    Change { key: String },
    Put { key: String, value: R },
    Batch(Vec<(String, R)>),
    ScanAll { count: u64 },
    ScanFrom { key: String, limit: u64, exactly: bool },
    ScanPrefix { prefix: String, count: u64 },
    Remove { key: String },
}

impl<R> Op<R> {
    /// By what its time is divided: the entries of a scan, the whole of everything else.
    fn units(&self, workload: Workload) -> u64 {
        match self {
            Self::ScanAll { count } | Self::ScanPrefix { count, .. } => *count,
            Self::ScanFrom { limit, .. } if workload == Workload::Scan => *limit,
            _ => 1,
        }
    }
}

/// The units of all the operations.
pub(crate) fn units<R>(workload: Workload, operations: &[Op<R>]) -> u64 {
    operations.iter().map(|operation| operation.units(workload)).sum()
}

/// What one thread does in one round.
pub(crate) struct Turn<'a> {
    pub(crate) workload: Workload,
    /// Loaded at the beginning.
    pub(crate) entries: u64,
    /// Added since.
    pub(crate) grown: u64,
    pub(crate) thread: u64,
    pub(crate) threads: u64,
    pub(crate) operations: u64,
    /// Makes the keys of a round that creates differ from all others'.
    pub(crate) generation: u64,
    pub(crate) zipf: &'a Zipf,
}

impl Turn<'_> {
    fn random(&self) -> fastrand::Rng {
        // Create and remove of one generation are of the same keys, as is all else of one turn.
        fastrand::Rng::with_seed(scramble(self.generation << 16 | self.thread))
    }
}

/// A record with workloads of its own.
pub(crate) trait Work: Record {
    /// The key of an entry that is there from the beginning.
    fn key(number: u64) -> String;
    /// What a thread does in a round.
    fn operations(turn: &Turn<'_>) -> Vec<Op<Self>>;
    /// How many entries a round adds, all threads together; those that are removed count as negative.
    fn growth(workload: Workload, threads: u64, operations: u64) -> i64;
}

/// A directory of a hundred files, of the keys of jobs.
fn directory(number: u64) -> String {
    format!("/data/incoming/{number:06}")
}

impl Work for Job {
    fn key(number: u64) -> String {
        format!("{}/{:02}", directory(number / PREFIX), number % PREFIX)
    }

    fn operations(turn: &Turn<'_>) -> Vec<Op<Self>> {
        let mut random = turn.random();
        let directories = (turn.entries / PREFIX).max(1);
        // Beside the entries that are there, spread over all of them, and no two alike.
        let fresh = |kind: char, number: u64, random: &mut fastrand::Rng| {
            let beside = directory(random.u64(..directories));
            format!("{beside}+{kind}{:05}-{:02}-{number:06}", turn.generation, turn.thread)
        };
        let numbers = 0..turn.operations;
        match turn.workload {
            Workload::GetHot => {
                let hot = HOT.min(turn.entries);
                let (stride, first) = (turn.entries / hot, random.u64(..hot));
                let read = |number: u64| {
                    let number = (first + number * 7_919) % hot * stride;
                    Op::Read { key: Self::key(number), number }
                };
                numbers.map(read).collect()
            }
            Workload::Change => numbers
                .map(|_| {
                    let slice = turn.entries / turn.threads;
                    Op::Change { key: Self::key(random.u64(..slice) * turn.threads + turn.thread) }
                })
                .collect(),
            Workload::Scan if turn.threads == 1 => vec![Op::ScanAll { count: turn.entries + turn.grown }],
            Workload::Scan => {
                let limit = turn.entries / turn.threads;
                vec![Op::ScanFrom { key: Self::key(turn.thread * limit), limit, exactly: true }]
            }
            Workload::Prefix => (0..turn.operations.div_ceil(PREFIX))
                .map(|_| Op::ScanPrefix { prefix: directory(random.u64(..directories)) + "/", count: PREFIX })
                .collect(),
            Workload::Create => numbers
                .map(|number| Op::Create { key: fresh('c', number, &mut random), value: Self::numbered(number) })
                .collect(),
            Workload::Remove => numbers.map(|number| Op::Remove { key: fresh('c', number, &mut random) }).collect(),
            Workload::Batch => (0..turn.operations.div_ceil(BATCH))
                .map(|batch| {
                    let numbers = batch * BATCH..(batch + 1) * BATCH;
                    Op::Batch(numbers.map(|number| (fresh('b', number, &mut random), Self::numbered(number))).collect())
                })
                .collect(),
            // And `get, cold`.
            _ => numbers
                .map(|_| {
                    let number = random.u64(..turn.entries);
                    Op::Read { key: Self::key(number), number }
                })
                .collect(),
        }
    }

    fn growth(workload: Workload, threads: u64, operations: u64) -> i64 {
        let each = match workload {
            Workload::Create => operations.cast_signed(),
            Workload::Remove => -operations.cast_signed(),
            Workload::Batch => (operations.div_ceil(BATCH) * BATCH).cast_signed(),
            _ => 0,
        };
        each * threads.cast_signed()
    }
}

impl Work for Ycsb {
    fn key(number: u64) -> String {
        format!("user{:020}", scramble(number))
    }

    fn operations(turn: &Turn<'_>) -> Vec<Op<Self>> {
        let mut random = turn.random();
        let inserts = turn.operations.div_ceil(INSERT_EVERY);
        let first = turn.entries + turn.grown + turn.thread * inserts;
        let operation = |number: u64| {
            let popular = scramble(turn.zipf.rank(&mut random)) % turn.entries;
            let key = Self::key(popular);
            let own = number.div_ceil(INSERT_EVERY);
            let create = || Op::Create { key: Self::key(first + own), value: Self::numbered(first + own) };
            match turn.workload {
                Workload::YcsbD | Workload::YcsbE if number.is_multiple_of(INSERT_EVERY) => create(),
                Workload::YcsbD => {
                    // The latest of its own, then what was there before the round.
                    let back = turn.zipf.rank(&mut random);
                    let number =
                        if back < own { first + own - 1 - back } else { first_of_round(turn) - 1 - (back - own) };
                    Op::Read { key: Self::key(number), number }
                }
                Workload::YcsbE => Op::ScanFrom { key, limit: random.u64(1..=LONGEST), exactly: false },
                Workload::YcsbA if random.bool() => Op::Put { key, value: Self::numbered(popular) },
                Workload::YcsbB if random.u8(..INSERT_EVERY as u8) == 0 => {
                    Op::Put { key, value: Self::numbered(popular) }
                }
                Workload::YcsbF if random.bool() => Op::Change { key },
                _ => Op::Read { key, number: popular },
            }
        };
        (0..turn.operations).map(operation).collect()
    }

    fn growth(workload: Workload, threads: u64, operations: u64) -> i64 {
        match workload {
            Workload::YcsbD | Workload::YcsbE => (operations.div_ceil(INSERT_EVERY) * threads).cast_signed(),
            _ => 0,
        }
    }
}

/// The number of the first entry that is added in the round.
fn first_of_round(turn: &Turn<'_>) -> u64 {
    turn.entries + turn.grown
}
