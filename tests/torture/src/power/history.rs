//! What the ledger says up to a moment: what was acknowledged, and what of it must survive power loss.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display};

use kvstore_tests::TestResult;

/// Generated keys are leased in blocks of so many; the lease is synced, and with it all that was committed before.
const LEASE: u64 = 1000;

/// What was acknowledged.
#[derive(Debug, Clone)]
pub struct History {
    /// By thread.
    pub threads: Vec<Thread>,
    /// Generated keys that were told.
    pub keys: BTreeSet<u64>,
    /// Namespaces besides those of the scripts, by name.
    pub namespaces: BTreeMap<String, Namespace>,
    /// Copies, by name.
    pub copies: BTreeMap<String, Copy>,
    /// What the database is doing.
    pub phase: Phase,
    /// Whether power was lost since it was last open: what was acknowledged may be gone.
    pub power_was_lost: bool,
    /// Whether commits of this session are synced.
    sync: bool,
    /// How many lines were taken.
    lines: u64,
    /// How many steps of each thread were acknowledged when the chore of this moment began.
    begun: Vec<u64>,
}

/// What is known of a thread.
#[derive(Debug, Clone, Default)]
pub struct Thread {
    /// For each step, the line that acknowledged it.
    pub acknowledged: Vec<u64>,
    /// So many steps must survive.
    pub durable: u64,
    /// How many steps of each thread were acknowledged at this thread's last line.
    before: Vec<u64>,
}

/// What is known of a namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Namespace {
    /// It may be there, and is empty.
    Creating,
    /// It is there.
    Created,
    /// It is there with all its entries.
    Filled,
    /// It may be there.
    Dropping,
    /// It is not there.
    Dropped,
}

/// What is known of a copy.
#[derive(Debug, Clone)]
pub struct Copy {
    /// So many steps of each thread are in it at least.
    pub least: Vec<u64>,
    /// So many at most, not counting those in flight; none while it is being made.
    pub most: Option<Vec<u64>>,
    /// Whether it must be there.
    pub is_made: bool,
}

/// What a database is doing at the moment of a crash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// It is opened for the first time.
    Creating,
    /// It is opened again.
    Opening,
    /// It is opened after a power loss.
    Recovering,
    /// It works.
    Running,
    /// It is closed.
    Closing,
    /// It is closed, or the process was killed.
    Closed,
}

impl Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Creating => "while it was made",
            Self::Opening => "while it was opened",
            Self::Recovering => "while it recovered from another",
            Self::Running => "while it worked",
            Self::Closing => "while it was closed",
            Self::Closed => "after it was closed",
        })
    }
}

impl History {
    /// Of a database that was never made.
    pub fn new(threads: u8) -> Self {
        let threads = vec![Thread { before: vec![0; threads.into()], ..Thread::default() }; threads.into()];
        Self {
            begun: vec![0; threads.len()],
            threads,
            keys: BTreeSet::new(),
            namespaces: BTreeMap::new(),
            copies: BTreeMap::new(),
            phase: Phase::Creating,
            power_was_lost: false,
            sync: false,
            lines: 0,
        }
    }

    /// How many steps of each thread were acknowledged.
    pub fn acknowledged(&self) -> Vec<u64> {
        self.threads.iter().map(|thread| thread.acknowledged.len() as u64).collect()
    }

    /// How many steps of each thread must survive.
    pub fn durable(&self) -> Vec<u64> {
        self.threads.iter().map(|thread| thread.durable).collect()
    }

    /// To be called when the power was lost.
    pub fn lose_power(&mut self) {
        self.power_was_lost = true;
        self.phase = Phase::Recovering;
        // A copy is synced where the database need not be: it may hold what the database loses now.
        let most = self.acknowledged();
        self.copies.values_mut().for_each(|copy| {
            copy.most.get_or_insert_with(|| most.clone());
        });
    }

    /// A process begins.
    pub fn begin(&mut self) {
        if self.phase != Phase::Recovering {
            self.phase = if self.lines == 0 { Phase::Creating } else { Phase::Opening };
        }
    }

