//! What the threads do: calls of all kinds, chosen by the seed.

use std::ops::AddAssign;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use ::shuttle::sync::mpsc::{Receiver, Sender, channel};
use ::shuttle::thread::JoinHandle;

use super::actor::{Actor, Ended, Guards, KEYS, NumberGuard, SOON};
use super::kvstore::{Batch, Result};

const NAMES: [&str; 4] = ["a", "b", "c", "d"];
const CALLS: usize = 4;

/// An entry of `others` that is held until the close.
const KEPT: u64 = KEYS;

/// What happened in a schedule.
#[derive(Debug, Default)]
pub(super) struct Figures {
    pub(super) hand_overs: u64,
    pub(super) gave_up: u64,
}

impl AddAssign for Figures {
    fn add_assign(&mut self, other: Self) {
        self.hand_overs += other.hand_overs;
        self.gave_up += other.gave_up;
    }
}

/// Starts the threads of a schedule, and tells what is wrong when they are done.
pub(super) fn play(seed: u64) -> Result<Figures, String> {
    let mut rng = fastrand::Rng::with_seed(seed);
    // With `Duration::MAX` a thread that is forgotten waits for ever: shuttle finds a deadlock.
    let lock_timeout = if rng.bool() { SOON } else { Duration::MAX };
    let closes = rng.u8(..4) == 0;
    // A few bytes are enough for these entries; without any, all reads go to the engine.
    let read_cache_bytes = if rng.u8(..4) == 0 { 0 } else { 1 << 16 };
    let main = Actor::main(lock_timeout, read_cache_bytes).map_err(|error| error.to_string())?;
    let (courier, sent) = channel();
    let mut threads = vec![main.spawn("courier", move |_| deliver(&sent))];
    for name in NAMES.into_iter().take(rng.usize(3..=NAMES.len())) {
        let mut caller =
            Caller { rng: rng.fork(), courier: courier.clone(), may_give_up: lock_timeout == SOON, closes };
        threads.push(main.spawn(name, move |actor| (0..CALLS).for_each(|_| caller.call(&actor))));
    }
    drop(courier);
    if closes {
        threads.push(close_while_held(&main));
    }
    main.join(threads);
    main.check();
    if !closes {
        close(&main);
    }
    let figures = Figures { hand_overs: main.seen.hand_overs(), gave_up: main.seen.gave_up() };
    main.seen.wrong().map_or(Ok(figures), Err)
}

/// Holds an entry that two threads want, until the close has woken them.
fn close_while_held(main: &Actor) -> Option<JoinHandle<()>> {
    let held = main.others.lock(KEPT);
    let waiting = ["waiting", "also waiting"].map(|name| {
        main.spawn(name, |actor| {
            let ended = actor.hold(|actor| one(actor.others.lock_for(KEPT, Duration::MAX)), |_| Ok(()));
            actor.expect(ended, &[Ended::Closed]);
        })
    });
    main.spawn("closer", move |actor| {
        close(&actor);
        actor.join(waiting);
        drop(held);
    })
}

fn close(actor: &Actor) {
    if let Err(error) = actor.db.clone().close() {
        actor.seen.complain(format!("close: {error}"));
    }
}

/// Gives back the locks of guards that were sent here.
fn deliver(sent: &Receiver<Guards>) {
    while let Ok(guards) = sent.recv() {
        drop(guards);
    }
}

/// Makes calls by chance.
struct Caller {
    rng: fastrand::Rng,
    courier: Sender<Guards>,
    /// Whether the database's own deadline may pass.
    may_give_up: bool,
    closes: bool,
}

