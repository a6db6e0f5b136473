//! The operations of the model test, made of a seed.

use fastrand::Rng;

/// One operation. Stores, keys, guards and snapshots are chosen by number, modulo how many there are: so an operation
/// means something in every state, and a sequence that fails can be shortened.
#[derive(Debug, Clone, Copy)]
pub(super) enum Op {
    /// On one store.
    On(u8, Deed),
    /// `lock_together` over a pair of stores.
    Together {
        pair: u8,
        keys: [u8; 3],
        number: u32,
        then: [Act; 2],
    },
    /// A batch of guards held in any stores: two bits of `picks` for each tell whether it is written or deleted.
    Batch {
        picks: u64,
        fate: Fate,
    },
    Snapshot,
    DropSnapshot(u8),
    /// What the catalog says.
    Namespaces,
    /// Opening a namespace as another type.
    OpenAnother(u8),
    DropNamespace(u8),
    /// Closing and opening; a bit of `dropped` for each namespace that is dropped then; by which program.
    Reopen {
        way: Way,
        dropped: u8,
        grown: bool,
    },
}

/// What is done with one store.
#[derive(Debug, Clone, Copy)]
pub(super) enum Deed {
    Create {
        key: u8,
        number: u32,
        then: [Act; 2],
    },
    LockOrCreate {
        key: u8,
        number: u32,
        then: [Act; 2],
    },
    /// `create` of a value whose key field is another.
    CreateMangled(u8),
    Lock {
        key: u8,
        how: How,
        then: [Act; 2],
    },
    LockAll {
        keys: [u8; 3],
        then: [Act; 2],
    },
    TryLockFirst {
        range: Range,
        then: [Act; 2],
    },
    CreateNext {
        number: u32,
        then: [Act; 2],
    },
    NextKey,
    Insert {
        key: u8,
        number: u32,
    },
    InsertMangled(u8),
    Update {
        key: u8,
        number: u32,
    },
    /// A change that is given up, or not.
    TryUpdate {
        key: u8,
        number: u32,
        fails: bool,
    },
    Replace {
        key: u8,
        number: u32,
    },
    Remove(u8),
    Take(u8),
    RemoveRange(Range),
    /// Many entries, so that scans have pages.
    Fill {
        from: u8,
        count: u8,
        number: u32,
    },
    /// The first entry over and over, as a queue's.
    Drain(u8),
    /// Two threads write two of the keys each, while two others search.
    Race {
        keys: [u8; 4],
        ranges: [Range; 2],
        number: u32,
    },
    /// On a guard that is held.
    Act {
        guard: u8,
        then: [Act; 2],
    },
    Ends,
    Read(Read),
    ReadPast(u8, Read),
    /// A scan that goes on while other operations come and go; of a snapshot where there is one of this number.
    BeginScan(u8, Scanning),
    ContinueScan {
        scan: u8,
        step: Step,
    },
    EndScan {
        scan: u8,
        keys_only: bool,
    },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum How {
    Lock,
    TryLock,
    LockFor,
}

/// What is done with a guard. After `Keep` it is held on.
#[derive(Debug, Clone, Copy)]
pub(super) enum Act {
    Keep,
    Change(u32),
    MarkChanged,
    /// Changes the key field, where there is one.
    Mangle,
    Save,
    Commit,
    Release,
    Drop,
    Delete,
}

/// What becomes of a batch.
#[derive(Debug, Clone, Copy)]
pub(super) enum Fate {
    Commit,
    Drop,
    /// One guard is taken back out, and the rest committed.
    TakeOneAndCommit,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Way {
    Close,
    /// With guards still held.
    CloseHolding,
    /// By dropping all there is.
    Drop,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Read {
    Get(u8),
    Contains(u8),
    Scan(Scanning),
}

/// How to scan.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scanning {
    pub(super) scope: Scope,
    pub(super) steps: [Step; 3],
    pub(super) keys_only: bool,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Scope {
    All,
    Range(Range),
    Prefix { key: u8, cut: u8 },
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    Nothing,
    StartingAt(u8),
    StartingAfter(u8),
    EndingBefore(u8),
    Reverse,
    Take(u8),
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Range {
    pub(super) form: Form,
    pub(super) start: u8,
    pub(super) end: u8,
}

impl Range {
    /// Of all keys.
    pub(super) const ALL: Self = Self { form: Form::Full, start: 0, end: 0 };
}

/// The forms in which a range is written.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Full,
    From,
    To,
    ToIncluded,
    HalfOpen,
    Closed,
    HalfOpenBorrowed,
    ClosedBorrowed,
    Bounds(End, End),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Included,
    Excluded,
    Unbounded,
}

/// The most keys of a store in a sequence.
const KEYS: u8 = 48;

/// The longest sequence.
const OPS: usize = 200;

/// Reopens come once in so many operations: they take by far the longest.
const REOPEN: u32 = 500;

/// Makes the operations of a sequence. Some sequences are about few keys of one store, others about all.
pub(super) fn sequence(rng: &mut Rng, stores: u8) -> Vec<Op> {
    let mut maker =
        Maker { stores: rng.u8(1..=stores), first: rng.u8(..stores), keys: rng.u8(2..=KEYS), all: stores, rng };
    let count = maker.rng.usize(1..=OPS);
    (0..count).map(|_| maker.op()).collect()
}

struct Maker<'r> {
    rng: &'r mut Rng,
    /// How many stores are in use, from which on.
    stores: u8,
    first: u8,
    /// How many keys are.
    keys: u8,
    all: u8,
}

impl Maker<'_> {
    fn op(&mut self) -> Op {
        if self.rng.u32(..REOPEN) == 0 {
            let way = self.rng.choice([Way::Close, Way::CloseHolding, Way::Drop]).unwrap_or(Way::Drop);
            // Few are dropped: that forgets what was written. The last more often, so that its program can be the old
            // one.
            let dropped = self.rng.u8(..) & self.rng.u8(..) & self.rng.u8(..) | self.rng.u8(..) & 1 << (self.all - 1);
            return Op::Reopen { way, dropped, grown: self.rng.bool() };
        }
        match self.rng.u8(..100) {
            0..=79 => Op::On(self.store(), self.deed()),
            80..=85 => Op::Together {
                pair: self.rng.u8(..),
                keys: [self.key(), self.key(), self.key()],
                number: self.rng.u32(..),
                then: self.then(),
            },
            86..=91 => {
                let fate = match self.rng.u8(..6) {
                    0 => Fate::Drop,
                    1 => Fate::TakeOneAndCommit,
                    _ => Fate::Commit,
                };
                Op::Batch { picks: self.rng.u64(..), fate }
            }
            92..=94 => Op::Snapshot,
            95 => Op::DropSnapshot(self.rng.u8(..)),
            96 => Op::Namespaces,
            97 => Op::OpenAnother(self.rng.u8(..self.all)),
            _ => Op::DropNamespace(self.rng.u8(..self.all)),
        }
    }