    /// Takes a line of the ledger.
    ///
    /// # Errors
    /// A violation: a generated key that was given out before, steps that are gone; or a line that no child writes.
    pub fn take(&mut self, line: &str) -> TestResult {
        self.lines += 1;
        let words: Vec<_> = line.split(' ').collect();
        match words[..] {
            ["opening", durability] => self.sync = durability == "sync",
            ["at", thread, made] => self.found(thread.parse()?, made.parse()?)?,
            ["open"] => {
                self.phase = Phase::Running;
                self.power_was_lost = false;
                let now = self.acknowledged();
                self.threads.iter_mut().for_each(|thread| thread.before.clone_from(&now));
            }
            ["key", thread, _, key] => self.told(thread.parse()?, key.parse()?)?,
            ["done", thread, step] => {
                let (line, sync, thread): (_, _, usize) = (self.lines, self.sync, thread.parse()?);
                let found = self.thread(thread)?;
                found.acknowledged.push(line);
                let made = found.acknowledged.len() as u64;
                if step.parse::<u64>()? + 1 != made {
                    return Err(format!("a line `{line}` where {made} steps are made").into());
                }
                if sync {
                    found.durable = made;
                }
                let now = self.acknowledged();
                self.thread(thread)?.before = now;
            }
            ["begins", chore, name] => self.begins(chore, name)?,
            ["ends", chore, name] => self.ends(chore, name)?,
            ["closing"] => self.phase = Phase::Closing,
            ["closed"] => {
                self.phase = Phase::Closed;
                self.keep(&self.acknowledged());
            }
            _ => return Err(format!("a line `{line}`").into()),
        }
        Ok(())
    }

    /// The line after which a step can't have begun earlier: it is the one that acknowledged the step before.
    pub fn begin_of(&self, thread: usize, step: u64) -> u64 {
        let before = step.checked_sub(1).and_then(|before| usize::try_from(before).ok());
        let line = before.and_then(|before| self.threads.get(thread)?.acknowledged.get(before));
        line.copied().unwrap_or(0)
    }

    fn thread(&mut self, thread: usize) -> TestResult<&mut Thread> {
        Ok(self.threads.get_mut(thread).ok_or("an unknown thread")?)
    }

    /// A new session found so many steps: they are durable from now on.
    fn found(&mut self, thread: usize, made: u64) -> TestResult {
        let (line, power_was_lost) = (self.lines, self.power_was_lost);
        let known = self.thread(thread)?;
        let least = if power_was_lost { known.durable } else { known.acknowledged.len() as u64 };
        if made < least {
            return Err(
                format!("thread {thread} has made {least} steps, and {made} are there when it is reopened").into()
            );
        }
        known.acknowledged.resize(usize::try_from(made)?, line);
        known.durable = made;
        Ok(())
    }

    fn told(&mut self, thread: usize, key: u64) -> TestResult {
        if !self.keys.insert(key) {
            return Err(format!("the key {key} was given out twice").into());
        }
        // The first of its block: the lease was synced since this thread's last line.
        if key % LEASE == 1 {
            let before = self.thread(thread)?.before.clone();
            self.keep(&before);
        }
        let now = self.acknowledged();
        self.thread(thread)?.before = now;
        Ok(())
    }

    /// So many steps of each thread are durable.
    fn keep(&mut self, steps: &[u64]) {
        for (thread, steps) in self.threads.iter_mut().zip(steps) {
            thread.durable = thread.durable.max(*steps);
        }
    }

    fn begins(&mut self, chore: &str, name: &str) -> TestResult {
        self.begun = self.acknowledged();
        match chore {
            "sync" => {}
            "create" => self.set(name, Namespace::Creating),
            // None, some or all of its entries are there.
            "fill" => self.set(name, Namespace::Created),
            "drop" => self.set(name, Namespace::Dropping),
            "copy" => {
                self.copies.insert(name.to_owned(), Copy { least: self.begun.clone(), most: None, is_made: false });
            }
            _ => return Err(format!("an unknown chore `{chore}`").into()),
        }
        Ok(())
    }

