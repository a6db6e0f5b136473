//! Random changes of element-wise collections, of entries that come and go, against plain collections, on both engines.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::Path;

use kvstore::{
    Access, Batch, Database, ElementDeque, ElementMap, ElementSet, Elements, Error, Guard, MapStore, Result, Snapshot,
    Store,
};
use proptest::prelude::*;
use tempfile::TempDir;

/// One collection of each kind.
#[derive(Store)]
#[store(key = u8)]
struct Entry {
    value: u32,
    map: ElementMap<String, u32>,
    set: ElementSet<i16>,
    deque: ElementDeque<u32>,
}

/// The same, as plain values.
#[derive(Debug, Clone, Default, PartialEq)]
struct Plain {
    value: u32,
    map: BTreeMap<String, u32>,
    set: BTreeSet<i16>,
    deque: VecDeque<u32>,
}

/// Names are few, so that changes meet; the empty one is legal, and some end in what bytes end in.
fn name_of(number: u8) -> String {
    ["a", "", "aa", "a\0", "b", "\u{10FFFF}", "ab", "c"][usize::from(number % 8)].to_owned()
}

#[derive(Debug, Clone)]
enum Change {
    Value(u32),
    Insert(u8, u32),
    Remove(u8),
    ClearMap,
    Many(u32),
    Add(i16),
    Take(i16),
    ClearSet,
    PushBack(u32),
    PushFront(u32),
    PopBack,
    PopFront,
    Set(u64, u32),
    ClearDeque,
    Save,
}

#[derive(Debug, Clone, Copy)]
enum End {
    Commit,
    Batch,
    Release,
    Delete,
}

#[derive(Debug, Clone)]
enum Op {
    Change(u8, Vec<Change>, End),
    Remove(u8),
    Replace(u8, u32),
    Snapshot,
    Reopen,
}

fn change() -> impl Strategy<Value = Change> {
    let (value, small) = (any::<u32>(), -4_i16..5);
    prop_oneof![
        1 => value.prop_map(Change::Value),
        6 => (any::<u8>(), value).prop_map(|(n, v)| Change::Insert(n, v)),
        3 => any::<u8>().prop_map(Change::Remove),
        1 => Just(Change::ClearMap),
        1 => (1000_u32..1100).prop_map(Change::Many),
        3 => small.clone().prop_map(Change::Add),
        2 => small.prop_map(Change::Take),
        1 => Just(Change::ClearSet),
        4 => value.prop_map(Change::PushBack),
        3 => value.prop_map(Change::PushFront),
        3 => Just(Change::PopBack),
        3 => Just(Change::PopFront),
        2 => (0_u64..6, value).prop_map(|(i, v)| Change::Set(i, v)),
        1 => Just(Change::ClearDeque),
        1 => Just(Change::Save),
    ]
}

fn op() -> impl Strategy<Value = Op> {
    let end =
        prop_oneof![6 => Just(End::Commit), 2 => Just(End::Batch), 2 => Just(End::Release), 1 => Just(End::Delete)];
    let key = 0_u8..3;
    prop_oneof![
        8 => (key.clone(), prop::collection::vec(change(), 0..8), end).prop_map(|(k, c, e)| Op::Change(k, c, e)),
        1 => key.clone().prop_map(Op::Remove),
        1 => (key, any::<u32>()).prop_map(|(k, v)| Op::Replace(k, v)),
        1 => Just(Op::Snapshot),
        1 => Just(Op::Reopen),
    ]
}

type Model = BTreeMap<u8, Plain>;

struct World {
    directory: Option<TempDir>,
    db: Database,
    entries: MapStore<Entry>,
    model: Model,
    before: Option<(Snapshot, Model)>,
}

fn open(directory: Option<&Path>) -> Result<(Database, MapStore<Entry>)> {
    let db = match directory {
        Some(path) => Database::builder().cache_bytes(1 << 20).open(path)?,
        None => Database::in_memory()?,
    };
    let entries = db.store()?;
    Ok((db, entries))
}

