//! One store and its model.

use std::time::Duration;

use kvstore::{Batch, Database, Guard, MapStore, Result, Snapshot};
use kvstore_tests::TestResult;

use super::answer::{Answer, Refusal, answer, same};
use super::held::{Given, Held};
use super::kinds::Kind;
use super::ops::{Act, Deed, Form, How, Range, Read, Scanning, Scope, Step};
use super::race::{Own, race};
use super::reader::{Entries, Reader, Running, first_free, keys_within, number_of, read, remove_range, try_lock_first};

/// Why a `try_update` changed nothing.
enum GivenUp {
    /// Its function said so.
    Program,
    Store(kvstore::Error),
}

impl From<kvstore::Error> for GivenUp {
    fn from(error: kvstore::Error) -> Self {
        Self::Store(error)
    }
}

/// A store, and all that must be true of it.
pub(super) struct Shelf<K: Kind> {
    pub(super) namespace: String,
    /// `None` until it is first used after the database was opened.
    store: Option<MapStore<K::Store>>,
    /// Whether the namespace is in the catalog.
    pub(super) exists: bool,
    /// Whether this program made the namespace, or wrote to it.
    pub(super) wrote: bool,
    entries: Entries<K>,
    held: Vec<Held<K>>,
    given: Vec<Given<K>>,
    scans: Vec<Running<K>>,
    /// What each snapshot saw.
    past: Vec<Entries<K>>,
    last_generated: Option<K::Key>,
}

/// Guards held of one store at a time; beyond it the oldest is released.
const HELD: usize = 4;

/// Scans kept going at a time.
const SCANS: usize = 2;

/// What a lock must find: the number of the entry, and whether it is new.
type Found = Answer<Option<(u32, bool)>>;

impl<K: Kind> Shelf<K> {
    pub(super) fn new(namespace: &str) -> Self {
        Self {
            namespace: namespace.to_owned(),
            store: None,
            exists: false,
            wrote: false,
            entries: Entries::<K>::new(),
            held: Vec::new(),
            given: Vec::new(),
            scans: Vec::new(),
            past: Vec::new(),
            last_generated: None,
        }
    }

    /// The same namespace in the hands of another program. Nothing of it may be open.
    pub(super) fn for_other_program<L: Kind<Key = K::Key>>(self) -> Shelf<L> {
        let Self { namespace, exists, entries, past, last_generated, .. } = self;
        Shelf { exists, entries, past, last_generated, ..Shelf::new(&namespace) }
    }

    /// The store, opened where it is not.
    pub(super) fn store(&mut self, db: &Database) -> TestResult<MapStore<K::Store>> {
        if self.store.is_none() {
            self.store = Some(K::open(db, &self.namespace)?);
            self.wrote |= !self.exists;
            self.exists = true;
        }
        self.store.clone().ok_or_else(|| "the store was just opened".into())
    }

    pub(super) fn is_held(&self, key: &K::Key) -> bool {
        self.held.iter().any(|held| held.key() == key)
    }

    /// What a lock must find that answers `otherwise` where there is no entry.
    pub(super) fn expected(&self, key: &K::Key, if_held: Refusal, otherwise: Found) -> Found {
        if self.is_held(key) {
            return Err(if_held);
        }
        self.entries.get(key).map_or(otherwise, |number| Ok(Some((*number, false))))
    }

    /// Holds what a lock found against what it must find, keeps the guard, and does something with it.
    pub(super) fn admit(
        &mut self,
        what: &str,
        key: &K::Key,
        result: Result<Option<Guard<K::Store>>>,
        expected: Found,
        then: [Act; 2],
    ) -> TestResult {
        let found = answer(result)?;
        let seen = match &found {
            Ok(Some(guard)) => Ok(Some((number_of::<K>(key, guard)?, guard.is_new()))),
            Ok(None) => Ok(None),
            Err(refusal) => Err(*refusal),
        };
        same(&format!("{what} {key:?}"), &seen, &expected)?;
        if let (Ok(Some(guard)), Ok(Some((number, is_new)))) = (found, seen) {
            self.held.push(Held::new(guard, key.clone(), number, is_new)?);
            self.act(self.held.len() - 1, then)?;
        }
        Ok(())
    }

