//! What a thread of a history does with guards.

use std::time::Duration;

use kvstore::{Batch, CommitError, Error, Outcome, Result};
use kvstore_tests::TestResult;

use super::checker::{KEYS, Seen};
use super::locks::Refusal;
use super::player::{Entry, Player, Time};

/// A lock that is held.
#[derive(Debug, Clone, Copy)]
struct Lock {
    key: usize,
    /// The value that is committed.
    committed: Option<u32>,
    /// From when until when it took to take it.
    taken: Time,
}

impl Player<'_> {
    /// What a lock answered; `None` where the database refuses it.
    fn admitted<G>(&self, result: Result<G>) -> TestResult<Option<G>> {
        match result {
            Ok(guard) => Ok(Some(guard)),
            Err(Error::Failed { .. }) if self.stage.faults.is_some() => Ok(None),
            Err(other) => Err(other.into()),
        }
    }

    pub(super) fn create(&mut self, key: usize) -> TestResult {
        let value = self.value();
        let (created, time) = self.timed(|player| player.store(key).create(player.key(key), value));
        if let Err(Error::AlreadyExists { .. }) = created {
            self.note_brief_hold(key, time);
            self.note("create", time, &[(key, Seen::Present(true))], &[]);
            return Ok(());
        }
        let Some(guard) = self.admitted(created)? else { return Ok(()) };
        self.note("create", time, &[(key, Seen::Value(None))], &[]);
        self.hold(guard, Lock { key, committed: None, taken: time })
    }

    pub(super) fn lock_or_create(&mut self, key: usize) -> TestResult {
        let value = self.value();
        let (locked, time) = self.timed(|player| player.store(key).lock_or_create(player.key(key), value));
        let Some(guard) = self.admitted(locked)? else { return Ok(()) };
        let committed = if guard.is_new() { None } else { Some(*guard) };
        self.note("lock_or_create", time, &[(key, Seen::Value(committed))], &[]);
        self.hold(guard, Lock { key, committed, taken: time })
    }

    /// Waiting so long, or as long as it takes.
    pub(super) fn lock(&mut self, key: usize, wait: Option<Duration>) -> TestResult {
        let (locked, time) = self.timed(|player| {
            let (store, key) = (player.store(key), player.key(key));
            match wait {
                None => store.lock(key),
                Some(Duration::ZERO) => store.try_lock(key),
                Some(wait) => store.lock_for(key, wait),
            }
        });
        if let (Some(_), Err(Error::Locked { .. } | Error::LockTimeout { .. })) = (wait, &locked) {
            self.record.refusals.push(Refusal { key, invoked: time.0, returned: time.1 });
            return Ok(());
        }
        let Some(found) = self.admitted(locked)? else { return Ok(()) };
        self.note("lock", time, &[(key, Seen::Value(found.as_deref().copied()))], &[]);
        let Some(guard) = found else {
            self.note_brief_hold(key, time);
            return Ok(());
        };
        let committed = Some(*guard);
        self.hold(guard, Lock { key, committed, taken: time })
    }

    pub(super) fn try_lock_first(&mut self, store: usize) -> TestResult {
        let (first, last) = (self.key(0), self.key(KEYS));
        let (found, time) = self.timed(|player| player.stage.stores[store].try_lock_first(first..last));
        for key in (0..self.keys).filter(|key| key % 2 == store) {
            self.note_brief_hold(key, time);
        }
        let Some(Some(guard)) = self.admitted(found)? else { return Ok(()) };
        let (key, committed) = (usize::from(guard.key().1), Some(*guard));
        self.note("try_lock_first", time, &[(key, Seen::Value(committed))], &[]);
        self.hold(guard, Lock { key, committed, taken: time })
    }

    /// Does something with a guard until it is gone.
    fn hold(&mut self, mut guard: Entry, mut lock: Lock) -> TestResult {
        for _ in 0..2 {
            self.pause();
            match self.rng.u8(..8) {
                0 => {
                    // Nobody else changes it.
                    let (value, time) = self.timed(|player| player.store(lock.key).get(player.key(lock.key)));
                    let value = value?;
                    if value != lock.committed {
                        return Err(format!("{lock:?} at {time:?}: the entry is {value:?}").into());
                    }
                }
                1 => {
                    let value = self.value();
                    *guard = value;
                    let (saved, time) = self.timed(|_| guard.save());
                    let failed = saved.is_err();
                    let saw = [(lock.key, Seen::Value(lock.committed))];
                    self.note_simple("save", time, saved, &saw, &[(lock.key, Some(value))])?;
                    if failed {
                        self.release(guard, lock);
                        return Ok(());
                    }
                    lock.committed = Some(value);
                }
                _ => {}
            }
        }
        self.end(guard, lock)
    }

    fn end(&mut self, mut guard: Entry, lock: Lock) -> TestResult {
        let key = lock.key;
        let saw = [(key, Seen::Value(lock.committed))];
        let (failed, time) = match self.rng.u8(..8) {
            0..=3 => {
                let value = self.value();
                *guard = value;
                let (result, time) = self.timed(|_| guard.try_commit());
                (self.note_commit("commit", time, result, &saw, &[(key, Some(value))])?, time)
            }
            4 => {
                // What was never there is not deleted.
                let wrote = lock.committed.map(|_| (key, None));
                let (result, time) = self.timed(|_| guard.try_delete());
                (self.note_commit("delete", time, result, &saw, wrote.as_slice())?, time)
            }
            5 => {
                // A new entry is written, another is not.
                let wrote = if lock.committed.is_none() { Some((key, Some(*guard))) } else { None };
                let (result, time) = self.timed(|_| guard.try_commit());
                (self.note_commit("clean commit", time, result, &saw, wrote.as_slice())?, time)
            }
            6 => {
                *guard = self.value();
                let ((), time) = self.timed(|_| drop(guard));
                (None, time)
            }
            _ => {
                *guard = self.value();
                self.release(guard, lock);
                return Ok(());
            }
        };
        match failed {
            None => {
                self.note_hold(key, lock.taken, time);
                Ok(())
            }
            Some(guard) => self.commit_again(guard, lock),
        }
    }

    fn release(&mut self, guard: Entry, lock: Lock) {
        let ((), time) = self.timed(|_| guard.release());
        self.note_hold(lock.key, lock.taken, time);
    }

    /// What a commit that failed gives back is still locked, and may be committed unless the database refuses.
    fn commit_again(&mut self, mut guard: Entry, lock: Lock) -> TestResult {
        let value = self.value();
        *guard = value;
        let (result, time) = self.timed(|_| guard.try_commit());
        let saw = [(lock.key, Seen::Value(lock.committed))];
        match self.note_commit("commit again", time, result, &saw, &[(lock.key, Some(value))])? {
            None => self.note_hold(lock.key, lock.taken, time),
            Some(guard) => self.release(guard, lock),
        }
        Ok(())
    }

    /// Writes down a commit. One that failed gives back what it held.
    fn note_commit<G>(
        &mut self,
        name: &'static str,
        time: Time,
        result: std::result::Result<(), CommitError<G>>,
        saw: &[(usize, Seen)],
        wrote: &[(usize, Option<u32>)],
    ) -> TestResult<Option<G>> {
        let Err(failed) = result else {
            self.note(name, time, saw, wrote);
            return Ok(None);
        };
        match failed.error() {
            Error::Engine { .. } | Error::Failed { .. } if self.stage.faults.is_some() => {}
            _ => return Err(Error::from(failed).into()),
        }
        self.record.failures += 1;
        if failed.outcome() == Outcome::Unknown {
            self.record.failed.push(time.1);
            self.note_call(name, time, saw, wrote, true);
        }
        Ok(Some(failed.into_held()))
    }

    /// Two entries of one store or of both, locked together.
    pub(super) fn lock_several(&mut self) -> TestResult {
        if self.keys < 2 {
            return Ok(());
        }
        let first = self.rng.usize(..self.keys);
        let second = (first + self.rng.usize(1..self.keys)) % self.keys;
        let (init, all) = (self.value(), first % 2 == second % 2 && self.rng.bool());
        let (locked, time) = self.timed(|player| {
            let (one, other) = (player.store(first), player.store(second));
            let keys = [player.key(first), player.key(second)];
            if all {
                return one.lock_all(keys);
            }
            let requests = (one.wanted(keys[0]), other.wanted_or_create(keys[1], init));
            player.stage.db.lock_together(requests).map(|(guard, other)| vec![guard, Some(other)])
        });
        let Some(guards) = self.admitted(locked)? else {
            // The first lock may have been held when the second was refused.
            self.note_brief_hold(first, time);
            self.note_brief_hold(second, time);
            return Ok(());
        };
        self.batch(time, [first, second].into_iter().zip(guards).collect())
    }

    /// Commits what was locked as a batch.
    fn batch(&mut self, taken: Time, locked: Vec<(usize, Option<Entry>)>) -> TestResult {
        let (mut saw, mut wrote, mut held) = (Vec::new(), Vec::new(), Vec::new());
        let mut batch = Batch::new();
        for (key, guard) in locked {
            let Some(mut guard) = guard else {
                saw.push((key, Seen::Value(None)));
                self.note_brief_hold(key, taken);
                continue;
            };
            held.push(key);
            let value = if guard.is_new() { None } else { Some(*guard) };
            saw.push((key, Seen::Value(value)));
            if self.rng.u8(..4) > 0 {
                let value = self.value();
                *guard = value;
                wrote.push((key, Some(value)));
                batch = batch.write(guard);
            } else {
                // What was never there is not deleted.
                wrote.extend(value.map(|_| (key, None)));
                batch = batch.delete(guard);
            }
        }
        self.note("lock together", taken, &saw, &[]);
        saw.retain(|(key, _)| held.contains(key));
        let (result, time) = self.timed(|_| batch.try_commit());
        let failed = self.note_commit("batch", time, result, &saw, &wrote)?;
        let given = match failed {
            Some(batch) => self.timed(|_| drop(batch)).1,
            None => time,
        };
        for key in held {
            self.note_hold(key, taken, given);
        }
        Ok(())
    }
}
