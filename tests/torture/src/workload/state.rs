//! What is in the database of each thread.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use kvstore::Database;
use kvstore_tests::TestResult;

use super::{Job, Script, Stores};

/// Everything that one thread has in the database: by name, the step that wrote it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// Jobs.
    pub jobs: BTreeMap<u8, u64>,
    /// The logs of jobs that have one.
    pub logs: BTreeMap<u8, BTreeSet<u64>>,
    /// Units of work.
    pub work: BTreeMap<u64, u64>,
    /// The steps whose tickets are there.
    pub tickets: BTreeSet<u64>,
}

impl State {
    /// The number of steps, of those in `range`, after which the thread's script leaves just this.
    pub fn explained_by(&self, seed: u64, thread: u8, range: RangeInclusive<u64>) -> Option<u64> {
        let mut script = Script::after(seed, thread, *range.start());
        loop {
            if script.state() == self {
                return Some(script.made());
            }
            if script.made() >= *range.end() {
                return None;
            }
            script.advance();
        }
    }
}

/// What was read from a database.
#[derive(Debug, Default)]
pub struct Contents {
    /// By thread.
    pub states: Vec<State>,
    /// The keys of tickets, and the thread and step that made them.
    pub tickets: BTreeMap<u64, (u8, u64)>,
}

impl Contents {
    fn of(&mut self, thread: u8) -> TestResult<&mut State> {
        Ok(self.states.get_mut(usize::from(thread)).ok_or_else(|| format!("an entry of thread {thread}"))?)
    }
}

/// Reads everything, and checks that each value is what its step wrote, that scans are in order, and that `get` finds
/// what a scan found.
///
/// # Errors
/// Where something can't be read, or is not what any step writes.
pub fn read(db: &Database, threads: u8) -> TestResult<Contents> {
    let stores = Stores::open(db)?;
    let mut contents = Contents { states: vec![State::default(); threads.into()], tickets: BTreeMap::new() };
    let mut before = None;
    for entry in stores.jobs.iter()? {
        let (key, job) = entry?;
        let (thread, number) = key.split_once('/').ok_or_else(|| format!("a job `{key}`"))?;
        let (thread, number): (u8, u8) = (thread.parse()?, number.parse()?);
        let expected = Job::of(thread, job.step);
        if job.padding != expected.padding || job.attempts != expected.attempts {
            return Err(format!("job `{key}` is not what step {} wrote", job.step).into());
        }
        if stores.jobs.get(&key)?.map(|job| job.step) != Some(job.step) {
            return Err(format!("`get` does not find job `{key}` of the scan").into());
        }
        let log = read_log(&stores, &key)?;
        let state = contents.of(thread)?;
        state.jobs.insert(number, job.step);
        if !log.is_empty() {
            state.logs.insert(number, log);
        }
        ascending(&mut before, key)?;
    }
    let mut before = None;
    for entry in stores.work.iter()? {
        let (key, work) = entry?;
        contents.of(key.0)?.work.insert(key.1, work.step);
        ascending(&mut before, key)?;
    }
    let mut before = None;
    for entry in stores.tickets.iter()? {
        let (key, ticket) = entry?;
        if !contents.of(ticket.thread)?.tickets.insert(ticket.step) {
            return Err(format!("step {} of thread {} has two tickets", ticket.step, ticket.thread).into());
        }
        contents.tickets.insert(key, (ticket.thread, ticket.step));
        ascending(&mut before, key)?;
    }
    if stores.jobs.iter()?.reversed().count() != contents.states.iter().map(|state| state.jobs.len()).sum::<usize>() {
        return Err("a scan backwards finds more or fewer jobs".into());
    }
    Ok(contents)
}

/// The steps in the log of a job.
fn read_log(stores: &Stores, key: &str) -> TestResult<BTreeSet<u64>> {
    let mut steps = BTreeSet::new();
    for element in stores.jobs.elements(Job::LOG, key).iter()? {
        let (step, text) = element?;
        if text != format!("step {step}") || steps.last().is_some_and(|last| *last >= step) {
            return Err(format!("the log of job `{key}` has {step} with `{text}`, behind {steps:?}").into());
        }
        steps.insert(step);
    }
    Ok(steps)
}

fn ascending<K: Ord + std::fmt::Debug>(before: &mut Option<K>, key: K) -> TestResult {
    match before.replace(key) {
        Some(last) if Some(&last) >= before.as_ref() => Err(format!("{before:?} comes behind {last:?}").into()),
        _ => Ok(()),
    }
}