    /// Does something with a guard.
    fn act(&mut self, index: usize, acts: [Act; 2]) -> TestResult {
        let mut held = Some(self.held.remove(index));
        for act in acts {
            let Some(guard) = held.take() else { break };
            let (left, wrote) = guard.act(act, &mut self.entries)?;
            held = left;
            self.wrote |= wrote;
        }
        self.held.extend(held);
        if self.held.len() > HELD {
            self.act(0, [Act::Release, Act::Keep])?;
        }
        Ok(())
    }

    fn insert(&mut self, db: &Database, key: &K::Key, number: u32) -> TestResult {
        let number = K::fresh(number);
        let expected = if self.is_held(key) { Err(Refusal::LockTimeout) } else { Ok(()) };
        let inserted = answer(K::insert(&self.store(db)?, key, K::value(key, number)))?;
        same(&format!("insert {key:?}"), &inserted, &expected)?;
        if inserted.is_ok() {
            self.entries.insert(key.clone(), number);
            self.wrote = true;
        }
        Ok(())
    }

    fn update(&mut self, db: &Database, key: &K::Key, number: u32) -> TestResult {
        let number = K::fresh(number);
        let changed = self.store(db)?.update(key, |value| {
            let old = K::number(key, value);
            *value = K::value(key, number);
            old
        });
        let there = self.entries.get(key).copied();
        let expected = if self.is_held(key) { Err(Refusal::LockTimeout) } else { Ok(there.map(Some)) };
        same(&format!("update {key:?}"), &answer(changed)?, &expected)?;
        if let Ok(Some(_)) = expected {
            self.entries.insert(key.clone(), number);
            self.wrote = true;
        }
        Ok(())
    }

    fn remove(&mut self, db: &Database, key: &K::Key) -> TestResult {
        let expected = if self.is_held(key) { Err(Refusal::LockTimeout) } else { Ok(self.entries.contains_key(key)) };
        same(&format!("remove {key:?}"), &answer(self.store(db)?.remove(key))?, &expected)?;
        if expected == Ok(true) {
            self.entries.remove(key);
            self.wrote = true;
        }
        Ok(())
    }

    fn try_update(&mut self, db: &Database, key: &K::Key, number: u32, fails: bool) -> TestResult {
        let number = K::fresh(number);
        let changed = self.store(db)?.try_update(key, |value| -> std::result::Result<_, GivenUp> {
            *value = K::value(key, number);
            if fails { Err(GivenUp::Program) } else { Ok(()) }
        });
        let changed = match changed {
            Ok(changed) => answer(Ok(changed.map(|()| true)))?,
            Err(GivenUp::Program) => Ok(Some(false)),
            Err(GivenUp::Store(error)) => answer(Err(error))?,
        };
        let there = self.entries.contains_key(key);
        let expected = if self.is_held(key) { Err(Refusal::LockTimeout) } else { Ok(there.then_some(!fails)) };
        same(&format!("try_update {key:?}"), &changed, &expected)?;
        if expected == Ok(Some(true)) {
            self.entries.insert(key.clone(), number);
            self.wrote = true;
        }
        Ok(())
    }

    /// `replace`, or `take` without a number.
    fn exchange(&mut self, db: &Database, key: &K::Key, number: Option<u32>) -> TestResult {
        let number = number.map(K::fresh);
        let store = self.store(db)?;
        let old = match number {
            Some(number) => store.replace(key, K::value(key, number)),
            None => store.take(key),
        };
        let old = answer(old)?.map(|value| value.map(|value| K::number(key, &value)));
        let there = self.entries.get(key).copied();
        let expected = if self.is_held(key) { Err(Refusal::LockTimeout) } else { Ok(there.map(Some)) };
        same(&format!("replace {key:?} by {number:?}"), &old, &expected)?;
        if expected.is_ok() {
            self.wrote |= number.is_some() || there.is_some();
            match number {
                Some(number) => self.entries.insert(key.clone(), number),
                None => self.entries.remove(key),
            };
        }
        Ok(())
    }

