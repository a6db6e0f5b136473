//! The models: a few threads each, and how their calls may end.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::actor::{Actor, Ended, Guards, NumberGuard, SOON};
use super::kvstore::Result;

/// A program of a few threads.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) name: &'static str,
    /// Two or three. The interleavings of two are few enough to explore them all.
    pub(super) threads: usize,
    /// The database's.
    pub(super) lock_timeout: Duration,
    /// The database's; none where all is about locks.
    pub(super) read_cache_bytes: usize,
    /// What the first thread does: it starts the others.
    pub(super) play: fn(&Actor),
}

const fn model(name: &'static str, threads: usize, lock_timeout: Duration, play: fn(&Actor)) -> Model {
    Model { name, threads, lock_timeout, read_cache_bytes: 0, play }
}

/// Of the lock table.
pub(super) const LOCKS: &[Model] = &[
    model("two take turns", 2, Duration::MAX, |main| take_turns(main, ["a"])),
    model("three take turns", 3, Duration::MAX, |main| take_turns(main, ["a", "b"])),
    model("a deadline", 2, Duration::MAX, |main| deadlines(main, ["hasty"], [])),
    model("a deadline and one who waits for ever", 3, Duration::MAX, |main| deadlines(main, ["hasty"], ["patient"])),
    model("two deadlines", 3, Duration::MAX, |main| deadlines(main, ["hasty", "hastier"], [])),
    model("a close at any time", 3, Duration::MAX, close_at_any_time),
    model("a close wakes one", 2, Duration::MAX, |main| close_while_held(main, ["patient"], [])),
    model("a close wakes two", 3, Duration::MAX, |main| close_while_held(main, ["a", "b"], [])),
    model("a close and a deadline", 3, Duration::MAX, |main| close_while_held(main, ["patient"], ["hasty"])),
    model("lock_all in both orders", 2, Duration::MAX, |main| lock_all(main, [], &[Ended::Done])),
    model("lock_all and one of its keys", 3, Duration::MAX, |main| lock_all(main, ["third"], &[Ended::Done])),
    model("lock_all with a deadline", 3, SOON, |main| lock_all(main, ["third"], &[Ended::Done, Ended::GaveUp])),
    model("batches over two stores in both orders", 2, Duration::MAX, batches),
    model("those who don't wait", 3, Duration::MAX, no_wait),
    model("a guard sent away by a thread that ends", 3, Duration::MAX, sent_away),
];

/// Programs that do wrong themselves, for loom to find.
pub(super) const PLANTED: &[Model] = &[model("one by one in opposite orders", 2, Duration::MAX, one_by_one)];

fn lock(actor: &Actor) -> Result<Option<NumberGuard>> {
    actor.numbers.lock(1)
}

fn lock_soon(actor: &Actor) -> Result<Option<NumberGuard>> {
    actor.numbers.lock_for(1, SOON)
}