    fn store(&mut self) -> u8 {
        (self.first + self.rng.u8(..self.stores)) % self.all
    }

    fn key(&mut self) -> u8 {
        self.rng.u8(..self.keys)
    }

    fn deed(&mut self) -> Deed {
        let (key, number, then) = (self.key(), self.rng.u32(..), self.then());
        match self.rng.u8(..100) {
            0..=7 => Deed::Create { key, number, then },
            8..=13 => Deed::LockOrCreate { key, number, then },
            14 => Deed::CreateMangled(key),
            15..=22 => {
                let how = self.rng.choice([How::Lock, How::TryLock, How::LockFor]).unwrap_or(How::Lock);
                Deed::Lock { key, how, then }
            }
            23..=25 => Deed::LockAll { keys: [key, self.key(), self.key()], then },
            26..=31 => Deed::TryLockFirst { range: self.range(), then },
            32..=33 => Deed::CreateNext { number, then },
            34 => Deed::NextKey,
            35..=42 => Deed::Insert { key, number },
            43 => Deed::InsertMangled(key),
            44..=46 => Deed::Update { key, number },
            47..=48 => Deed::TryUpdate { key, number, fails: self.rng.bool() },
            49 => Deed::Replace { key, number },
            50..=51 => Deed::Remove(key),
            52 => Deed::Take(key),
            53 => Deed::RemoveRange(self.range()),
            54 => Deed::Fill { from: key, count: self.rng.u8(..40), number },
            55 if self.rng.bool() => Deed::Drain(self.rng.u8(1..20)),
            55 => {
                let keys = [key, self.key(), self.key(), self.key()];
                Deed::Race { keys, ranges: [self.range(), self.range()], number }
            }
            56..=65 => Deed::Act { guard: self.rng.u8(..), then },
            66..=69 => Deed::Ends,
            70..=84 => Deed::Read(self.read()),
            85..=94 => Deed::ReadPast(self.rng.u8(..), self.read()),
            95..=96 => Deed::BeginScan(self.rng.u8(..), self.scanning()),
            97..=98 => Deed::ContinueScan { scan: self.rng.u8(..), step: self.step() },
            _ => Deed::EndScan { scan: self.rng.u8(..), keys_only: self.rng.bool() },
        }
    }

