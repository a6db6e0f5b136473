//! Random sequences of operations against a plain map, on both engines.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::path::Path;

use kvstore::{Batch, Database, Error, Map, MapStore, Result, Snapshot};
use proptest::prelude::*;
use tempfile::TempDir;

/// Keys are few, so that operations meet; they are of different lengths, so that prefixes do, too.
fn key_of(number: u8) -> String {
    ["a", "aa", "ab", "a\u{10FFFF}", "b", "", "ba", "b\0", "c", "ca"][usize::from(number % 10)].to_owned()
}

#[derive(Debug, Clone)]
enum Op {
    Insert(u8, u32),
    Create(u8, u32),
    Change(u8, u32),
    SaveThenRelease(u8, u32, u32),
    Forget(u8, u32),
    Remove(u8),
    Delete(u8),
    Batch(u8, u8, u32),
    TakeFirst,
    Range(Bound<u8>, Bound<u8>, bool),
    Prefix(u8, bool),
    Ends,
    Snapshot,
    Reopen,
}

fn bound() -> impl Strategy<Value = Bound<u8>> {
    prop_oneof![any::<u8>().prop_map(Bound::Included), any::<u8>().prop_map(Bound::Excluded), Just(Bound::Unbounded)]
}

fn op() -> impl Strategy<Value = Op> {
    let (key, value) = (any::<u8>(), any::<u32>());
    prop_oneof![
        4 => (key, value).prop_map(|(k, v)| Op::Insert(k, v)),
        4 => (key, value).prop_map(|(k, v)| Op::Create(k, v)),
        3 => (key, value).prop_map(|(k, v)| Op::Change(k, v)),
        2 => (key, value, value).prop_map(|(k, v, w)| Op::SaveThenRelease(k, v, w)),
        2 => (key, value).prop_map(|(k, v)| Op::Forget(k, v)),
        2 => key.prop_map(Op::Remove),
        2 => key.prop_map(Op::Delete),
        3 => (key, key, value).prop_map(|(k, l, v)| Op::Batch(k, l, v)),
        3 => Just(Op::TakeFirst),
        3 => (bound(), bound(), any::<bool>()).prop_map(|(from, to, back)| Op::Range(from, to, back)),
        2 => (key, any::<bool>()).prop_map(|(k, back)| Op::Prefix(k, back)),
        1 => Just(Op::Ends),
        1 => Just(Op::Snapshot),
        1 => Just(Op::Reopen),
    ]
}

type Model = BTreeMap<String, u32>;
type Entries = MapStore<Map<String, u32>>;

/// A database and what must be in it; and a moment of both that is over.
struct World {
    directory: Option<TempDir>,
    db: Database,
    entries: Entries,
    model: Model,
    before: Option<(Snapshot, Model)>,
}

fn open(directory: Option<&Path>) -> Result<(Database, Entries)> {
    let db = match directory {
        Some(path) => Database::builder().cache_bytes(1 << 20).open(path)?,
        None => Database::in_memory()?,
    };
    let entries = db.map("entries")?;
    Ok((db, entries))
}

fn rows(scan: kvstore::Scan<Map<String, u32>>) -> Result<Vec<(String, u32)>> {
    scan.collect()
}

fn in_order(rows: impl DoubleEndedIterator<Item = (String, u32)>, backwards: bool) -> Vec<(String, u32)> {
    if backwards { rows.rev().collect() } else { rows.collect() }
}

