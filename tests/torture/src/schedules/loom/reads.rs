//! The models of reads without a lock, through the read cache, while others write.

use std::time::Duration;

use super::actor::{Actor, Ended};
use super::models::Model;
use crate::schedules::seen::Entry;

const fn model(name: &'static str, threads: usize, play: fn(&Actor)) -> Model {
    // A few bytes are enough for these entries.
    Model { name, threads, lock_timeout: Duration::MAX, read_cache_bytes: 1 << 16, play }
}

/// Of the read cache.
pub(super) const READS: &[Model] = &[
    model("a read during a write", 2, |main| during_a_write(main, 0)),
    model("a read of a kept entry during a write", 2, |main| during_a_write(main, 2)),
    model("a read of a shared entry during two writes", 2, during_two_writes),
    model("a scan and a read", 2, scan_and_read),
    model("reads of both entries of a batch", 2, both_of_a_batch),
    model("an entry is deleted and created", 2, deleted_and_created),
    model("a read during a close", 2, during_a_close),
    model("two readers and a writer", 3, two_readers),
    model("a reader and two writers", 3, two_writers),
];

const ONE: Entry = ("numbers", 1);

/// A read of one entry, that keeps its value decoded where it is kept.
fn shared(actor: &Actor) {
    let ended = actor.read(ONE, |store| Ok(store.get_shared(1)?.map(|number| *number)));
    actor.expect(ended, &[Ended::Done]);
}

fn get(actor: &Actor, entry: Entry) {
    let ended = actor.read(entry, |store| store.get(entry.1));
    actor.expect(ended, &[Ended::Done]);
}

fn write(actor: &Actor) {
    actor.expect(actor.increment(|actor| actor.numbers.lock(1)), &[Ended::Done]);
}

/// Reads before, as often as told: what is sought twice is kept.
fn during_a_write(main: &Actor, before: usize) {
    (0..before).for_each(|_| get(main, ONE));
    let writer = main.spawn("writer", |actor| write(&actor));
    (0..3).for_each(|_| get(main, ONE));
    main.join([writer]);
    get(main, ONE);
}

fn during_two_writes(main: &Actor) {
    (0..2).for_each(|_| shared(main));
    let writer = main.spawn("writer", |actor| (0..2).for_each(|_| write(&actor)));
    shared(main);
    get(main, ONE);
    shared(main);
    main.join([writer]);
    shared(main);
}

/// What a scan has seen, a read after it sees, too.
fn scan_and_read(main: &Actor) {
    (0..2).for_each(|_| get(main, ONE));
    let writer = main.spawn("writer", |actor| write(&actor));
    let ended = main.read(ONE, |store| Ok(store.first()?.map(|(_, number)| number)));
    main.expect(ended, &[Ended::Done]);
    get(main, ONE);
    main.join([writer]);
    get(main, ONE);
}

/// Who sees one of the writes of a batch sees the other.
fn both_of_a_batch(main: &Actor) {
    let others = ("others", 1);
    (0..2).for_each(|_| get(main, others));
    let writer = main.spawn("writer", |actor| {
        let ended = actor.increment_all(|Actor { db, numbers, others, .. }| {
            let (number, other) = db.lock_together((numbers.wanted_or_create(1, 0), others.wanted_or_create(1, 0)))?;
            Ok(vec![("numbers", number), ("others", other)])
        });
        actor.expect(ended, &[Ended::Done]);
    });
    for (first, second) in [(ONE, others), (others, ONE)] {
        let visible = main.seen.visible(second);
        get(main, first);
        let seen = main.seen.visible(first);
        get(main, second);
        if main.seen.visible(second) < seen.max(visible) {
            main.seen.complain(format!("{first:?} is written and {second:?} is not"));
        }
    }
    main.join([writer]);
}

fn deleted_and_created(main: &Actor) {
    (0..2).for_each(|_| get(main, ONE));
    let writer = main.spawn("writer", |Actor { numbers, seen, .. }| {
        let ended = numbers.remove(1).and_then(|_| numbers.create(1, 7)?.commit());
        if let Err(error) = ended {
            seen.complain(error.to_string());
        }
    });
    let mut read = Vec::new();
    for _ in 0..3 {
        read.push(main.numbers.get(1));
    }
    main.join([writer]);
    read.push(main.numbers.get_shared(1).map(|number| number.map(|number| *number)));
    let step = |number: &Option<u64>| [Some(0), None, Some(7)].iter().position(|step| step == number);
    let steps: Vec<_> = read.iter().map(|number| number.as_ref().ok().and_then(step)).collect();
    if !steps.is_sorted() || steps.contains(&None) || steps.last() != Some(&Some(2)) {
        main.seen.complain(format!("0, deleted, and 7 was read as {read:?}"));
    }
    // What `check` is to find.
    let ended = main.numbers.put(1, 0);
    main.expect(main.ended(ended.map(|()| true)), &[Ended::Done]);
}

fn during_a_close(main: &Actor) {
    (0..2).for_each(|_| get(main, ONE));
    let closer = main.spawn("closer", |actor| {
        if let Err(error) = actor.db.clone().close() {
            actor.seen.complain(format!("close: {error}"));
        }
    });
    let ended = main.read(ONE, |store| store.get(1));
    main.expect(ended, &[Ended::Done, Ended::Closed]);
    main.join([closer]);
    let ended = main.read(ONE, |store| store.get(1));
    main.expect(ended, &[Ended::Closed]);
}

fn two_readers(main: &Actor) {
    get(main, ONE);
    let reader = main.spawn("reader", |actor| (0..2).for_each(|_| get(&actor, ONE)));
    let writer = main.spawn("writer", |actor| write(&actor));
    shared(main);
    main.join([reader, writer]);
    get(main, ONE);
}

fn two_writers(main: &Actor) {
    (0..2).for_each(|_| get(main, ONE));
    let writers = ["one", "two"].map(|name| main.spawn(name, |actor| write(&actor)));
    (0..2).for_each(|_| get(main, ONE));
    main.join(writers);
    get(main, ONE);
}