    /// What nobody holds is removed, then the rest is waited for.
    fn remove_range(&mut self, db: &Database, range: Range) -> TestResult {
        // Of more, what is held may keep those of later commits.
        const AT_ONCE: usize = 256;
        if self.entries.len() > AT_ONCE {
            return Ok(());
        }
        let found = answer(remove_range::<K>(&self.store(db)?, range))?;
        let keys = keys_within::<K>(&self.entries, range);
        let free = keys.as_ref().map(|keys| keys.iter().filter(|key| !self.is_held(key)).cloned().collect::<Vec<_>>());
        let expected = match (&keys, &free) {
            (Ok(keys), Ok(free)) if free.len() < keys.len() => Err(Refusal::LockTimeout),
            (Ok(keys), _) => Ok(keys.len() as u64),
            (Err(refusal), _) => Err(*refusal),
        };
        same(&format!("remove_range {range:?}"), &found, &expected)?;
        for key in free.into_iter().flatten() {
            self.entries.remove(&key);
            self.wrote = true;
        }
        Ok(())
    }

    fn create(&mut self, db: &Database, key: &K::Key, number: u32, then: [Act; 2]) -> TestResult {
        let number = K::fresh(number);
        let expected = match self.expected(key, Refusal::LockTimeout, Ok(None)) {
            Ok(Some(_)) => Err(Refusal::AlreadyExists),
            Ok(None) => Ok(Some((number, true))),
            refused => refused,
        };
        let created = K::create(&self.store(db)?, key, number).map(Some);
        self.admit("create", key, created, expected, then)
    }

    /// A whole value whose key field is another than its key is not taken; `insert` is told from `create`.
    fn give_mangled(&mut self, db: &Database, key: &K::Key, insert: bool) -> TestResult {
        let mut value = K::value(key, K::fresh(0));
        if !K::mangle(&mut value) {
            return Ok(());
        }
        let expected = match self.expected(key, Refusal::LockTimeout, Ok(None)) {
            Err(refusal) => refusal,
            Ok(Some(_)) if !insert => Refusal::AlreadyExists,
            Ok(_) => Refusal::KeyChanged,
        };
        let store = self.store(db)?;
        let found = if insert { store.insert(key, value) } else { store.create(key, value).map(Guard::release) };
        same(&format!("giving {key:?} another key"), &answer(found)?, &Err(expected))
    }

    fn lock(&mut self, db: &Database, key: &K::Key, how: How, then: [Act; 2]) -> TestResult {
        let store = self.store(db)?;
        let (result, if_held) = match how {
            How::Lock => (store.lock(key), Refusal::LockTimeout),
            How::TryLock => (store.try_lock(key), Refusal::Locked),
            How::LockFor => (store.lock_for(key, Duration::ZERO), Refusal::LockTimeout),
        };
        let expected = self.expected(key, if_held, Ok(None));
        self.admit("lock", key, result, expected, then)
    }

    fn lock_all(&mut self, db: &Database, keys: &[K::Key], then: [Act; 2]) -> TestResult {
        let twice = (1..keys.len()).any(|index| keys[..index].contains(&keys[index]));
        let expected = if twice {
            Err(Refusal::DuplicateKey)
        } else if keys.iter().any(|key| self.is_held(key)) {
            Err(Refusal::LockTimeout)
        } else {
            Ok(keys.len())
        };
        let guards = answer(self.store(db)?.lock_all(keys))?;
        same("lock_all", &guards.as_ref().map(Vec::len).map_err(|refusal| *refusal), &expected)?;
        for (key, guard) in keys.iter().zip(guards.into_iter().flatten()) {
            let expected = self.expected(key, Refusal::Locked, Ok(None));
            self.admit("lock_all", key, Ok(guard), expected, then)?;
        }
        Ok(())
    }

    fn try_lock_first(&mut self, db: &Database, range: Range, then: [Act; 2]) -> TestResult {
        let expected = first_free::<K>(&self.entries, range, |key| !self.is_held(key));
        let found = answer(try_lock_first::<K>(&self.store(db)?, range))?;
        let key =
            found.as_ref().map(|found| found.as_ref().map(|guard| guard.key().clone())).map_err(|refusal| *refusal);
        let expected_key =
            expected.as_ref().map(|row| row.as_ref().map(|row| row.0.clone())).map_err(|refusal| *refusal);
        same(&format!("try_lock_first {range:?}"), &key, &expected_key)?;
        match (found, expected) {
            (Ok(Some(guard)), Ok(Some((key, number)))) => {
                self.admit("try_lock_first", &key, Ok(Some(guard)), Ok(Some((number, false))), then)
            }
            _ => Ok(()),
        }
    }