fn take_turns<const N: usize>(main: &Actor, names: [&'static str; N]) {
    let threads = names.map(|name| main.spawn(name, |actor| actor.expect(actor.increment(lock), &[Ended::Done])));
    main.expect(main.increment(lock), &[Ended::Done]);
    main.join(threads);
}

/// Threads that wait until a deadline, and threads that wait for ever.
fn deadlines<const N: usize, const M: usize>(main: &Actor, hasty: [&'static str; N], patient: [&'static str; M]) {
    let hasty = hasty
        .map(|name| main.spawn(name, |actor| actor.expect(actor.increment(lock_soon), &[Ended::Done, Ended::GaveUp])));
    let patient = patient.map(|name| main.spawn(name, |actor| actor.expect(actor.increment(lock), &[Ended::Done])));
    main.expect(main.increment(lock), &[Ended::Done]);
    main.join(hasty.into_iter().chain(patient));
}

fn close_at_any_time(main: &Actor) {
    let closer = main.spawn("closer", |actor| close(&actor));
    let allowed = &[Ended::Done, Ended::Closed];
    let patient = main.spawn("patient", |actor| actor.expect(actor.increment(lock), allowed));
    main.expect(main.increment(lock), allowed);
    main.join([closer, patient]);
}

/// The database is closed while one thread holds the lock, which it gives back only when no one else wants it any more.
fn close_while_held<const N: usize, const M: usize>(
    main: &Actor,
    patient: [&'static str; N],
    hasty: [&'static str; M],
) {
    let held = lock(main);
    let patient = patient.map(|name| main.spawn(name, |actor| actor.expect(actor.increment(lock), &[Ended::Closed])));
    let hasty = hasty.map(|name| {
        main.spawn(name, |actor| actor.expect(actor.increment(lock_soon), &[Ended::GaveUp, Ended::Closed]))
    });
    close(main);
    main.join(patient.into_iter().chain(hasty));
    drop(held);
}

fn close(actor: &Actor) {
    if let Err(error) = actor.db.clone().close() {
        actor.seen.complain(format!("close: {error}"));
    }
}

fn all(actor: &Actor, keys: [u64; 2]) -> Result<Guards> {
    Ok(actor.numbers.lock_all(keys)?.into_iter().flatten().map(|guard| ("numbers", guard)).collect())
}

fn lock_all<const N: usize>(main: &Actor, third: [&'static str; N], allowed: &'static [Ended]) {
    let other = main.spawn("other", |actor| actor.expect(actor.increment_all(|actor| all(actor, [2, 1])), allowed));
    let third = third
        .map(|name| main.spawn(name, |actor| actor.expect(actor.increment(|actor| actor.numbers.lock(2)), allowed)));
    main.expect(main.increment_all(|actor| all(actor, [1, 2])), allowed);
    main.join([other].into_iter().chain(third));
}

fn batches(main: &Actor) {
    let other = main.spawn("other", |actor| {
        let ended = actor.increment_all(|Actor { db, numbers, others, .. }| {
            let (other, number) = db.lock_together((others.wanted_or_create(1, 0), numbers.wanted_or_create(1, 0)))?;
            Ok(vec![("others", other), ("numbers", number)])
        });
        actor.expect(ended, &[Ended::Done]);
    });
    let ended = main.increment_all(|Actor { db, numbers, others, .. }| {
        let (number, other) = db.lock_together((numbers.wanted_or_create(1, 0), others.wanted_or_create(1, 0)))?;
        Ok(vec![("numbers", number), ("others", other)])
    });
    main.expect(ended, &[Ended::Done]);
    main.join([other]);
}

fn no_wait(main: &Actor) {
    let first = main.spawn("first", |actor| {
        let ended = actor.increment(|actor| actor.numbers.try_lock_first(..));
        actor.expect(ended, &[Ended::Done]);
    });
    let tries = main.spawn("tries", |actor| {
        let ended = actor.increment(|actor| actor.numbers.try_lock(1));
        actor.expect(ended, &[Ended::Done, Ended::GaveUp]);
    });
    main.expect(main.increment(lock), &[Ended::Done]);
    main.join([first, tries]);
}

/// A thread locks and ends; another gives the lock back.
fn sent_away(main: &Actor) {
    let sent = Arc::new(Mutex::new(None));
    let receiver = Arc::clone(&sent);
    let sender = main.spawn("sender", move |actor| match lock(&actor) {
        Ok(guard) => *sent.lock().unwrap_or_else(PoisonError::into_inner) = guard,
        Err(error) => actor.seen.complain(error.to_string()),
    });
    let waiting = main.spawn("waiting", |actor| actor.expect(actor.increment(lock), &[Ended::Done]));
    main.join([sender]);
    drop(receiver.lock().unwrap_or_else(PoisonError::into_inner).take());
    main.join([waiting]);
}

fn one_by_one(main: &Actor) {
    let both = |actor: &Actor, keys: [u64; 2]| {
        let ended = actor.increment_all(|actor| {
            let guards = keys.map(|key| actor.numbers.lock(key));
            guards.into_iter().filter_map(Result::transpose).map(|guard| Ok(("numbers", guard?))).collect()
        });
        actor.expect(ended, &[Ended::Done]);
    };
    let other = main.spawn("other", move |actor| both(&actor, [2, 1]));
    both(main, [1, 2]);
    main.join([other]);
}
