//! A store as a queue, which all threads search while each writes keys of its own.

use std::collections::BTreeSet;
use std::time::Duration;

use super::actor::{Actor, Ended, Number};
use super::kvstore::{Batch, MapStore, Result};

type Queue = MapStore<Number>;

const NAMES: [&str; 3] = ["a", "b", "c"];
const CALLS: usize = 5;

/// The keys of thread `n` are those whose remainder is `n`, so that each knows what is there of them.
const KEYS: u64 = 9;

/// Starts the threads of a schedule, and returns what is wrong when they are done.
pub(super) fn play(seed: u64) -> Result<(), String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let main = Actor::main(Duration::MAX, 0).map_err(|error| error.to_string())?;
    let queue = main.db.map("queue").map_err(|error| error.to_string())?;
    let mut threads = Vec::new();
    for (number, name) in (0..).zip(NAMES) {
        let mut user = User { rng: rng.fork(), queue: queue.clone(), number, own: BTreeSet::new() };
        threads.push(main.spawn(name, move |actor| {
            for _ in 0..CALLS {
                let ended = user.call(&actor).map(|()| true);
                actor.expect(actor.ended(ended), &[Ended::Done]);
            }
        }));
    }
    main.join(threads);
    let checked = check(&main, &queue).map(|()| true);
    main.expect(main.ended(checked), &[Ended::Done]);
    main.check();
    main.seen.wrong().map_or(Ok(()), Err)
}

/// An entry is free at every moment: one is put before the other is locked. A search finds it.
pub(super) fn one_is_free(_seed: u64) -> Result<(), String> {
    let main = Actor::main(Duration::MAX, 0).map_err(|error| error.to_string())?;
    let started = main.db.map("queue").and_then(|queue: Queue| {
        queue.put(1, 0)?;
        let (new, queue_of_other) = (queue.create(2, 0)?, queue.clone());
        let other = main.spawn("other", move |actor| {
            let locked = new.commit().and_then(|()| queue_of_other.lock(1).map(|held| held.is_some()));
            actor.expect(actor.ended(locked), &[Ended::Done]);
        });
        Ok((queue, other))
    });
    let (queue, other) = started.map_err(|error| error.to_string())?;
    main.expect(main.ended(queue.try_lock_first(..).map(|found| found.is_some())), &[Ended::Done]);
    main.join([other]);
    main.seen.wrong().map_or(Ok(()), Err)
}

/// When all threads are done, each search finds what reads of single entries find.
fn check(main: &Actor, queue: &Queue) -> Result<()> {
    for start in 0..=KEYS {
        let there = (start..KEYS).find_map(|key| queue.contains(key).map(|there| there.then_some(key)).transpose());
        let (there, found) = (there.transpose()?, queue.try_lock_first(start..)?.map(|guard| *guard.key()));
        if there != found {
            main.seen.complain(format!("the head from {start} on is {there:?}, and {found:?} was found"));
        }
    }
    Ok(())
}

/// A thread that uses the queue.
struct User {
    rng: fastrand::Rng,
    queue: Queue,
    number: u64,
    /// Its keys that are there.
    own: BTreeSet<u64>,
}

impl User {
    fn call(&mut self, actor: &Actor) -> Result<()> {
        let key = self.rng.u64(..KEYS / 3) * 3 + self.number;
        match self.rng.u8(..8) {
            0 | 1 => {
                self.queue.put(key, 0)?;
                self.own.insert(key);
            }
            2 => {
                self.queue.remove(key)?;
                self.own.remove(&key);
            }
            3 => self.put_two(actor)?,
            4 => drop(self.queue.try_lock_first(self.rng.u64(..KEYS)..)?),
            5 => {
                let start = self.rng.u64(..KEYS);
                drop(self.queue.try_lock_first(start..self.rng.u64(start..KEYS))?);
            }
            _ => {}
        }
        self.see_first(actor)
    }

    fn put_two(&mut self, actor: &Actor) -> Result<()> {
        let keys = [self.number, self.number + 6];
        let [one, other] = keys.map(|key| self.queue.wanted_or_create(key, 0));
        let (mut one, mut other) = actor.db.lock_together((one, other))?;
        one.mark_changed();
        other.mark_changed();
        Batch::new().write(one).write(other).commit()?;
        self.own.extend(keys);
        Ok(())
    }

    /// The first entry, however it is read, is none behind one of the thread's own.
    fn see_first(&mut self, actor: &Actor) -> Result<()> {
        let Some(own) = self.own.first() else { return Ok(()) };
        let found = if self.rng.bool() {
            self.queue.first()?.map(|(key, _)| key)
        } else {
            self.queue.iter()?.keys().next().transpose()?
        };
        if found.is_none_or(|found| found > *own) {
            actor.seen.complain(format!("{own} is there, and {found:?} was found as the first"));
        }
        Ok(())
    }
}
