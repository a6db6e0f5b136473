//! What a child is to do before it is killed, and in which of these things.

use std::collections::BTreeSet;

use fastrand::Rng;

use super::op::{Change, Op};
use super::state::{GROWN, KEYS, LEVELS, State, after, level};

/// In what a process is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// The first opening of a directory.
    Creating,
    /// Opening after a kill: by another process.
    Recovering,
    /// Opening after a clean close.
    Opening,
    /// The first opening of a store.
    Namespace,
    /// The first write of a program with a grown struct.
    Growing,
    /// The lease of a block of generated keys.
    Leasing,
    /// Dropping a namespace.
    Dropping,
    /// Writing a checkpoint, while commits go on.
    Checkpoint,
    /// Syncing.
    Syncing,
    /// Closing.
    Closing,
    /// In nothing: the log is torn afterwards, for recovery to have something to do.
    Idle,
}

impl Phase {
    /// What is planned by chance. `Creating` comes first, and `Recovering` after each.
    const PLANNED: [Self; 9] = [
        Self::Opening,
        Self::Namespace,
        Self::Growing,
        Self::Leasing,
        Self::Dropping,
        Self::Checkpoint,
        Self::Syncing,
        Self::Closing,
        Self::Idle,
    ];

    /// One of those that are planned.
    pub(super) fn any(rng: &mut Rng) -> Self {
        rng.choice(Self::PLANNED).unwrap_or(Self::Idle)
    }

    /// About how many changes it makes to files: after which of them a process is killed, is chosen by chance.
    pub(super) fn changes(self) -> u64 {
        match self {
            Self::Creating => 36,
            Self::Recovering => 32,
            Self::Opening => 28,
            Self::Checkpoint => 30,
            Self::Dropping => 20,
            Self::Closing => 5,
            Self::Namespace | Self::Growing | Self::Leasing | Self::Syncing | Self::Idle => 2,
        }
    }

    /// What it is called in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Creating => "kills while creating",
            Self::Recovering => "kills while recovering",
            Self::Opening => "kills while opening",
            Self::Namespace => "kills in making a namespace",
            Self::Growing => "kills in growing a schema",
            Self::Leasing => "kills in leasing keys",
            Self::Dropping => "kills in dropping a namespace",
            Self::Checkpoint => "kills in a checkpoint",
            Self::Syncing => "kills in a sync",
            Self::Closing => "kills while closing",
            Self::Idle => "kills before a torn log",
        }
    }
}

/// Operations, and in which of them the child is to be killed.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) phase: Phase,
    pub(super) ops: Vec<Op>,
    pub(super) target: usize,
}

/// Every session ends with so many commits, with nothing synced between them.
pub(super) const LAST_WRITES: usize = 6;
/// Namespaces that come and go.
const PASSING: [&str; 3] = ["passing-a", "passing-b", "passing-c"];
/// Two stores that are written together.
const PAIR: [&str; 2] = ["left", "right"];
/// Keys of the pair.
const PAIR_KEYS: u64 = 40;

/// Plans a session on a database in a state.
pub(super) fn plan(rng: &mut Rng, state: &State, phase: Phase, stamps: &mut u64) -> Plan {
    let mut planner = Planner { rng, state: state.clone(), ops: Vec::new(), used: BTreeSet::new(), stamps, phase };
    planner.open();
    let mut target = 0;
    if phase != Phase::Creating {
        planner.prepare();
        target = planner.aim();
    }
    // A kill that comes late meets something, too.
    for _ in 0..LAST_WRITES {
        planner.write_pair();
    }
    if phase == Phase::Checkpoint {
        planner.push(Op::Join);
    }
    Plan { phase, ops: planner.ops, target }
}

struct Planner<'a> {
    rng: &'a mut Rng,
    /// After all that is planned.
    state: State,
    ops: Vec<Op>,
    /// The namespaces of which this session has opened a store.
    used: BTreeSet<String>,
    stamps: &'a mut u64,
    phase: Phase,
}