/// Makes one change to both, and compares what they answer.
fn apply(guard: &mut Guard<Entry>, plain: &mut Plain, change: &Change) -> Result<()> {
    match *change {
        Change::Value(value) => {
            guard.value = value;
            plain.value = value;
        }
        Change::Insert(number, value) => {
            guard.elements(Entry::MAP).insert(name_of(number), value)?;
            plain.map.insert(name_of(number), value);
        }
        Change::Remove(number) => {
            let removed = guard.elements(Entry::MAP).remove(name_of(number))?;
            assert_eq!(removed, plain.map.remove(&name_of(number)).is_some());
        }
        Change::ClearMap => {
            guard.elements(Entry::MAP).clear()?;
            plain.map.clear();
        }
        Change::Many(count) => {
            // As many as `clear` deletes one by one, or a few more.
            for number in 0..count {
                guard.elements(Entry::MAP).insert(format!("many {number:04}"), number)?;
                plain.map.insert(format!("many {number:04}"), number);
            }
        }
        Change::Add(number) => {
            guard.elements(Entry::SET).insert(number)?;
            plain.set.insert(number);
        }
        Change::Take(number) => {
            assert_eq!(guard.elements(Entry::SET).remove(number)?, plain.set.remove(&number));
        }
        Change::ClearSet => {
            guard.elements(Entry::SET).clear()?;
            plain.set.clear();
        }
        Change::PushBack(value) => {
            guard.elements(Entry::DEQUE).push_back(value)?;
            plain.deque.push_back(value);
        }
        Change::PushFront(value) => {
            guard.elements(Entry::DEQUE).push_front(value)?;
            plain.deque.push_front(value);
        }
        Change::PopBack => assert_eq!(guard.elements(Entry::DEQUE).pop_back()?, plain.deque.pop_back()),
        Change::PopFront => assert_eq!(guard.elements(Entry::DEQUE).pop_front()?, plain.deque.pop_front()),
        Change::Set(index, value) => {
            let place = plain.deque.get_mut(usize::try_from(index).unwrap_or(usize::MAX));
            assert_eq!(guard.elements(Entry::DEQUE).set(index, value)?, place.is_some());
            if let Some(place) = place {
                *place = value;
            }
        }
        Change::ClearDeque => {
            guard.elements(Entry::DEQUE).clear()?;
            plain.deque.clear();
        }
        Change::Save => guard.save()?,
    }
    Ok(())
}

/// The elements in both directions, and one by one.
macro_rules! check {
    ($elements:expr, $expected:expr) => {{
        let (elements, expected) = ($elements, $expected);
        assert_eq!(elements.iter()?.collect::<Result<Vec<_>>>()?, expected);
        let backwards = elements.iter()?.reversed().collect::<Result<Vec<_>>>()?;
        assert!(backwards.iter().eq(expected.iter().rev()), "{backwards:?} reversed is not {expected:?}");
        check_counts(&elements, expected.len())?;
        elements
    }};
}

fn check_counts<C: kvstore::ElementCollection, A: Access>(elements: &Elements<C, A>, expected: usize) -> Result<()> {
    assert_eq!((elements.count()?, elements.is_empty()?), (expected as u64, expected == 0));
    Ok(())
}