impl World {
    fn apply(&mut self, op: &Op) -> Result<()> {
        match *op {
            Op::Insert(key, value) => {
                self.entries.put(key_of(key), value)?;
                self.model.insert(key_of(key), value);
            }
            Op::Create(key, value) => match self.entries.create(key_of(key), value) {
                Ok(guard) => {
                    guard.commit()?;
                    assert_eq!(self.model.insert(key_of(key), value), None);
                }
                Err(Error::AlreadyExists { .. }) => assert!(self.model.contains_key(&key_of(key))),
                Err(error) => return Err(error),
            },
            Op::Change(key, value) => {
                let old = self.entries.update(key_of(key), |entry| std::mem::replace(entry, value))?;
                assert_eq!(old, self.model.get(&key_of(key)).copied());
                self.model.entry(key_of(key)).and_modify(|entry| *entry = value);
            }
            Op::SaveThenRelease(key, value, lost) => {
                let mut guard = self.entries.lock_or_create(key_of(key), 0)?;
                assert_eq!(guard.is_new(), !self.model.contains_key(&key_of(key)));
                *guard = value;
                guard.save()?;
                *guard = lost;
                guard.release();
                self.model.insert(key_of(key), value);
            }
            Op::Forget(key, value) => {
                let mut guard = self.entries.lock_or_create(key_of(key), 0)?;
                *guard = value;
                guard.release();
            }
            Op::Remove(key) => {
                assert_eq!(self.entries.remove(key_of(key))?, self.model.remove(&key_of(key)).is_some());
            }
            Op::Delete(key) => {
                let guard = self.entries.lock(key_of(key))?;
                assert_eq!(guard.is_some(), self.model.remove(&key_of(key)).is_some());
                if let Some(guard) = guard {
                    guard.delete()?;
                }
            }
            Op::Batch(written, deleted, value) if key_of(written) != key_of(deleted) => {
                let requests =
                    (self.entries.wanted_or_create(key_of(written), 0), self.entries.wanted(key_of(deleted)));
                let (mut guard, other) = self.db.lock_together(requests)?;
                *guard = value;
                let batch = Batch::new().write(guard);
                other.into_iter().fold(batch, Batch::delete).commit()?;
                self.model.insert(key_of(written), value);
                self.model.remove(&key_of(deleted));
            }
            Op::Batch(..) => {}
            Op::TakeFirst => {
                let taken = self.entries.try_lock_first(..)?;
                let taken = taken.map(|guard| {
                    let row = (guard.key().clone(), *guard);
                    guard.delete().map(|()| row)
                });
                assert_eq!(taken.transpose()?, self.model.pop_first());
            }
            Op::Range(from, to, backwards) => self.check_range(from.map(key_of), to.map(key_of), backwards)?,
            Op::Prefix(key, backwards) => {
                let scan = self.entries.prefix(key_of(key))?;
                let expected = self.model.clone().into_iter().filter(|row| row.0.starts_with(&key_of(key)));
                let found = rows(if backwards { scan.reversed() } else { scan })?;
                assert_eq!(found, in_order(expected.collect::<Vec<_>>().into_iter(), backwards));
            }
            Op::Ends => {
                let owned = |row: Option<(&String, &u32)>| row.map(|(key, value)| (key.clone(), *value));
                assert_eq!(self.entries.first()?, owned(self.model.first_key_value()));
                assert_eq!(self.entries.last()?, owned(self.model.last_key_value()));
            }
            Op::Snapshot => {
                self.check_snapshot()?;
                self.before = Some((self.db.snapshot()?, self.model.clone()));
            }
            Op::Reopen => {
                self.check_snapshot()?;
                if let Some(directory) = &self.directory {
                    self.db.clone().close()?;
                    (self.db, self.entries) = open(Some(directory.path()))?;
                }
            }
        }
        Ok(())
    }

    fn check_range(&self, from: Bound<String>, to: Bound<String>, backwards: bool) -> Result<()> {
        let (Bound::Included(start) | Bound::Excluded(start), Bound::Included(end) | Bound::Excluded(end)) =
            (&from, &to)
        else {
            return self.compare_range(from, to, backwards);
        };
        if start > end {
            assert!(matches!(self.entries.range((from, to)), Err(Error::InvalidRange { .. })));
            return Ok(());
        }
        if start == end && matches!((&from, &to), (Bound::Excluded(_), Bound::Excluded(_))) {
            // The standard library's map panics here.
            assert_eq!(self.entries.range((from, to))?.count(), 0);
            return Ok(());
        }
        self.compare_range(from, to, backwards)
    }

    fn compare_range(&self, from: Bound<String>, to: Bound<String>, backwards: bool) -> Result<()> {
        let expected = self.model.range((from.clone(), to.clone())).map(|(key, value)| (key.clone(), *value));
        let expected = in_order(expected, backwards);
        let scan = self.entries.range((from, to))?;
        assert_eq!(rows(if backwards { scan.reversed() } else { scan })?, expected);
        Ok(())
    }

    /// What a snapshot saw then, it sees now.
    fn check_snapshot(&mut self) -> Result<()> {
        if let Some((snapshot, model)) = self.before.take() {
            assert_eq!(rows(self.entries.at(&snapshot).iter()?)?, model.into_iter().collect::<Vec<_>>());
        }
        Ok(())
    }
}

fn run(directory: Option<TempDir>, ops: &[Op]) -> Result<()> {
    let (db, entries) = open(directory.as_ref().map(TempDir::path))?;
    let mut world = World { directory, db, entries, model: Model::new(), before: None };
    for op in ops {
        world.apply(op)?;
        assert!(world.db.locks().is_empty(), "after {op:?}");
    }
    world.check_snapshot()?;
    assert_eq!(rows(world.entries.iter()?)?, world.model.into_iter().collect::<Vec<_>>());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn in_memory_it_is_a_map(ops in prop::collection::vec(op(), 1..200)) {
        prop_assert!(run(None, &ops).is_ok());
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn on_disk_it_is_a_map(ops in prop::collection::vec(op(), 1..200)) {
        let ran = tempfile::tempdir().map(|directory| run(Some(directory), &ops));
        prop_assert!(matches!(ran, Ok(Ok(()))), "{:?}", ran);
    }
}