    fn then(&mut self) -> [Act; 2] {
        let number = self.rng.u32(..);
        match self.rng.u8(..16) {
            0..=4 => [Act::Change(number), Act::Commit],
            5 => [Act::Keep, Act::Commit],
            6 => [Act::MarkChanged, Act::Commit],
            7 => [Act::Change(number), Act::Save],
            8 => [Act::Save, Act::Change(number)],
            9 => [Act::Save, Act::Release],
            10 => [Act::Change(number), Act::Release],
            11 => [Act::Change(number), Act::Drop],
            12 => [Act::Keep, Act::Delete],
            13 => [Act::Change(number), Act::Keep],
            14 => [Act::Mangle, if self.rng.bool() { Act::Save } else { Act::Commit }],
            _ => [Act::Keep, Act::Keep],
        }
    }

    fn read(&mut self) -> Read {
        match self.rng.u8(..8) {
            0 | 1 => Read::Get(self.key()),
            2 => Read::Contains(self.key()),
            _ => Read::Scan(self.scanning()),
        }
    }

    fn scanning(&mut self) -> Scanning {
        let scope = match self.rng.u8(..8) {
            0 => Scope::All,
            1..=4 => Scope::Range(self.range()),
            _ => Scope::Prefix { key: self.key(), cut: self.rng.u8(..) },
        };
        Scanning { scope, steps: [self.step(), self.step(), self.step()], keys_only: self.rng.bool() }
    }

    fn step(&mut self) -> Step {
        match self.rng.u8(..10) {
            0 if self.rng.bool() => Step::StartingAfter(self.key()),
            0 => Step::StartingAt(self.key()),
            1 => Step::EndingBefore(self.key()),
            2 | 3 => Step::Reverse,
            4 => Step::Take(self.rng.u8(..20)),
            _ => Step::Nothing,
        }
    }

    fn range(&mut self) -> Range {
        let form = match self.rng.u8(..12) {
            0 => Form::Full,
            1 => Form::From,
            2 => Form::To,
            3 => Form::ToIncluded,
            4 => Form::HalfOpen,
            5 => Form::Closed,
            6 => Form::HalfOpenBorrowed,
            7 => Form::ClosedBorrowed,
            _ => Form::Bounds(self.end(), self.end()),
        };
        Range { form, start: self.key(), end: self.key() }
    }

    fn end(&mut self) -> End {
        self.rng.choice([End::Included, End::Excluded, End::Unbounded]).unwrap_or(End::Unbounded)
    }
}
