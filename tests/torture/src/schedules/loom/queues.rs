//! The models of a store as a queue: searches for the first entry beside threads that write and remove.
//!
//! No search passes an entry: what it returns was the first at one moment, and when all threads are done, every search finds
//! what is there.

use std::time::Duration;

use super::actor::{Actor, Ended, Number};
use super::kvstore::{MapStore, Result};
use super::models::Model;

type Queue = MapStore<Number>;

const fn model(name: &'static str, threads: usize, play: fn(&Actor)) -> Model {
    Model { name, threads, lock_timeout: Duration::MAX, read_cache_bytes: 0, play }
}

/// Of searches.
pub(super) const QUEUES: &[Model] = &[
    model("a search beside writes below and in its range", 2, below_and_in_the_range),
    model("a write seen beside the first search ever", 2, |main| seen_beside_a_search(main, 0)),
    model("a write seen beside another search", 2, |main| seen_beside_a_search(main, 1)),
    model("a write seen by another beside the first search ever", 3, first_search_of_another),
    model("a search beside two writers", 3, two_writers),
    model("two searches beside a writer", 3, two_searches),
    model("a search sees one moment", 2, one_moment),
    model("a write behind a mark that nobody uses", 2, behind_an_idle_mark),
    model("a scan that begins at a mark", 2, scan_from_a_mark),
    model("an entry is released while a later one is locked", 2, released_before_one_is_locked),
];

/// Opens a queue with these entries.
fn queue<const N: usize>(main: &Actor, keys: [u64; N]) -> Option<Queue> {
    let opened = main.db.map("queue").and_then(|queue: Queue| {
        keys.into_iter().try_for_each(|key| queue.put(key, 0))?;
        Ok(queue)
    });
    opened.map_err(|error| main.seen.complain(error.to_string())).ok()
}

/// Lets an actor use a queue; an error is wrong.
fn with(actor: &Actor, queue: &Queue, play: impl FnOnce(&Queue) -> Result<()>) {
    actor.expect(actor.ended(play(queue).map(|()| true)), &[Ended::Done]);
}

fn first(queue: &Queue) -> Result<Option<u64>> {
    Ok(queue.first()?.map(|(key, _)| key))
}

fn head(queue: &Queue, start: u64) -> Result<Option<u64>> {
    Ok(queue.try_lock_first(start..)?.map(|guard| *guard.key()))
}

/// When all threads are done, a search finds the first of these keys, in their order, that a read finds.
fn check(main: &Actor, queue: &Queue, start: u64, keys: &[u64]) {
    with(main, queue, |queue| {
        let there = keys.iter().find_map(|key| queue.contains(key).map(|there| there.then_some(*key)).transpose());
        let (there, found) = (there.transpose()?, head(queue, start)?);
        if found != there {
            main.seen.complain(format!("the head from {start} on is {there:?}, and {found:?} was found"));
        }
        Ok(())
    });
}

/// Complains if an entry is there, and the first one lies behind it.
fn see(actor: &Actor, queue: &Queue, key: u64) -> Result<()> {
    if queue.contains(key)? {
        let found = first(queue)?;
        if found.is_none_or(|found| found > key) {
            actor.seen.complain(format!("{key} is there, and {found:?} was found as the first"));
        }
    }
    Ok(())
}

/// Starts a thread that uses a queue.
macro_rules! spawn {
    ($main:ident, $queue:ident, $name:literal, $play:expr) => {{
        let queue = $queue.clone();
        $main.spawn($name, move |actor| with(&actor, &queue, $play))
    }};
}

fn below_and_in_the_range(main: &Actor) {
    let Some(queue) = queue(main, [9]) else { return };
    let writer = spawn!(main, queue, "writer", |queue| queue.put(1, 0).and_then(|()| queue.put(5, 0)));
    with(main, &queue, |queue| head(queue, 4).map(drop));
    main.join([writer]);
    check(main, &queue, 4, &[5, 9]);
}

fn seen_beside_a_search(main: &Actor, before: usize) {
    let Some(queue) = queue(main, [9]) else { return };
    with(main, &queue, |queue| (0..before).try_for_each(|_| first(queue).map(drop)));
    let writer = spawn!(main, queue, "writer", |queue| queue.put(5, 0));
    with(main, &queue, |queue| {
        first(queue)?;
        see(main, queue, 5)
    });
    main.join([writer]);
    check(main, &queue, 0, &[5, 9]);
}

