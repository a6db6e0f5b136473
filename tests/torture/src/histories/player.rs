//! A thread of a history: it calls what there is, and writes down when, and what was answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use kvstore::{Error, Guard, Map, MapStore, Outcome, Result};
use kvstore_tests::TestResult;

use super::checker::{Call, Effect, KEYS, Seen, Values};
use super::locks::{Generated, Hold, Refusal};
use super::stage::Stage;

/// What the threads of a history wrote down.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) calls: Vec<Call>,
    pub(super) holds: Vec<Hold>,
    pub(super) refusals: Vec<Refusal>,
    pub(super) generated: Vec<Generated>,
    /// When a write returned whose outcome is unknown: the database takes no other that begins later.
    pub(super) failed: Vec<u64>,
    /// When writes that succeeded were invoked.
    pub(super) written: Vec<u64>,
    /// Commits that were told to fail, and did.
    pub(super) failures: u64,
}

impl Record {
    pub(super) fn extend(&mut self, other: Self) {
        self.calls.extend(other.calls);
        self.holds.extend(other.holds);
        self.refusals.extend(other.refusals);
        self.generated.extend(other.generated);
        self.failed.extend(other.failed);
        self.written.extend(other.written);
        self.failures += other.failures;
    }
}

/// A guard of the stores.
pub(super) type Entry = Guard<Map<(u32, u8), u32>>;

/// When a call was invoked, and when it returned.
pub(super) type Time = (u64, u64);

/// One thread.
pub(super) struct Player<'h> {
    pub(super) thread: usize,
    pub(super) rng: Rng,
    pub(super) stage: &'h Stage,
    /// The number of the history: its keys' first part.
    pub(super) history: u32,
    /// How many keys the history is about.
    pub(super) keys: usize,
    pub(super) clock: &'h AtomicU64,
    pub(super) record: Record,
    /// The last value: no other thread writes the same.
    pub(super) next: u32,
}

/// Calls of a thread that are written down, at most by one action: the threads share what the checker can take.
pub(super) const CALLS_OF_AN_ACTION: usize = 6;