    fn race(&mut self, db: &Database, keys: [u8; 4], ranges: [Range; 2], number: u32) -> TestResult {
        let mut own: Vec<Own<K>> = Vec::new();
        for (place, choice) in (0..).zip(keys) {
            let key = K::key(choice);
            if !self.is_held(&key) && own.iter().all(|(other, ..)| *other != key) {
                own.push((key, K::fresh(number.wrapping_add(place)), number >> place & 1 == 1));
            }
        }
        let (one, other) = own.split_at(own.len() / 2);
        race::<K>(&self.store(db)?, [one, other], ranges)?;
        for (key, number, removed) in own {
            self.wrote = true;
            if removed {
                self.entries.remove(&key);
            } else {
                self.entries.insert(key, number);
            }
        }
        let after = keys.map(|start| Range { form: Form::From, start, end: 0 });
        let mut ranges = after.into_iter().chain(ranges);
        ranges.try_for_each(|range| self.try_lock_first(db, range, [Act::Release, Act::Keep]))
    }

    /// A generated key is greater than all before it, and nobody's.
    fn check_generated(&mut self, key: &K::Key) -> TestResult {
        if self.entries.contains_key(key) {
            return Err(format!("the generated key {key:?} is there already").into());
        }
        match self.last_generated.replace(key.clone()) {
            Some(last) if last >= *key => Err(format!("{key:?} was generated after {last:?}").into()),
            _ => Ok(()),
        }
    }

    fn create_next(&mut self, db: &Database, number: u32, then: [Act; 2]) -> TestResult {
        let number = K::fresh(number);
        let Some(created) = K::create_next(&self.store(db)?, number) else { return Ok(()) };
        let guard = created?;
        let key = guard.key().clone();
        self.check_generated(&key)?;
        self.admit("create_next", &key, Ok(Some(guard)), Ok(Some((number, true))), then)
    }

    fn ends(&mut self, db: &Database) -> TestResult {
        let store = self.store(db)?;
        for (what, found, expected) in [
            ("first", store.first()?, self.entries.first_key_value()),
            ("last", store.last()?, self.entries.last_key_value()),
        ] {
            let found =
                found.map(|(key, value)| number_of::<K>(&key, &value).map(|number| (key, number))).transpose()?;
            same(what, &found, &expected.map(|(key, number)| (key.clone(), *number)))?;
        }
        same("count", &store.count()?, &(self.entries.len() as u64))?;
        same("is_empty", &store.is_empty()?, &self.entries.is_empty())
    }