impl Planner<'_> {
    fn push(&mut self, op: Op) {
        if let Some(state) = after(&self.state, &op) {
            self.state = state;
        }
        self.ops.push(op);
    }

    fn open(&mut self) {
        // Only a session that is not synced ends with a log that a power loss may tear.
        let sync = self.phase != Phase::Idle && self.rng.bool();
        self.used.clear();
        self.push(Op::Open { sync });
    }

    fn reopen(&mut self) {
        self.push(Op::Close);
        self.open();
    }

    /// Some commits, so that there is something to lose.
    fn prepare(&mut self) {
        for namespace in [PAIR[0], PAIR[1], KEYS] {
            self.create(namespace);
        }
        for _ in 0..self.rng.u8(1..6) {
            match self.rng.u8(..8) {
                0 => self.push(Op::Sync),
                1 => self.lease(),
                2 | 3 => {
                    self.fill_passing();
                }
                _ => self.write_pair(),
            }
        }
    }

    /// What leads to the phase, and its operation; answers the number of that.
    fn aim(&mut self) -> usize {
        match self.phase {
            Phase::Creating | Phase::Recovering | Phase::Idle => return self.ops.len(),
            Phase::Opening => self.reopen(),
            Phase::Namespace => {
                let namespace = self.rng.choice(PASSING).unwrap_or(PASSING[0]);
                self.drop(namespace);
                self.create(namespace);
            }
            Phase::Growing => {
                let reached = match level(&self.state) {
                    Some(reached) if reached < LEVELS => reached,
                    _ => {
                        self.drop(GROWN);
                        self.create(GROWN);
                        self.grow(1);
                        1
                    }
                };
                self.reopen();
                let more = self.rng.u8(1..=LEVELS - reached);
                self.grow(reached + more);
            }
            Phase::Leasing => {
                // A new session leases with its first key.
                self.reopen();
                self.lease();
            }
            Phase::Dropping => {
                let namespace = self.fill_passing();
                let namespace = if self.state.contains_key(GROWN) && self.rng.bool() { GROWN } else { namespace };
                self.drop(namespace);
            }
            Phase::Checkpoint => {
                let name = format!("copy-{}", self.stamp());
                self.push(Op::Checkpoint { name });
            }
            Phase::Syncing => self.push(Op::Sync),
            Phase::Closing => {
                self.push(Op::Close);
                self.open();
                return self.ops.len() - 2;
            }
        }
        self.ops.len() - 1
    }

    fn create(&mut self, namespace: &str) {
        if !self.state.contains_key(namespace) {
            self.used.insert(namespace.into());
            self.push(Op::Create { namespace: namespace.into() });
        }
    }

    fn drop(&mut self, namespace: &str) {
        if self.state.contains_key(namespace) {
            if self.used.contains(namespace) {
                self.reopen();
            }
            self.push(Op::Drop { namespace: namespace.into() });
        }
    }

    fn stamp(&mut self) -> u64 {
        *self.stamps += 1;
        *self.stamps
    }

    fn lease(&mut self) {
        let keys = self.rng.u64(1..1_500);
        self.push(Op::Lease { keys });
    }

    fn grow(&mut self, level: u8) {
        let (key, stamp) = (self.rng.u64(..20), self.stamp());
        self.used.insert(GROWN.into());
        self.push(Op::Grow { level, key, stamp });
    }

    /// Puts or deletes one key in both stores of the pair.
    fn write_pair(&mut self) {
        for namespace in PAIR {
            self.create(namespace);
        }
        let (key, stamp) = (self.rng.u64(..PAIR_KEYS), self.stamp());
        let is_there = self.state.get(PAIR[0]).is_some_and(|pair| pair.entries.contains_key(&key));
        let stamp = if is_there && self.rng.bool() { None } else { Some(stamp) };
        self.write(PAIR.map(|namespace| Change { namespace: namespace.into(), key, stamp }).into());
    }

    /// Puts many entries into a namespace that is to be dropped one day.
    fn fill_passing(&mut self) -> &'static str {
        let namespace = self.rng.choice(PASSING).unwrap_or(PASSING[0]);
        self.create(namespace);
        let count = self.rng.usize(1..100);
        let changes = (0..count).map(|_| {
            let (key, stamp) = (self.rng.u64(..1_000), self.stamp());
            Change { namespace: namespace.into(), key, stamp: Some(stamp) }
        });
        // A batch has each key once.
        let mut changes: Vec<_> = changes.collect();
        changes.sort_by_key(|change| change.key);
        changes.dedup_by_key(|change| change.key);
        self.write(changes);
        namespace
    }

    fn write(&mut self, changes: Vec<Change>) {
        self.used.extend(changes.iter().map(|change| change.namespace.clone()));
        self.push(Op::Write(changes));
    }
}