impl Caller {
    fn call(&mut self, actor: &Actor) {
        let (kind, key, keys) = (self.rng.u8(..20), self.rng.u64(1..=KEYS), self.keys());
        let ended = match kind {
            0 | 1 => actor.increment(|actor| actor.numbers.lock_for(key, SOON)),
            2 => actor.increment(|actor| actor.numbers.try_lock(key)),
            3 => actor.increment(|actor| actor.numbers.try_lock_first(key..)),
            4 | 5 => actor.increment(|actor| actor.numbers.lock(key)),
            6 | 7 => actor.increment_all(|actor| all(actor, &keys)),
            8 => actor.increment_all(|actor| two_stores(actor, key.min(KEPT - 1))),
            9 => update(actor, key),
            10 => save_and_release(actor, key),
            11 => lose(actor, |actor| all(actor, &keys), drop_half_a_batch),
            12 => lose(actor, |actor| all(actor, &keys), panic_while_holding),
            13 | 14 => actor.read(("numbers", key), |store| store.get(key)),
            15 | 16 => actor.read(("numbers", key), |store| Ok(store.get_shared(key)?.map(|number| *number))),
            17 => actor.read(("others", key), |store| Ok(store.get_shared(key)?.map(|number| *number))),
            // Without a snapshot, which would keep a close waiting.
            18 => actor.read(("numbers", 1), |store| Ok(store.first()?.map(|(_, number)| number))),
            // Where the courier has gone, the guards are dropped here.
            _ => lose(actor, |actor| one(actor.numbers.lock(key)), |guards| drop(self.courier.send(guards))),
        };
        let may_give_up = self.may_give_up || kind < 4;
        let allowed = [Some(Ended::Done), may_give_up.then_some(Ended::GaveUp), self.closes.then_some(Ended::Closed)];
        actor.expect(ended, &allowed.into_iter().flatten().collect::<Vec<_>>());
    }

    /// Some keys, in any order.
    fn keys(&mut self) -> Vec<u64> {
        let mut keys: Vec<_> = (1..=KEYS).collect();
        self.rng.shuffle(&mut keys);
        keys.truncate(self.rng.usize(1..=keys.len()));
        keys
    }
}

fn one(guard: Result<Option<NumberGuard>>) -> Result<Guards> {
    Ok(guard?.into_iter().map(|guard| ("numbers", guard)).collect())
}

fn all(actor: &Actor, keys: &[u64]) -> Result<Guards> {
    Ok(actor.numbers.lock_all(keys)?.into_iter().flatten().map(|guard| ("numbers", guard)).collect())
}

fn two_stores(actor: &Actor, key: u64) -> Result<Guards> {
    let Actor { db, numbers, others, .. } = actor;
    let (other, number) = db.lock_together((others.wanted(key), numbers.wanted_or_create(key, 0)))?;
    Ok(other.map(|guard| ("others", guard)).into_iter().chain([("numbers", number)]).collect())
}

fn update(actor: &Actor, key: u64) -> Ended {
    let (call, entry) = (actor.seen.call(actor.name), ("numbers", key));
    let updated = actor.numbers.update(key, |number| {
        actor.seen.enter(call, entry);
        *number += 1;
        actor.leave(call, entry)
    });
    actor.ended(updated.and_then(Option::transpose).map(|found| {
        if found.is_some() {
            actor.seen.acknowledge(entry);
        }
        found.is_some()
    }))
}

/// Writes the increment at once and holds the lock a little longer.
fn save_and_release(actor: &Actor, key: u64) -> Ended {
    actor.hold(
        |actor| one(actor.numbers.lock(key)),
        |guards| {
            for (store, mut guard) in guards {
                guard.save()?;
                actor.seen.acknowledge((store, key));
                guard.mark_changed();
                guard.release();
            }
            Ok(())
        },
    )
}

/// Locks, and ends the guards by `end`, which writes nothing.
fn lose(actor: &Actor, lock: impl FnOnce(&Actor) -> Result<Guards>, end: impl FnOnce(Guards)) -> Ended {
    actor.hold(lock, |guards| {
        end(guards);
        Ok(())
    })
}

fn drop_half_a_batch(mut guards: Guards) {
    if let Some((_, last)) = guards.pop() {
        drop(Batch::new().write(last));
    }
}

fn panic_while_holding(guards: Guards) {
    // Without the hook of panics, which would print each.
    let panicked: std::thread::Result<()> = catch_unwind(AssertUnwindSafe(|| {
        let _held = guards;
        resume_unwind(Box::new("on purpose"))
    }));
    drop(panicked);
}