    /// Reads as of now, or as of a snapshot where there is one of this number.
    fn with_reader<R>(
        &mut self,
        db: &Database,
        snapshots: &[Snapshot],
        which: u8,
        read: impl FnOnce(&Reader<'_, K::Store>, &Entries<K>) -> TestResult<R>,
    ) -> TestResult<R> {
        let store = self.store(db)?;
        let index = usize::from(which);
        match (snapshots.get(index), self.past.get(index)) {
            (Some(snapshot), Some(past)) => read(&Reader::Then(store.at(snapshot)), past),
            _ => read(&Reader::Now(&store), &self.entries),
        }
    }

    fn begin_scan(&mut self, db: &Database, snapshots: &[Snapshot], which: u8, scanning: Scanning) -> TestResult {
        let running =
            self.with_reader(db, snapshots, which, |reader, entries| Running::begin(reader, entries, scanning))?;
        self.scans.extend(running);
        if self.scans.len() > SCANS { self.scans.remove(0).finish(false) } else { Ok(()) }
    }

    fn continue_scan(&mut self, scan: u8, step: Step) -> TestResult {
        if let Some(index) = usize::from(scan).checked_rem(self.scans.len()) {
            let running = self.scans.remove(index).step(step)?;
            self.scans.extend(running);
        }
        Ok(())
    }

    fn end_scan(&mut self, scan: u8, keys_only: bool) -> TestResult {
        match usize::from(scan).checked_rem(self.scans.len()) {
            Some(index) => self.scans.remove(index).finish(keys_only),
            None => Ok(()),
        }
    }
}

/// A store of whatever kind.
pub(super) trait AnyShelf {
    /// Does something, and holds the answer against the model.
    fn apply(&mut self, db: &Database, snapshots: &[Snapshot], deed: Deed) -> TestResult;
    fn namespace(&self) -> &str;
    fn exists(&self) -> bool;
    fn is_open(&self) -> bool;
    fn len(&self) -> usize;
    fn guards(&self) -> usize;
    /// A snapshot was taken.
    fn remember(&mut self);
    /// A snapshot is dropped.
    fn forget(&mut self, snapshot: usize);
    /// The namespace was dropped from the catalog.
    fn dropped(&mut self);
    /// Puts guards into a batch: of two bits for each, one says whether, the other whether to delete.
    fn give(&mut self, batch: Batch, picks: &mut u64) -> Batch;
    /// Whether a commit of what was given must be refused.
    fn refuses(&self) -> bool;
    /// Takes guards that were given back out, at most so many; answers how many.
    fn take_back(&mut self, batch: &mut Batch, at_most: usize) -> TestResult<usize>;
    /// What was given is committed, or gone.
    fn settle(&mut self, committed: bool);
    /// Ends all scans, and reads everything, now and in every snapshot.
    fn check_all(&mut self, db: &Database, snapshots: &[Snapshot]) -> TestResult;
    /// The database was closed: guards and store say so.
    fn expect_closed(&mut self) -> TestResult;
    /// Drops guards, scans and the store.
    fn let_go(&mut self);
    /// Drops guards and scans, and deletes all entries.
    fn clear(&mut self, db: &Database) -> TestResult;
}

impl<K: Kind> AnyShelf for Shelf<K> {
    fn apply(&mut self, db: &Database, snapshots: &[Snapshot], deed: Deed) -> TestResult {
        match deed {
            Deed::Create { key, number, then } => self.create(db, &K::key(key), number, then),
            Deed::LockOrCreate { key, number, then } => {
                let (key, number) = (K::key(key), K::fresh(number));
                let expected = self.expected(&key, Refusal::LockTimeout, Ok(Some((number, true))));
                let locked = self.store(db)?.lock_or_create(&key, K::value(&key, number)).map(Some);
                self.admit("lock_or_create", &key, locked, expected, then)
            }
            Deed::CreateMangled(key) => self.give_mangled(db, &K::key(key), false),
            Deed::InsertMangled(key) => self.give_mangled(db, &K::key(key), true),
            Deed::Lock { key, how, then } => self.lock(db, &K::key(key), how, then),
            Deed::LockAll { keys, then } => self.lock_all(db, &keys.map(K::key), then),
            Deed::TryLockFirst { range, then } => self.try_lock_first(db, range, then),
            Deed::CreateNext { number, then } => self.create_next(db, number, then),
            Deed::NextKey => match K::next_key(&self.store(db)?) {
                Some(key) => self.check_generated(&key?),
                None => Ok(()),
            },
            Deed::Insert { key, number } => self.insert(db, &K::key(key), number),
            Deed::Update { key, number } => self.update(db, &K::key(key), number),
            Deed::TryUpdate { key, number, fails } => self.try_update(db, &K::key(key), number, fails),
            Deed::Replace { key, number } => self.exchange(db, &K::key(key), Some(number)),
            Deed::Remove(key) => self.remove(db, &K::key(key)),
            Deed::Take(key) => self.exchange(db, &K::key(key), None),
            Deed::RemoveRange(range) => self.remove_range(db, range),
            Deed::Fill { from, count, number } => (0..count)
                .try_for_each(|more| self.insert(db, &K::key(from + more), number.wrapping_add(u32::from(more)))),
            Deed::Drain(count) => {
                let range = Range::ALL;
                (0..count).try_for_each(|_| self.try_lock_first(db, range, [Act::Delete, Act::Keep]))
            }
            Deed::Race { keys, ranges, number } => self.race(db, keys, ranges, number),
            Deed::Act { guard, then } => match usize::from(guard).checked_rem(self.held.len()) {
                Some(index) => self.act(index, then),
                None => Ok(()),
            },
            Deed::Ends => self.ends(db),
            Deed::Read(how) => read::<K>(&Reader::Now(&self.store(db)?), &self.entries, how),
            Deed::ReadPast(which, how) => {
                self.with_reader(db, snapshots, which, |reader, entries| read::<K>(reader, entries, how))
            }
            Deed::BeginScan(which, scanning) => self.begin_scan(db, snapshots, which, scanning),
            Deed::ContinueScan { scan, step } => self.continue_scan(scan, step),
            Deed::EndScan { scan, keys_only } => self.end_scan(scan, keys_only),
        }
    }