impl Player<'_> {
    fn now(&self) -> u64 {
        self.clock.fetch_add(1, Ordering::SeqCst)
    }

    /// Calls something, and tells when.
    pub(super) fn timed<R>(&mut self, call: impl FnOnce(&mut Self) -> R) -> (R, Time) {
        self.pause();
        let invoked = self.now();
        let result = call(self);
        (result, (invoked, self.now()))
    }

    /// Lets others go first, now and then.
    pub(super) fn pause(&mut self) {
        match self.rng.u8(..8) {
            0..=2 => std::thread::yield_now(),
            3 => (0..self.rng.u32(..200)).for_each(|_| std::hint::spin_loop()),
            _ => {}
        }
    }

    pub(super) fn store(&self, key: usize) -> &MapStore<Map<(u32, u8), u32>> {
        &self.stage.stores[key % 2]
    }

    pub(super) fn key(&self, key: usize) -> (u32, u8) {
        // The number of a key fits into a byte.
        (self.history, u8::try_from(key).unwrap_or(u8::MAX))
    }

    /// A value that nobody wrote before.
    pub(super) fn value(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    /// Writes down a call and what it saw and wrote.
    pub(super) fn note(
        &mut self,
        name: &'static str,
        time: Time,
        saw: &[(usize, Seen)],
        wrote: &[(usize, Option<u32>)],
    ) {
        self.note_call(name, time, saw, wrote, false);
    }

    pub(super) fn note_call(
        &mut self,
        name: &'static str,
        (invoked, returned): Time,
        saw: &[(usize, Seen)],
        wrote: &[(usize, Option<u32>)],
        unknown: bool,
    ) {
        if !wrote.is_empty() && !unknown {
            self.record.written.push(invoked);
        }
        let effect = Effect { saw: saw.to_vec(), wrote: wrote.to_vec() };
        self.record.calls.push(Call { thread: self.thread, name, invoked, returned, effect, unknown });
    }

    /// Others may have met this thread's lock during a call.
    pub(super) fn note_brief_hold(&mut self, key: usize, (asked, over): Time) {
        self.record.holds.push(Hold { key, asked, over, sure: None });
    }

    /// A lock was held between two calls: the one that took it, and the one that gave it back.
    pub(super) fn note_hold(&mut self, key: usize, (asked, had): Time, (ending, over): Time) {
        self.record.holds.push(Hold { key, asked, over, sure: Some((had, ending)) });
    }

    /// One thing to do.
    pub(super) fn act(&mut self) -> TestResult {
        let key = self.rng.usize(..self.keys);
        match self.rng.u8(..32) {
            0..=3 => self.get(key),
            4 => self.contains(key),
            5..=7 => self.insert(key),
            8..=10 => self.update(key),
            11..=12 => self.remove(key),
            13..=14 => self.create(key),
            15..=16 => self.lock_or_create(key),
            17..=19 => self.lock(key, None),
            20 => self.lock(key, Some(Duration::ZERO)),
            21 => self.lock(key, Some(Duration::from_micros(50))),
            22..=24 => self.lock_several(),
            25 => self.try_lock_first(key % 2),
            26..=27 => self.snapshot(),
            28..=29 => self.scan(key % 2),
            30 => self.generate(),
            _ => {
                self.fault();
                Ok(())
            }
        }
    }

    fn get(&mut self, key: usize) -> TestResult {
        let (value, time) = self.timed(|player| player.store(key).get(player.key(key)));
        self.note("get", time, &[(key, Seen::Value(value?))], &[]);
        Ok(())
    }

    fn contains(&mut self, key: usize) -> TestResult {
        let (there, time) = self.timed(|player| player.store(key).contains(player.key(key)));
        self.note("contains", time, &[(key, Seen::Present(there?))], &[]);
        Ok(())
    }

    fn insert(&mut self, key: usize) -> TestResult {
        let value = self.value();
        let (inserted, time) = self.timed(|player| player.store(key).put(player.key(key), value));
        self.note_brief_hold(key, time);
        self.note_simple("put", time, inserted, &[], &[(key, Some(value))])
    }

    fn update(&mut self, key: usize) -> TestResult {
        let value = self.value();
        let mut seen = None;
        let mut rng = self.rng.fork();
        let (updated, time) = self.timed(|player| {
            player.store(key).update(player.key(key), |entry| {
                if rng.bool() {
                    std::thread::yield_now();
                }
                seen = Some(std::mem::replace(entry, value));
            })
        });
        self.note_brief_hold(key, time);
        match updated {
            Ok(None) => {
                self.note("update", time, &[(key, Seen::Value(None))], &[]);
                Ok(())
            }
            updated => {
                let updated = updated.map(|_| ());
                self.note_simple("update", time, updated, &[(key, Seen::Value(seen))], &[(key, Some(value))])
            }
        }
    }

    fn remove(&mut self, key: usize) -> TestResult {
        let (removed, time) = self.timed(|player| player.store(key).remove(player.key(key)));
        self.note_brief_hold(key, time);
        match removed {
            Ok(false) => {
                self.note("remove", time, &[(key, Seen::Present(false))], &[]);
                Ok(())
            }
            removed => {
                self.note_simple("remove", time, removed.map(|_| ()), &[(key, Seen::Present(true))], &[(key, None)])
            }
        }
    }

    /// A write whose error does not say whether it took effect.
    pub(super) fn note_simple(
        &mut self,
        name: &'static str,
        time: Time,
        result: Result<()>,
        saw: &[(usize, Seen)],
        wrote: &[(usize, Option<u32>)],
    ) -> TestResult {
        match result {
            Ok(()) => self.note(name, time, saw, wrote),
            // Refused before anything was tried.
            Err(Error::Failed { .. }) if self.stage.faults.is_some() => {}
            Err(Error::Engine { .. }) if self.stage.faults.is_some() => self.record.failures += 1,
            Err(Error::OutcomeUnknown { .. }) if self.stage.faults.is_some() => {
                self.record.failures += 1;
                self.record.failed.push(time.1);
                self.note_call(name, time, saw, wrote, true);
            }
            Err(other) => return Err(other.into()),
        }
        Ok(())
    }

    /// All keys at one moment, in any form.
    fn snapshot(&mut self) -> TestResult {
        let (snapshot, time) = self.timed(|player| player.stage.db.snapshot());
        let snapshot = snapshot?;
        self.pause();
        let mut values: Values = [None; KEYS];
        if self.rng.bool() {
            for store in &self.stage.stores {
                for entry in store.at(&snapshot).prefix((self.history,))? {
                    let ((_, key), value) = entry?;
                    values[usize::from(key)] = Some(value);
                }
            }
        } else {
            for (key, value) in values.iter_mut().enumerate() {
                *value = self.store(key).at(&snapshot).get(self.key(key))?;
            }
        }
        let saw: Vec<_> = (0..KEYS).map(|key| (key, Seen::Value(values[key]))).collect();
        self.note("snapshot", time, &saw, &[]);
        Ok(())
    }

    /// All keys of a store as of the moment the scan begins.
    fn scan(&mut self, store: usize) -> TestResult {
        let (scan, time) = self.timed(|player| player.stage.stores[store].prefix((player.history,)));
        let scan = if self.rng.bool() { scan?.reversed() } else { scan? };
        self.pause();
        let mut values: Values = [None; KEYS];
        for entry in scan {
            let ((_, key), value) = entry?;
            values[usize::from(key)] = Some(value);
        }
        let keys = (0..KEYS).filter(|key| key % 2 == store);
        let saw: Vec<_> = keys.map(|key| (key, Seen::Value(values[key]))).collect();
        self.note("scan", time, &saw, &[]);
        Ok(())
    }

    /// Keys that the store makes, some in a row.
    fn generate(&mut self) -> TestResult {
        for _ in 0..self.rng.u8(1..30) {
            let (key, (invoked, returned)) = self.timed(|player| {
                let numbers = &player.stage.numbers;
                if player.rng.bool() { numbers.next_key() } else { numbers.create_next(0).map(|guard| *guard.key()) }
            });
            match key {
                Ok(key) => self.record.generated.push(Generated { invoked, returned, key }),
                // The lease was not written.
                Err(Error::Engine { .. } | Error::OutcomeUnknown { .. } | Error::Failed { .. })
                    if self.stage.faults.is_some() =>
                {
                    return Ok(());
                }
                Err(other) => return Err(other.into()),
            }
        }
        Ok(())
    }

    /// Lets writes fail that come next, whosever they are.
    fn fault(&mut self) {
        if let Some(faults) = &self.stage.faults {
            let outcome = if self.rng.u8(..6) == 0 { Outcome::Unknown } else { Outcome::NotApplied };
            faults.fail_next_writes(self.rng.usize(1..4), outcome);
        }
    }
}