    fn ends(&mut self, chore: &str, name: &str) -> TestResult {
        match chore {
            "create" => self.set(name, Namespace::Created),
            "fill" if self.sync => self.set(name, Namespace::Filled),
            "drop" => self.set(name, Namespace::Dropped),
            "copy" => {
                let most = self.acknowledged();
                let copy = self.copies.get_mut(name).ok_or("a copy without a beginning")?;
                (copy.most, copy.is_made) = (Some(most), true);
            }
            _ => {}
        }
        // That all before a copy is durable is nowhere promised.
        if matches!(chore, "sync" | "create" | "drop") || (chore == "fill" && self.sync) {
            let begun = std::mem::take(&mut self.begun);
            self.keep(&begun);
        }
        Ok(())
    }

    fn set(&mut self, name: &str, to: Namespace) {
        self.namespaces.insert(name.to_owned(), to);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(lines: &[&str]) -> History {
        let mut history = History::new(2);
        for line in lines {
            history.take(line).unwrap();
        }
        history
    }

    const BUFFERED: [&str; 6] = ["opening buffered", "at 0 0", "at 1 0", "open", "done 0 0", "done 1 0"];
    const SYNC: [&str; 6] = ["opening sync", "at 0 0", "at 1 0", "open", "done 0 0", "done 1 0"];

    fn durable(lines: &[&[&str]]) -> Vec<u64> {
        after(&lines.concat()).durable()
    }

    #[test]
    fn what_must_survive() {
        assert_eq!(durable(&[&SYNC]), [1, 1]);
        assert_eq!(durable(&[&BUFFERED]), [0, 0]);
        // What was acknowledged before a sync began, once it is through.
        assert_eq!(durable(&[&BUFFERED, &["begins sync -", "done 0 1"]]), [0, 0]);
        assert_eq!(durable(&[&BUFFERED, &["begins sync -", "done 0 1", "ends sync -"]]), [1, 1]);
        assert_eq!(durable(&[&BUFFERED, &["begins create a", "ends create a"]]), [1, 1]);
        assert_eq!(durable(&[&BUFFERED, &["begins create a", "ends create a", "done 1 1"]]), [1, 1]);
        assert_eq!(durable(&[&BUFFERED, &["begins copy a", "ends copy a"]]), [0, 0]);
        // The lease came after this thread's last line, and may have come before the other's.
        assert_eq!(durable(&[&BUFFERED, &["done 0 1", "key 1 1 1001"]]), [1, 1]);
        assert_eq!(durable(&[&BUFFERED, &["done 0 1", "key 1 1 1002"]]), [0, 0]);
        assert_eq!(durable(&[&BUFFERED, &["closing"]]), [0, 0]);
        assert_eq!(durable(&[&BUFFERED, &["closing", "closed"]]), [1, 1]);
        // What a killed process left, and the next one found.
        assert_eq!(durable(&[&BUFFERED, &["opening buffered", "at 0 2", "at 1 1"]]), [2, 1]);
    }

    #[test]
    fn what_was_not_durable_may_be_gone_after_a_power_loss_only() {
        let mut history = after(&BUFFERED);
        assert!(history.clone().take("at 0 0").is_err());
        history.lose_power();
        history.take("at 0 0").unwrap();
        assert_eq!((history.acknowledged(), history.durable()), (vec![0, 1], vec![0, 0]));
        let mut history = after(&SYNC);
        history.lose_power();
        assert!(history.take("at 0 0").is_err());
    }

    #[test]
    fn keys_given_out_twice_and_lines_of_nobody_are_found() {
        let mut history = after(&[&BUFFERED[..], &["key 0 1 7"]].concat());
        assert!(history.take("key 1 1 7").is_err());
        assert!(history.take("done 0 7").is_err());
        assert!(history.take("dine 0 1").is_err());
    }
}