    fn namespace(&self) -> &str {
        &self.namespace
    }

    fn exists(&self) -> bool {
        self.exists
    }

    fn is_open(&self) -> bool {
        self.store.is_some()
    }

    fn len(&self) -> usize {
        self.entries.len()
    }

    fn guards(&self) -> usize {
        self.held.len()
    }

    fn remember(&mut self) {
        self.past.push(self.entries.clone());
    }

    fn forget(&mut self, snapshot: usize) {
        self.past.remove(snapshot);
    }

    fn dropped(&mut self) {
        (self.exists, self.wrote, self.last_generated) = (false, false, None);
        self.entries.clear();
        // The next namespace of this name is another, of which snapshots know nothing.
        self.past.iter_mut().for_each(Entries::<K>::clear);
    }

    fn give(&mut self, mut batch: Batch, picks: &mut u64) -> Batch {
        for held in std::mem::take(&mut self.held) {
            let (chosen, delete) = (*picks & 1 == 1, *picks & 6 == 6);
            *picks >>= 3;
            if chosen {
                let given;
                (batch, given) = held.give(batch, delete);
                self.given.push(given);
            } else {
                self.held.push(held);
            }
        }
        batch
    }

    fn refuses(&self) -> bool {
        self.given.iter().any(Given::refuses)
    }

    fn take_back(&mut self, batch: &mut Batch, at_most: usize) -> TestResult<usize> {
        let Some(store) = &self.store else { return Ok(0) };
        let count = self.given.len().min(at_most);
        for given in self.given.drain(..count) {
            self.held.push(given.take_back(batch, store)?);
        }
        Ok(count)
    }

    fn settle(&mut self, committed: bool) {
        for given in self.given.drain(..) {
            self.wrote |= committed && given.committed(&mut self.entries);
        }
    }

    fn check_all(&mut self, db: &Database, snapshots: &[Snapshot]) -> TestResult {
        self.scans.drain(..).try_for_each(|running| running.finish(false))?;
        if !self.exists {
            // It would be created.
            return Ok(());
        }
        let everything = Scanning { scope: Scope::All, steps: [Step::Nothing; 3], keys_only: false };
        let store = self.store(db)?;
        read::<K>(&Reader::Now(&store), &self.entries, Read::Scan(everything))?;
        let mut moments = snapshots.iter().zip(&self.past);
        moments
            .try_for_each(|(snapshot, past)| read::<K>(&Reader::Then(store.at(snapshot)), past, Read::Scan(everything)))
    }

    fn expect_closed(&mut self) -> TestResult {
        for (index, held) in self.held.drain(..).enumerate() {
            held.expect_closed(index % 2 == 0)?;
        }
        let Some(store) = &self.store else { return Ok(()) };
        let key = K::key(0);
        let closed = Err(Refusal::Closed);
        same("contains after close", &answer(store.contains(&key))?, &closed)?;
        same("try_lock after close", &answer(store.try_lock(&key).map(drop))?, &Err(Refusal::Closed))?;
        same("iter after close", &answer(store.iter().map(drop))?, &Err(Refusal::Closed))
    }

    fn let_go(&mut self) {
        self.held.clear();
        self.scans.clear();
        self.past.clear();
        (self.store, self.wrote) = (None, false);
    }
    fn clear(&mut self, db: &Database) -> TestResult {
        self.held.clear();
        self.scans.clear();
        self.past.clear();
        let keys: Vec<_> = self.entries.keys().cloned().collect();
        keys.iter().try_for_each(|key| self.remove(db, key))
    }
}
