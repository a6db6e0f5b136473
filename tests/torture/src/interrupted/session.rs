//! What a child said until it was killed, and what follows from it.

use std::collections::BTreeSet;
use std::time::Duration;

use kvstore_tests::TestResult;

use super::op::Op;
use super::plan::{Phase, Plan};
use super::state::{State, after};

/// A session of which every line was read.
#[derive(Debug)]
pub(super) struct Session {
    plan: Plan,
    /// The state in the beginning, and after each acknowledged operation that changed something.
    pub(super) states: Vec<State>,
    /// For each state, the newest log and its size.
    pub(super) logs: Vec<(u64, u64)>,
    /// Operations that began and did not end.
    in_flight: BTreeSet<usize>,
    ended: usize,
    /// Checkpoints that were begun.
    pub(super) checkpoints: Vec<Checkpoint>,
    /// Namespaces whose dropping was acknowledged.
    pub(super) dropped: BTreeSet<String>,
    /// The highest of all generated keys.
    pub(super) highest_key: u64,
    /// Warnings that it wrote.
    pub(super) warnings: Vec<String>,
    /// How long phases took.
    pub(super) took: Vec<(Phase, Duration)>,
}

/// A checkpoint: it holds one of a range of states.
#[derive(Debug)]
pub(super) struct Checkpoint {
    number: usize,
    pub(super) name: String,
    /// The first of them, acknowledged when it began.
    pub(super) first: usize,
    /// The last of them; none where it was not acknowledged.
    pub(super) last: Option<usize>,
}

impl Session {
    pub(super) fn new(plan: Plan, state: State, highest_key: u64) -> Self {
        Self {
            plan,
            states: vec![state],
            logs: vec![(0, 0)],
            in_flight: BTreeSet::new(),
            ended: 0,
            checkpoints: Vec::new(),
            dropped: BTreeSet::new(),
            highest_key,
            warnings: Vec::new(),
            took: Vec::new(),
        }
    }

    /// Takes a line.
    ///
    /// # Errors
    /// What failed, and a generated key that is not above all before.
    pub(super) fn take(&mut self, line: &str) -> TestResult {
        let words: Vec<_> = line.split_whitespace().collect();
        match words[..] {
            ["begin", number] => self.begin(number.parse()?),
            ["end", number, micros, ref found @ ..] => {
                let found = found.iter().map(|number| number.parse()).collect::<Result<Vec<u64>, _>>()?;
                self.end(number.parse()?, Duration::from_micros(micros.parse()?), &found)?;
            }
            ["warning:", ..] => self.warnings.push(line.to_owned()),
            ["failed", number, ..] => {
                let op = self.plan.ops.get(number.parse::<usize>()?);
                return Err(format!("`{}` {line}", op.map(ToString::to_string).unwrap_or_default()).into());
            }
            _ => return Err(format!("a line `{line}`").into()),
        }
        Ok(())
    }

    fn begin(&mut self, number: usize) {
        self.in_flight.insert(number);
        if let Some(Op::Checkpoint { name }) = self.plan.ops.get(number) {
            let (name, first) = (name.clone(), self.states.len() - 1);
            self.checkpoints.push(Checkpoint { number, name, first, last: None });
        }
    }

    fn end(&mut self, number: usize, took: Duration, found: &[u64]) -> TestResult {
        self.in_flight.remove(&number);
        self.ended += 1;
        let op = self.plan.ops.get(number).ok_or("an unknown operation")?;
        if let Some(phase) = self.phase(number, op) {
            self.took.push((phase, took));
        }
        match (op, found) {
            (Op::Lease { .. }, &[first, last]) => {
                if first <= self.highest_key {
                    return Err(format!("the key {first} was given out after {}", self.highest_key).into());
                }
                self.highest_key = last;
            }
            (Op::Checkpoint { .. }, _) => {
                let last = self.states.len() - 1 + usize::from(self.possible().is_some());
                let checkpoint = self.checkpoints.iter_mut().find(|checkpoint| checkpoint.number == number);
                checkpoint.ok_or("it never began")?.last = Some(last);
            }
            (Op::Drop { namespace }, _) => {
                self.dropped.insert(namespace.clone());
            }
            _ => {}
        }
        if let Some(state) = self.states.last().and_then(|state| after(state, op)) {
            self.states.push(state);
            let &[log, size] = found else { return Err("no log is told".into()) };
            self.logs.push((log, size));
        }
        Ok(())
    }

    /// What may be there beside the last state: the effect of the operation that was cut off.
    pub(super) fn possible(&self) -> Option<State> {
        self.in_flight.iter().find_map(|number| after(self.states.last()?, self.plan.ops.get(*number)?))
    }

    /// Whether the child is in the operation in which it is to be killed.
    pub(super) fn is_in_target(&self) -> bool {
        self.in_flight.contains(&self.plan.target)
    }

    /// Whether it has nothing more to do.
    pub(super) fn is_idle(&self) -> bool {
        self.ended == self.plan.ops.len()
    }

    fn phase(&self, number: usize, op: &Op) -> Option<Phase> {
        match op {
            _ if number == self.plan.target => Some(self.plan.phase),
            Op::Open { .. } => Some(Phase::Opening),
            Op::Close => Some(Phase::Closing),
            Op::Create { .. } => Some(Phase::Namespace),
            Op::Drop { .. } => Some(Phase::Dropping),
            Op::Grow { .. } => Some(Phase::Growing),
            Op::Sync => Some(Phase::Syncing),
            Op::Lease { .. } => Some(Phase::Leasing),
            Op::Checkpoint { .. } => Some(Phase::Checkpoint),
            Op::Write(_) | Op::Join | Op::Fuse { .. } => None,
        }
    }
}
