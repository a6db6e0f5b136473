//! Opens what a power loss left, and compares it with what was acknowledged.

use std::collections::BTreeSet;
use std::error::Error;
use std::ops::AddAssign;
use std::path::Path;

use fastrand::Rng;
use kvstore::Database;
use kvstore_tests::{TestResult, warnings_of};

use super::history::{Copy, History, Namespace};
use super::image::Image;
use super::logs;
use super::session::{COPIES, DATA, ENTRIES, Extra, THREADS, builder, explanations};
use crate::workload::{self, Contents, Stores};

/// Generated keys that are asked for after each recovery.
const KEYS: usize = 3;
/// The name of a namespace that no session makes.
const NEW: &str = "new";

/// What was found, where all promises held. Each number but the first two is 0 or 1.
#[derive(Debug, Clone, Copy, Default)]
pub struct Found {
    /// Steps that were acknowledged, and are not there, none of which had to survive.
    pub lost: u64,
    /// Copies that were opened.
    pub copies: u64,
    /// More than one log had commits.
    pub several_logs: u64,
    /// The log was cut, which was said.
    pub cut: u64,
    /// Commits were in the log that are not in the database, which was said.
    pub dropped: u64,
    /// The list of tables was cut, which was said.
    pub list_cut: u64,
}

impl AddAssign for Found {
    fn add_assign(&mut self, other: Self) {
        self.lost += other.lost;
        self.copies += other.copies;
        self.several_logs += other.several_logs;
        self.cut += other.cut;
        self.dropped += other.dropped;
        self.list_cut += other.list_cut;
    }
}

/// Opens an image that was written below `root`.
///
/// # Errors
/// The promise that is broken.
pub fn judge(image: &Image, root: &Path, history: &History, seed: u64, rng: &mut Rng) -> TestResult<Found> {
    let (data, builder) = (root.join(DATA), builder(rng.bool(), 64 << 10));
    let (db, said) = warnings_of(|| builder.clone().open(&data));
    let db = db.map_err(|error| format!("it does not open: {}", chain(&error)))?;
    let contents = workload::read(&db, THREADS)?;
    let numbers = judge_keys(&db, &contents, history).and_then(|()| judge_namespaces(&db, history));
    let made = match (judge_steps(&contents, history, seed), numbers) {
        (Ok(made), Ok(())) => made,
        (Err(error), Ok(())) | (Ok(_), Err(error)) => return Err(error),
        (Err(steps), Err(numbers)) => return Err(format!("{steps}; {numbers}").into()),
    };
    let is_said = |what: &str| said.iter().any(|line| line.contains(what));
    let acknowledged = history.acknowledged().into_iter();
    let logs = image.files(DATA).filter(|(name, bytes)| logs::is_log(name) && !bytes.is_empty());
    let dropped = dropped(image, &made);
    let mut found = Found {
        lost: acknowledged.zip(&made).map(|(acknowledged, made)| acknowledged.saturating_sub(*made)).sum(),
        copies: 0,
        several_logs: u64::from(logs.count() > 1),
        cut: u64::from(is_said("the write-ahead log was cut")),
        list_cut: u64::from(is_said("the list of tables was not written to its end")),
        dropped: u64::from(dropped.is_some()),
    };
    if let Some((thread, step)) = dropped.filter(|_| found.cut == 0) {
        let what = format!("step {step} of thread {thread} is in the log, and was dropped without a word: {said:?}");
        return Err(what.into());
    }
    db.close()?;
    if rng.u8(..4) == 0 {
        let (db, said) = warnings_of(|| builder.open(&data));
        if workload::read(&db?, THREADS)?.states != contents.states || !said.is_empty() {
            return Err(format!("opened a second time, it holds something else, or complains: {said:?}").into());
        }
    }
    for (name, copy) in &history.copies {
        let is_there = judge_copy(image, root, name, copy, history, seed);
        found.copies += u64::from(is_there.map_err(|error| format!("copy {name}: {error}"))?);
    }
    Ok(found)
}

/// A thread and a step of it that is in a log, wholly or in part, and not among those that were made.
fn dropped(image: &Image, made: &[u64]) -> Option<(u8, u64)> {
    let is_made = |thread: u8, step| made.get(usize::from(thread)).is_some_and(|made| step < *made);
    logs::jobs(image, DATA).into_iter().find(|(thread, step)| !is_made(*thread, *step))
}

