//! What the threads of a schedule do with a database, and what must be so when they are done.
//!
//! Compiled once for each model checker, as kvstore itself: `super::kvstore` and `super::thread` are its.

use std::sync::Arc;
use std::time::Duration;

use super::kvstore::{__model, Batch, Database, Error, Guard, Map, MapStore, Result};
use super::thread::{Builder, JoinHandle};
use crate::schedules::seen::{Call, Entry, Seen};

pub(super) type Number = Map<u64, u64>;
pub(super) type NumberGuard = Guard<Number>;

/// Guards with the names of their stores.
pub(super) type Guards = Vec<(&'static str, NumberGuard)>;

/// Each store has entries from 1 to so many, with the value 0 at first.
pub(super) const KEYS: u64 = 3;

/// A deadline, which may pass at any time.
pub(super) const SOON: Duration = Duration::from_secs(1);

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It had the lock or locks that it wanted.
    Done,
    /// Somebody else had one until the deadline.
    GaveUp,
    Closed,
}

/// A thread of a schedule, and what it has at hand.
#[derive(Clone)]
pub(super) struct Actor {
    pub(super) name: &'static str,
    pub(super) db: Database,
    pub(super) numbers: MapStore<Number>,
    pub(super) others: MapStore<Number>,
    pub(super) seen: Arc<Seen>,
}

impl Actor {
    /// The first thread, with a new database. With a read cache, that has nothing yet.
    pub(super) fn main(lock_timeout: Duration, read_cache_bytes: usize) -> Result<Self> {
        let builder = Database::builder().lock_timeout(lock_timeout).read_cache_bytes(read_cache_bytes);
        let db = builder.in_memory()?;
        let (numbers, others) = (db.map("numbers")?, db.map("others")?);
        for store in [&numbers, &others] {
            (1..=KEYS).try_for_each(|key| store.put(key, 0))?;
        }
        Ok(Self { name: "main", db, numbers, others, seen: Arc::default() })
    }

    /// Starts another thread.
    pub(super) fn spawn(&self, name: &'static str, act: impl FnOnce(Self) + Send + 'static) -> Option<JoinHandle<()>> {
        let actor = Self { name, ..self.clone() };
        let started = Builder::new().name(name.to_owned()).spawn(move || act(actor));
        started.map_err(|error| self.seen.complain(error.to_string())).ok()
    }

    /// Waits for threads to end.
    pub(super) fn join(&self, threads: impl IntoIterator<Item = Option<JoinHandle<()>>>) {
        for thread in threads.into_iter().flatten() {
            if thread.join().is_err() {
                self.seen.complain("a thread panicked".to_owned());
            }
        }
    }

    /// When all other threads are done: nobody holds or waits for anything, and each entry was incremented as often as that
    /// was acknowledged.
    pub(super) fn check(&self) {
        if !__model::is_idle(&self.db) {
            self.seen.complain(format!("the lock table is not empty: {:?}", self.db.locks()));
        }
        for (name, store) in [("numbers", &self.numbers), ("others", &self.others)] {
            for key in 1..=KEYS {
                let acknowledged = self.seen.acknowledged((name, key));
                match store.get(key) {
                    Ok(Some(number)) if number == acknowledged => {}
                    Err(Error::Closed) => {}
                    found => self.seen.complain(format!("{name}[{key}] is {found:?} after {acknowledged} increments")),
                }
            }
        }
    }

    /// Complains unless a call ended as it must.
    pub(super) fn expect(&self, ended: Ended, allowed: &[Ended]) {
        if ended == Ended::GaveUp {
            self.seen.give_up();
        }
        if !allowed.contains(&ended) {
            self.seen.complain(format!("a call of {} ended as {ended:?}, not as {allowed:?}", self.name));
        }
    }

    /// Locks an entry of `numbers` by `lock`, increments it, and commits.
    pub(super) fn increment(&self, lock: impl FnOnce(&Self) -> Result<Option<NumberGuard>>) -> Ended {
        self.increment_all(|actor| Ok(lock(actor)?.into_iter().map(|guard| ("numbers", guard)).collect()))
    }

    /// Locks several entries by `lock`, increments them, and commits them as a whole.
    pub(super) fn increment_all(&self, lock: impl FnOnce(&Self) -> Result<Guards>) -> Ended {
        self.hold(lock, |guards| {
            let entries = entries_of(&guards);
            if guards.len() == 1 {
                guards.into_iter().try_for_each(|(_, guard)| guard.commit())?;
            } else {
                guards.into_iter().fold(Batch::new(), |batch, (_, guard)| batch.write(guard)).commit()?;
            }
            for entry in entries {
                self.seen.acknowledge(entry);
            }
            Ok(())
        })
    }

    /// Locks entries by `lock`, changes their values, and ends the guards by `end`. Without any, it has given up.
    pub(super) fn hold(
        &self,
        lock: impl FnOnce(&Self) -> Result<Guards>,
        end: impl FnOnce(Guards) -> Result<()>,
    ) -> Ended {
        let call = self.seen.call(self.name);
        let held = lock(self).and_then(|mut guards| {
            let entries = entries_of(&guards);
            for (entry, (_, guard)) in entries.iter().zip(&mut guards) {
                self.seen.enter(call, *entry);
                **guard += 1;
            }
            entries.iter().try_for_each(|entry| self.leave(call, *entry))?;
            end(guards)?;
            Ok(!entries.is_empty())
        });
        self.ended(held)
    }

    /// Reads an entry by `read`, without its lock: it must see what was acknowledged, or read by anybody, before.
    pub(super) fn read(&self, entry: Entry, read: impl FnOnce(&MapStore<Number>) -> Result<Option<u64>>) -> Ended {
        let store = if entry.0 == "numbers" { &self.numbers } else { &self.others };
        let visible = self.seen.visible(entry);
        self.ended(read(store).map(|number| {
            match number {
                Some(number) => self.seen.read(entry, visible, number),
                None => self.seen.complain(format!("{entry:?} is not there")),
            }
            true
        }))
    }

    /// How a call ended that had a lock, or did not.
    pub(super) fn ended(&self, result: Result<bool>) -> Ended {
        match result {
            Ok(true) => Ended::Done,
            Ok(false) | Err(Error::LockTimeout { .. } | Error::Locked { .. }) => Ended::GaveUp,
            Err(Error::Closed) => Ended::Closed,
            Err(other) => {
                self.seen.complain(format!("{}: {other}", self.name));
                Ended::Closed
            }
        }
    }

    /// Tells who stands in line, before the lock is given back.
    pub(super) fn leave(&self, call: Call, entry: Entry) -> Result<()> {
        let (name, key) = entry;
        let store = if name == "numbers" { &self.numbers } else { &self.others };
        __model::see_line(store, key, |line| self.seen.leave(call, entry, &line))
    }
}

fn entries_of(guards: &Guards) -> Vec<Entry> {
    guards.iter().map(|(store, guard)| (*store, *guard.key())).collect()
}