/// The collections of an entry, reached in whichever way, against the plain ones.
macro_rules! check_entry {
    ($plain:expr, |$path:ident| $elements:expr) => {{
        let plain: &Plain = $plain;
        {
            let $path = Entry::MAP;
            let map = check!($elements, plain.map.clone().into_iter().collect::<Vec<_>>());
            for name in (0..8).map(name_of) {
                assert_eq!(map.get(&name)?, plain.map.get(&name).copied());
                assert_eq!(map.contains(&name)?, plain.map.contains_key(&name));
                let behind: Vec<_> = plain.map.range(name.clone()..).map(|(name, _)| name.clone()).collect();
                assert_eq!(map.range(&name..)?.keys().collect::<Result<Vec<_>>>()?, behind);
                let before: Vec<_> = plain.map.range(..name.clone()).rev().map(|(name, _)| name.clone()).collect();
                assert_eq!(map.range(..&name)?.reversed().keys().collect::<Result<Vec<_>>>()?, before);
            }
            let owned = |row: Option<(&String, &u32)>| row.map(|(name, value)| (name.clone(), *value));
            assert_eq!(map.first()?, owned(plain.map.first_key_value()));
            assert_eq!(map.last()?, owned(plain.map.last_key_value()));
        }
        {
            let $path = Entry::SET;
            let set = check!($elements, plain.set.iter().copied().collect::<Vec<_>>());
            for number in -4..5 {
                assert_eq!(set.contains(number)?, plain.set.contains(&number));
            }
            assert_eq!((set.first()?, set.last()?), (plain.set.first().copied(), plain.set.last().copied()));
        }
        {
            let $path = Entry::DEQUE;
            let deque = check!($elements, plain.deque.iter().copied().collect::<Vec<_>>());
            assert_eq!((deque.front()?, deque.back()?), (plain.deque.front().copied(), plain.deque.back().copied()));
            for index in 0..6 {
                assert_eq!(deque.get(index)?, plain.deque.get(usize::try_from(index).unwrap_or(usize::MAX)).copied());
            }
        }
    }};
}

impl World {
    fn apply(&mut self, op: &Op) -> Result<()> {
        match op {
            Op::Change(key, changes, end) => self.change(*key, changes, *end)?,
            Op::Remove(key) => {
                assert_eq!(self.entries.remove(key)?, self.model.remove(key).is_some());
            }
            Op::Replace(key, value) => {
                self.entries.insert(key, EntryInit { value: *value })?;
                self.model.insert(*key, Plain { value: *value, ..Plain::default() });
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
        let nothing = Plain::default();
        for key in 0..3 {
            let expected = self.model.get(&key);
            assert_eq!(self.entries.get(key)?.map(|entry| entry.value), expected.map(|plain| plain.value));
            check_entry!(expected.unwrap_or(&nothing), |path| self.entries.elements(path, key));
        }
        Ok(())
    }

    fn change(&mut self, key: u8, changes: &[Change], end: End) -> Result<()> {
        let mut guard = self.entries.lock_or_create(key, EntryInit { value: 0 })?;
        let mut plain = self.model.get(&key).cloned().unwrap_or_default();
        for change in changes {
            apply(&mut guard, &mut plain, change)?;
            if matches!(change, Change::Save) {
                self.model.insert(key, plain.clone());
            }
        }
        check_entry!(&plain, |path| guard.elements(path));
        match end {
            End::Commit => guard.commit()?,
            End::Batch => Batch::new().write(guard).commit()?,
            End::Release => {
                guard.release();
                return Ok(());
            }
            End::Delete => {
                guard.delete()?;
                self.model.remove(&key);
                return Ok(());
            }
        }
        self.model.insert(key, plain);
        Ok(())
    }

    fn check_snapshot(&mut self) -> Result<()> {
        let Some((snapshot, model)) = self.before.take() else { return Ok(()) };
        let (view, nothing) = (self.entries.at(&snapshot), Plain::default());
        for key in 0..3 {
            assert_eq!(view.get(key)?.map(|entry| entry.value), model.get(&key).map(|plain| plain.value));
            check_entry!(model.get(&key).unwrap_or(&nothing), |path| view.elements(path, key));
        }
        Ok(())
    }
}

fn run(directory: Option<TempDir>, ops: &[Op]) -> Result<(), Error> {
    let (db, entries) = open(directory.as_ref().map(TempDir::path))?;
    let mut world = World { directory, db, entries, model: Model::new(), before: None };
    ops.iter().try_for_each(|op| world.apply(op))?;
    world.check_snapshot()?;
    assert!(world.db.locks().is_empty());
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn in_memory_elements_are_plain_collections(ops in prop::collection::vec(op(), 1..40)) {
        let ran = run(None, &ops);
        prop_assert!(ran.is_ok(), "{:?}", ran);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20))]
    #[test]
    fn on_disk_elements_are_plain_collections(ops in prop::collection::vec(op(), 1..40)) {
        let ran = tempfile::tempdir().map(|directory| run(Some(directory), &ops));
        prop_assert!(matches!(ran, Ok(Ok(()))), "{:?}", ran);
    }
}
