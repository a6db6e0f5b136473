//! Which faults there are, and in which order they are tried.

use crate::shim::{Call, Fault, How};

/// Numbers of `errno`, as Linux has them.
const EIO: i32 = 5;
const EMFILE: i32 = 24;
const ENOSPC: i32 = 28;
const EDQUOT: i32 = 122;

/// What the child does while the fault comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Scenario {
    /// It makes a database, runs the script in two sessions, and closes.
    Life {
        /// Whether commits are synced.
        sync: bool,
    },
    /// It opens a database whose log must be cut.
    Recovery,
}

impl Scenario {
    /// All of them.
    pub(super) const ALL: [Self; 3] = [Self::Life { sync: false }, Self::Life { sync: true }, Self::Recovery];

    /// Whether commits are synced.
    pub(super) fn is_sync(self) -> bool {
        self == Self::Life { sync: true }
    }
}

/// Faults that differ only in their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Class {
    /// What the child does.
    pub(super) scenario: Scenario,
    /// What fails.
    pub(super) call: Call,
    /// With what.
    pub(super) errno: i32,
    /// For how long.
    pub(super) how: How,
}

/// All that fails at one place makes for the same states again and again: so many places are passed over.
const ALWAYS_EVERY: u64 = 16;

impl Class {
    /// All classes.
    pub(super) fn all() -> Vec<Self> {
        let kinds: [(Call, &[i32], &[i32]); 4] = [
            (Call::Write, &[EIO, ENOSPC, EDQUOT], &[EIO, ENOSPC]),
            (Call::Sync, &[EIO, ENOSPC, EDQUOT], &[EIO]),
            (Call::Open, &[EIO, ENOSPC, EDQUOT, EMFILE], &[ENOSPC, EMFILE]),
            (Call::Rename, &[EIO, ENOSPC, EDQUOT], &[EIO]),
        ];
        let mut classes = Vec::new();
        for scenario in Scenario::ALL {
            for (call, once, always) in kinds {
                let mut add = |errno, how| classes.push(Self { scenario, call, errno, how });
                for &errno in once {
                    add(errno, How::Once);
                }
                for &errno in always {
                    add(errno, How::Always);
                }
                match call {
                    Call::Write => {
                        add(ENOSPC, How::Short);
                        add(EIO, How::Short);
                    }
                    Call::Sync => add(EIO, How::Lost),
                    Call::Open | Call::Rename => {}
                }
            }
        }
        classes
    }

    fn every(self) -> u64 {
        if self.how == How::Always { ALWAYS_EVERY } else { 1 }
    }

    /// How many faults of this class there are where the child makes so many calls of the kind.
    pub(super) fn faults(self, calls: u64) -> u64 {
        calls.div_ceil(self.every())
    }

    /// One of the faults, from 0.
    pub(super) fn fault(self, index: u64) -> Fault {
        Fault { call: self.call, nth: index * self.every() + 1, errno: self.errno, how: self.how }
    }
}

/// A fault of a script. As a seed, so that `--seed` finds it again: the number of its class in the lowest byte, then its
/// index in three bytes, then the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Case {
    /// The number of the class.
    pub(super) class: usize,
    /// Which of its faults.
    pub(super) index: u64,
    /// The seed of the script.
    pub(super) script: u64,
}

impl Case {
    /// The seed that begins with this case.
    pub(super) fn seed(&self) -> u64 {
        self.script << 32 | (self.index & 0xFF_FFFF) << 8 | self.class as u64 & 0xFF
    }

    /// The case that a seed names, where there are so many classes.
    pub(super) fn of_seed(seed: u64, classes: usize) -> Self {
        let class = usize::from(seed.to_le_bytes()[0]) % classes.max(1);
        Self { class, index: seed >> 8 & 0xFF_FFFF, script: seed >> 32 }
    }
}

/// Every case of a script once, beginning with a given one; the first ones are spread over all classes and places.
#[derive(Debug)]
pub(super) struct Order {
    first: Case,
    /// For each class, how many faults it has, and how many were named.
    classes: Vec<(u64, u64)>,
    turn: usize,
}

impl Order {
    /// With so many faults in each class. The first case may lie a little behind the last of its class: what a child
    /// does in the background is not always the same number of calls.
    pub(super) fn new(first: Case, faults: impl IntoIterator<Item = u64>) -> Self {
        let classes: Vec<_> = faults.into_iter().map(|faults| (faults, 0)).collect();
        let count = classes.get(first.class).map_or(1, |(faults, _)| *faults).max(1);
        let index = if first.index < count + A_LITTLE { first.index } else { first.index % count };
        Self { first: Case { index, ..first }, classes, turn: first.class }
    }
}

/// So much the number of calls may differ.
const A_LITTLE: u64 = 50;

impl Iterator for Order {
    type Item = Case;

    fn next(&mut self) -> Option<Case> {
        // Whoever has no fault left is passed over.
        let count = self.classes.len();
        for _ in 0..count {
            let class = self.turn % count;
            // Each class begins at another place.
            let begin = (count + class - self.first.class) % count;
            let is_first = self.turn == self.first.class;
            self.turn += 1;
            let Some((faults, named)) = self.classes.get_mut(class) else { continue };
            if is_first && self.first.index >= *faults {
                return Some(self.first);
            }
            if *named < *faults {
                let index =
                    (self.first.index + *faults * begin as u64 / count as u64 + *named * stride(*faults)) % *faults;
                *named += 1;
                return Some(Case { class, index, script: self.first.script });
            }
        }
        None
    }
}

/// A step of about the golden ratio that meets every number below `count` once.
fn stride(count: u64) -> u64 {
    // One less than `count` is such a step, so that it is found before the end.
    (count * 618 / 1000..=count).find(|stride| gcd(*stride, count) == 1).unwrap_or(1)
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_case_comes_once() {
        let faults = [7, 0, 1, 1000, 16, 2];
        for seed in [2, 0x0600, 3 << 32 | 500 << 8 | 3] {
            let first = Case::of_seed(seed, faults.len());
            let order: Vec<_> = Order::new(first, faults).collect();
            let all: BTreeSet<_> = order.iter().map(|case| (case.class, case.index)).collect();
            assert_eq!((all.len(), order.len()), (1026, 1026));
            assert!(all.iter().all(|(class, index)| *index < faults[*class]));
        }
    }

    #[test]
    fn a_seed_begins_with_its_case() {
        for case in Order::new(Case::of_seed(5 << 32, 3), [40, 50, 60]) {
            assert_eq!(Case::of_seed(case.seed(), 3), case);
            assert_eq!(Order::new(case, [40, 50, 60]).next(), Some(case));
        }
        let behind = Case { class: 1, index: 52, script: 0 };
        assert_eq!(Order::new(behind, [40, 50, 60]).next(), Some(behind));
    }
}
