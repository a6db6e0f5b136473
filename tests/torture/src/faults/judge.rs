//! The judge: opens what a child left, without the fault, and compares it with what the child told.

use std::cell::RefCell;

use kvstore::{Database, Error};
use kvstore_tests::{Failure, TestResult, warnings_of};

use super::plan::{After, ENTRIES, LATER, PASSING, Plan};
use super::told::Told;
use crate::workload::{self, Failed, Script, State, Stores, Worker};

/// Steps that are made after reopening, to see that writes go on.
const MORE_STEPS: u64 = 6;

/// Judges a life.
///
/// With `is_lost`, what was not synced when a sync failed is gone: a `Buffered` database may then have lost what was
/// committed since the sync before, from the end on.
///
/// # Errors
/// A violation.
pub(super) fn judge(plan: &Plan, told: &mut Told, is_lost: bool) -> TestResult {
    let (db, said) = warnings_of(|| plan.builder().open(&plan.directory));
    let db = db.map_err(|error| describe("it does not open again", error))?;
    let found = workload::read(&db, 1)?;
    let state = only(&found.states)?;
    let may_lose = is_lost && !plan.scenario.is_sync();
    let (made, unknown) = (told.made(), u64::from(told.is_unknown));
    // Some steps write nothing: nothing is lost where the last number fits.
    let explained = state.explained_by(plan.seed, 0, made..=made + unknown);
    let lost = || state.explained_by(plan.seed, 0, told.synced()..=made).filter(|_| may_lose);
    let Some(explained) = explained.or_else(lost) else {
        return Err(told.ledger.describe(0, state).into());
    };
    if explained < made && !said.iter().any(|line| line.contains("the write-ahead log was cut")) {
        return Err(format!("of {made} steps {explained} are left, and nobody says so: {said:?}").into());
    }
    told.ledger.check_keys(&found)?;
    judge_namespaces(&db, told, may_lose)?;
    judge_copy(&db, plan, told, explained)?;
    go_on(&db, plan.seed, explained, told)?;
    db.close().map_err(|error| describe("it does not close", error))?;

    let db = plan.builder().open(&plan.directory).map_err(|error| describe("it does not open again", error))?;
    told.ledger.settle(&workload::read(&db, 1)?)?;
    Ok(db.close()?)
}

/// The one thread's state.
pub(super) fn only(states: &[State]) -> TestResult<&State> {
    match states {
        [state] => Ok(state),
        _ => Err("one thread was to be read".into()),
    }
}

/// A violation that is an error of the database.
pub(super) fn describe(what: &str, error: Error) -> Failure {
    format!("{what}: {}", Failed::from(error)).into()
}

/// Makes more steps from where the database is, with keys that nobody was given before.
fn go_on(db: &Database, script: u64, made: u64, told: &mut Told) -> TestResult {
    told.ledger.made = vec![made];
    told.ledger.begin_session();
    let stores = Stores::open(db)?;
    let lines = RefCell::new(Vec::new());
    let mut worker = Worker::new(&stores, Script::after(script, 0, made))?;
    for _ in 0..MORE_STEPS {
        worker.step(&|line: &str| {
            lines.borrow_mut().push(line.to_owned());
            Ok(())
        })?;
    }
    lines.take().iter().try_for_each(|line| told.ledger.take(line))
}

/// The namespaces beside those of the workload: each commit is there, or it is not.
fn judge_namespaces(db: &Database, told: &Told, may_lose: bool) -> TestResult {
    let (begun, did) = (|name| told.begun.contains(name), |name| told.did.contains_key(name));
    let there = |name| Ok::<_, Error>(db.namespaces()?.iter().any(|namespace| namespace.name() == name));
    let entries = |name| db.map::<u64, u64>(name)?.iter()?.collect::<kvstore::Result<Vec<_>>>();

    if there(PASSING)? {
        let passing = entries(PASSING)?;
        let is_whole = passing.iter().copied().eq((0..ENTRIES).map(|key| (key, key)));
        if did("drop") || !begun("make") || !(is_whole || passing.is_empty()) {
            return Err(format!("the dropped namespace has {passing:?}").into());
        }
        if did("make") && !is_whole && !may_lose {
            return Err("the entries of the namespace to be dropped are gone, and it is not".into());
        }
    } else if did("make") && !begun("drop") && !may_lose {
        return Err("an acknowledged namespace is gone".into());
    }

    let later = if there(LATER)? { entries(LATER)? } else { Vec::new() };
    if later.iter().any(|entry| entry.1 != 7) || (later.is_empty() && did("drop") && !may_lose) {
        return Err(format!("the namespace made later has {later:?}").into());
    }

    let grown = db.store::<After>()?;
    for (key, action, name) in [(1, "make", "before"), (2, "grow", "after")] {
        match grown.get(key)? {
            Some(entry) if begun(action) && entry.name == name && entry.added == 7 => {}
            None if !did(action) || may_lose => {}
            entry => return Err(format!("of `{action}` there is {:?}", entry.map(|entry| entry.name)).into()),
        }
    }

    // A number that was given out twice would bring back the entries of another namespace.
    match entries("new")? {
        new if new.is_empty() => Ok(()),
        new => Err(format!("a new namespace has {new:?}").into()),
    }
}

/// A copy that was acknowledged is whole; one that failed is whole or not there, and can be made again.
fn judge_copy(db: &Database, plan: &Plan, told: &Told, explained: u64) -> TestResult {
    let acknowledged = told.did.get("checkpoint").copied();
    let made = match (acknowledged, plan.copy.exists()) {
        (Some(_), false) => return Err("an acknowledged copy is not there".into()),
        (Some(made), true) => made..=made,
        (None, true) => 0..=explained,
        (None, false) if told.begun.contains("checkpoint") => {
            db.checkpoint(&plan.copy).map_err(|error| describe("it can't be copied", error))?;
            explained..=explained
        }
        (None, false) => return Ok(()),
    };
    let copy = plan.builder().open(&plan.copy).map_err(|error| describe("the copy does not open", error))?;
    let found = workload::read(&copy, 1)?;
    let state = only(&found.states)?;
    if state.explained_by(plan.seed, 0, made.clone()).is_none() {
        return Err(format!("a copy of {made:?} steps has others: {}", told.ledger.describe(0, state)).into());
    }
    Ok(copy.close()?)
}