/// Every thread's steps explain what is there: those that must survive, no more than were begun, and no step without all
/// that were acknowledged before it began. Answers how many steps of each thread are there at most.
fn judge_steps(contents: &Contents, history: &History, seed: u64) -> TestResult<Vec<u64>> {
    let mut explained = Vec::new();
    for ((thread, state), known) in (0..).zip(&contents.states).zip(&history.threads) {
        let most = known.acknowledged.len() as u64 + 1;
        let range = explanations(state, seed, thread, known.durable, most);
        explained.push(range.ok_or_else(|| {
            let (acknowledged, durable) = (most - 1, known.durable);
            let there = explanations(state, seed, thread, 0, most + 100).map_or_else(
                || format!("no number of steps leaves {state:?}"),
                |(made, _)| format!("{made} are there"),
            );
            format!("thread {thread} has made {acknowledged} steps, of which {durable} must survive, and {there}")
        })?);
    }
    for (thread, &(made, _)) in explained.iter().enumerate() {
        // The last step that is certain to be there.
        let Some(step) = made.checked_sub(1) else { continue };
        let begun = history.begin_of(thread, step);
        for (other, &(_, there)) in explained.iter().enumerate() {
            let missing =
                history.threads.get(other).and_then(|other| other.acknowledged.get(usize::try_from(there).ok()?));
            if missing.is_some_and(|acknowledged| *acknowledged <= begun) {
                return Err(format!(
                    "step {step} of thread {thread} is there, and step {there} of thread {other} is not, which was \
                     acknowledged before the other began"
                )
                .into());
            }
        }
    }
    Ok(explained.into_iter().map(|(_, most)| most).collect())
}

/// Generated keys are never given out again.
fn judge_keys(db: &Database, contents: &Contents, history: &History) -> TestResult {
    if let Some(key) = contents.tickets.keys().find(|key| !history.keys.contains(key)) {
        return Err(format!("a ticket has the key {key}, which nobody was given").into());
    }
    let stores = Stores::open(db)?;
    let mut last = history.keys.last().copied().unwrap_or(0);
    for _ in 0..KEYS {
        let key = stores.tickets.next_key()?;
        if key <= last {
            return Err(format!("the key {key} is given out, and {last} was before").into());
        }
        last = key;
    }
    Ok(())
}

/// Namespaces are there and not as the catalog said, with what was in them; a new one is empty.
fn judge_namespaces(db: &Database, history: &History) -> TestResult {
    let there: BTreeSet<_> = db.namespaces()?.iter().map(|namespace| namespace.name().to_owned()).collect();
    for (name, known) in &history.namespaces {
        match (known, there.contains(name)) {
            (Namespace::Created | Namespace::Filled, false) => {
                return Err(format!("the namespace {name} is gone").into());
            }
            (Namespace::Dropped, true) => return Err(format!("the namespace {name} is there again").into()),
            (_, false) => {}
            (known, true) => {
                let entries = entries(&db.map(name)?)?;
                let expected: Vec<_> = (1..=ENTRIES).map(|key| (key, key)).collect();
                let fits = match known {
                    Namespace::Creating => entries.is_empty(),
                    Namespace::Filled => entries == expected,
                    _ => expected.starts_with(&entries),
                };
                if !fits {
                    return Err(format!("the namespace {name}, {known:?}, holds {entries:?}").into());
                }
            }
        }
    }
    let found = entries(&db.map(NEW)?)?;
    if found.is_empty() { Ok(()) } else { Err(format!("a new namespace holds {found:?}").into()) }
}

fn entries(store: &Extra) -> TestResult<Vec<(u64, u64)>> {
    Ok(store.iter()?.collect::<Result<_, _>>()?)
}

/// A copy that was made is there; one that has its name is whole. Tells whether it is there.
fn judge_copy(image: &Image, root: &Path, name: &str, copy: &Copy, history: &History, seed: u64) -> TestResult<bool> {
    let path = format!("{COPIES}/{name}");
    if !image.entries.contains_key(&path) {
        return if copy.is_made { Err("it was made, and is not there".into()) } else { Ok(false) };
    }
    let (db, said) = warnings_of(|| Database::builder().create_if_missing(false).open(root.join(path)));
    let db = db.map_err(|error| format!("it does not open: {}", chain(&error)))?;
    if !said.is_empty() {
        return Err(format!("it does not open without a word: {said:?}").into());
    }
    let contents = workload::read(&db, THREADS)?;
    let most = copy.most.clone().unwrap_or_else(|| history.acknowledged());
    for (((thread, state), least), most) in (0..).zip(&contents.states).zip(&copy.least).zip(&most) {
        if explanations(state, seed, thread, *least, most + 1).is_none() {
            return Err(format!("it should hold {least} to {most} steps of thread {thread}, and not {state:?}").into());
        }
    }
    db.close()?;
    Ok(true)
}

/// An error with its causes.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