fn first_search_of_another(main: &Actor) {
    let Some(queue) = queue(main, [9]) else { return };
    let writer = spawn!(main, queue, "writer", |queue| queue.put(5, 0));
    let search = spawn!(main, queue, "search", |queue| first(queue).map(drop));
    with(main, &queue, |queue| see(main, queue, 5));
    main.join([writer, search]);
    check(main, &queue, 0, &[5, 9]);
}

fn two_writers(main: &Actor) {
    let Some(queue) = queue(main, [9]) else { return };
    let below = spawn!(main, queue, "below", |queue| queue.put(1, 0));
    let within = spawn!(main, queue, "within", |queue| queue.put(5, 0));
    with(main, &queue, |queue| head(queue, 4).map(drop));
    main.join([below, within]);
    check(main, &queue, 4, &[5, 9]);
}

fn two_searches(main: &Actor) {
    let Some(queue) = queue(main, [5, 9]) else { return };
    with(main, &queue, |queue| first(queue).map(drop));
    let writer = spawn!(main, queue, "writer", |queue| queue.put(3, 0));
    let search = spawn!(main, queue, "search", |queue| first(queue).map(drop));
    with(main, &queue, |queue| {
        first(queue)?;
        see(main, queue, 3)
    });
    main.join([writer, search]);
    check(main, &queue, 0, &[3, 5, 9]);
}

/// 9 is never the first.
fn one_moment(main: &Actor) {
    let Some(queue) = queue(main, [7]) else { return };
    with(main, &queue, |queue| first(queue).map(drop));
    let writer = spawn!(main, queue, "writer", |queue| {
        queue.put(5, 0)?;
        queue.remove(7)?;
        queue.put(9, 0)
    });
    with(main, &queue, |queue| {
        let found = first(queue)?;
        if !matches!(found, Some(5 | 7)) {
            main.seen.complain(format!("5 or 7 was the first at every moment, and {found:?} was found"));
        }
        Ok(())
    });
    main.join([writer]);
    check(main, &queue, 0, &[5, 7, 9]);
}

/// After some writes without a search those behind the mark are not tracked.
fn behind_an_idle_mark(main: &Actor) {
    let Some(queue) = queue(main, [7]) else { return };
    with(main, &queue, |queue| {
        first(queue)?;
        (0..3).try_for_each(|_| queue.put(9, 0))?;
        queue.remove(7).map(drop)
    });
    let writer = spawn!(main, queue, "writer", |queue| queue.put(8, 0));
    with(main, &queue, |queue| {
        first(queue)?;
        see(main, queue, 8)
    });
    main.join([writer]);
    check(main, &queue, 0, &[8, 9]);
}

/// The snapshot of a scan and the mark that it begins at are of one moment.
fn scan_from_a_mark(main: &Actor) {
    let Some(queue) = queue(main, [5, 9]) else { return };
    with(main, &queue, |queue| first(queue).map(drop));
    let writer = spawn!(main, queue, "writer", |queue| {
        queue.put(3, 0)?;
        queue.put(10, 0)?;
        queue.remove(3)?;
        queue.remove(5)?;
        first(queue).map(drop)
    });
    with(main, &queue, |queue| {
        let keys = queue.iter()?.keys().collect::<Result<Vec<_>>>()?;
        let moments: [&[u64]; 5] = [&[5, 9], &[3, 5, 9], &[3, 5, 9, 10], &[5, 9, 10], &[9, 10]];
        if !moments.contains(&keys.as_slice()) {
            main.seen.complain(format!("a scan found {keys:?}"));
        }
        Ok(())
    });
    main.join([writer]);
    check(main, &queue, 0, &[3, 5, 9, 10]);
}

/// At every moment an entry is free: a search that finds none is wrong.
fn released_before_one_is_locked(main: &Actor) {
    let Some(queue) = queue(main, [1, 2]) else { return };
    let Ok(held) = queue.lock(1) else { return };
    let other = spawn!(main, queue, "other", move |queue| {
        drop(held);
        queue.lock(2).map(drop)
    });
    with(main, &queue, |queue| {
        if queue.try_lock_first(..)?.is_none() {
            main.seen.complain("an entry was free at every moment, and none was found".to_owned());
        }
        Ok(())
    });
    main.join([other]);
}
