//! What locks keys: kvstore, and what else a program could lock keys with.
//!
//! Keys are `u64`, the cheapest that every side takes; where bytes are asked for, they are those of kvstore's database key.

use std::collections::VecDeque;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use dashmap::DashMap;
use kvstore::__bench::Locks;
use kvstore::{__bench as bench, Database, Map, MapStore};
use lockable::{LockPool, LockableHashMap, SyncLimit};
use rocksdb::{SingleThreaded, Transaction, TransactionDB, TransactionDBOptions, TransactionOptions, WriteOptions};

use super::Result;

/// Beyond any wait that is measured; the same for all sides that know one.
const TIMEOUT_MS: i64 = 30_000;
const CACHE_BYTES: usize = 128 << 20;

/// Something that locks keys, each of which has a counter.
pub(super) trait Side: Sync {
    fn name(&self) -> &'static str;

    /// Locks a key, adds one to its counter, commits that where the side can commit, and releases the key.
    fn add(&self, key: u64) -> Result<()>;

    /// The sum of the counters of some keys.
    fn sum(&self, keys: Range<u64>) -> Result<u64>;

    /// Locks each of the keys, and releases it once `held` later ones are locked, too. Changes nothing.
    fn pass(&self, keys: Range<u64>, held: usize) -> Result<()>;

    /// Whether one thread can hold several keys at a time, whichever they are.
    fn holds_several(&self) -> bool {
        true
    }

    /// Fails where a key is still held, as far as the side can tell.
    fn check_free(&self) -> Result<()>;
}

/// Locks the keys, and keeps the guards of the last ones.
fn slide<G>(keys: Range<u64>, held: usize, lock: impl Fn(u64) -> Result<G>) -> Result<()> {
    let mut guards = VecDeque::with_capacity(held);
    for key in keys {
        if guards.len() == held {
            guards.pop_front();
        }
        guards.push_back(lock(key)?);
    }
    Ok(())
}

fn check_none(held: usize) -> Result<()> {
    if held == 0 { Ok(()) } else { Err(format!("{held} keys are still held").into()) }
}

/// Counters beside a table of locks alone. Each addition is a read and a write apart: where two threads held one key, the
/// sum would tell.
struct Counters(Vec<AtomicU64>);

impl Counters {
    fn new(count: u64) -> Self {
        Self((0..count).map(|_| AtomicU64::new(0)).collect())
    }

    fn add(&self, key: u64) -> Result<()> {
        let counter = self.0.get(usize::try_from(key)?).ok_or("no such counter")?;
        counter.store(counter.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        Ok(())
    }

    fn sum(&self, keys: Range<u64>) -> Result<u64> {
        let keys = usize::try_from(keys.start)?..usize::try_from(keys.end)?;
        let counters = self.0.get(keys).ok_or("no such counters")?;
        Ok(counters.iter().map(|counter| counter.load(Ordering::Relaxed)).sum())
    }
}

/// kvstore's lock table, without a database.
pub(super) struct Table {
    locks: Locks,
    counters: Counters,
}

impl Table {
    pub(super) fn new(counters: u64) -> Self {
        Self { locks: Locks::default(), counters: Counters::new(counters) }
    }
}

impl Side for Table {
    fn name(&self) -> &'static str {
        "kvstore's lock table"
    }

    fn add(&self, key: u64) -> Result<()> {
        let _held = self.locks.lock(&key.to_be_bytes()).ok_or("not locked")?;
        self.counters.add(key)
    }

    fn sum(&self, keys: Range<u64>) -> Result<u64> {
        self.counters.sum(keys)
    }

    fn pass(&self, keys: Range<u64>, held: usize) -> Result<()> {
        slide(keys, held, |key| Ok(self.locks.lock(&key.to_be_bytes()).ok_or("not locked")?))
    }

    fn check_free(&self) -> Result<()> {
        check_none(self.locks.held())
    }
}

/// Guards of a kvstore database.
pub(super) struct Guards {
    name: &'static str,
    db: Database,
    map: MapStore<Map<u64, u64>>,
}

impl Guards {
    pub(super) fn in_memory(counters: u64) -> Result<Self> {
        Self::new("kvstore, in memory", Database::in_memory()?, counters)
    }

    pub(super) fn on_disk(path: &Path, counters: u64) -> Result<Self> {
        Self::new("kvstore, on disk", Database::builder().cache_bytes(CACHE_BYTES).open(path)?, counters)
    }

    fn new(name: &'static str, db: Database, counters: u64) -> Result<Self> {
        let map = db.map("counters")?;
        for key in 0..counters {
            map.insert(key, 0)?;
        }
        Ok(Self { name, db, map })
    }

    pub(super) fn map(&self) -> &MapStore<Map<u64, u64>> {
        &self.map
    }
}

impl Side for Guards {
    fn name(&self) -> &'static str {
        self.name
    }

    fn add(&self, key: u64) -> Result<()> {
        let mut guard = self.map.lock(key)?.ok_or("missing")?;
        *guard += 1;
        Ok(guard.commit()?)
    }

    fn sum(&self, keys: Range<u64>) -> Result<u64> {
        keys.map(|key| Ok(self.map.get(key)?.ok_or("missing")?)).sum()
    }

    fn pass(&self, keys: Range<u64>, held: usize) -> Result<()> {
        slide(keys, held, |key| Ok(self.map.lock_or_create(key, 0)?))
    }

    fn check_free(&self) -> Result<()> {
        check_none(self.db.locks().len())
    }
}

/// RocksDB's pessimistic transactions, one for each lock.
pub(super) struct Transactions {
    db: TransactionDB<SingleThreaded>,
}

type Counter = Map<u64, u64>;

impl Transactions {
    pub(super) fn open(path: &Path, counters: u64) -> Result<Self> {
        let mut settings = TransactionDBOptions::default();
        settings.set_default_lock_timeout(TIMEOUT_MS);
        settings.set_txn_lock_timeout(TIMEOUT_MS);
        let db = TransactionDB::open(&bench::raw_options(CACHE_BYTES), &settings, path)?;
        for key in 0..counters {
            db.put(database_key(key), record(0)?)?;
        }
        Ok(Self { db })
    }

    fn begin(&self) -> Transaction<'_, TransactionDB<SingleThreaded>> {
        let mut options = TransactionOptions::default();
        options.set_lock_timeout(TIMEOUT_MS);
        self.db.transaction_opt(&WriteOptions::default(), &options)
    }
}

/// The key under which kvstore's first namespace has a counter.
fn database_key(key: u64) -> [u8; 12] {
    let mut bytes = [0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
    bytes[4..].copy_from_slice(&key.to_be_bytes());
    bytes
}

fn record(count: u64) -> Result<Vec<u8>> {
    let mut record = Vec::new();
    if !bench::encode::<u64, u64, Counter>(&count, &mut record) {
        return Err("a counter can't be encoded".into());
    }
    Ok(record)
}

fn count(record: &[u8]) -> Result<u64> {
    Ok(bench::decode::<u64, u64, Counter>(record).ok_or("a counter can't be decoded")?)
}

impl Side for Transactions {
    fn name(&self) -> &'static str {
        "RocksDB TransactionDB"
    }

    fn add(&self, key: u64) -> Result<()> {
        let (transaction, key) = (self.begin(), database_key(key));
        let found = transaction.get_pinned_for_update(key, true)?.ok_or("missing")?;
        let record = record(count(&found)? + 1)?;
        drop(found);
        transaction.put(key, record)?;
        Ok(transaction.commit()?)
    }

    fn sum(&self, keys: Range<u64>) -> Result<u64> {
        keys.map(|key| count(&self.db.get_pinned(database_key(key))?.ok_or("missing")?)).sum()
    }

    fn pass(&self, keys: Range<u64>, held: usize) -> Result<()> {
        slide(keys, held, |key| {
            let transaction = self.begin();
            std::hint::black_box(transaction.get_pinned_for_update(database_key(key), true)?.is_some());
            Ok(transaction)
        })
    }

    /// The crate has no way to ask; a key that is held would make the next pass over it fail.
    fn check_free(&self) -> Result<()> {
        Ok(())
    }
}

/// `lockable::LockPool`: locks without values.
pub(super) struct Pool {
    pool: LockPool<u64>,
    counters: Counters,
}

impl Pool {
    pub(super) fn new(counters: u64) -> Self {
        Self { pool: LockPool::new(), counters: Counters::new(counters) }
    }
}

impl Side for Pool {
    fn name(&self) -> &'static str {
        "lockable LockPool"
    }

    fn add(&self, key: u64) -> Result<()> {
        let _held = self.pool.blocking_lock(key);
        self.counters.add(key)
    }

    fn sum(&self, keys: Range<u64>) -> Result<u64> {
        self.counters.sum(keys)
    }

    fn pass(&self, keys: Range<u64>, held: usize) -> Result<()> {
        slide(keys, held, |key| Ok(self.pool.blocking_lock(key)))
    }

    fn check_free(&self) -> Result<()> {
        check_none(self.pool.num_locked())
    }
}

/// `lockable::LockableHashMap`: a map whose entries are locked.
pub(super) struct LockedMap {
    map: LockableHashMap<u64, u64>,
    counters: usize,
}

impl LockedMap {
    pub(super) fn new(counters: u64) -> Result<Self> {
        let map = LockableHashMap::new();
        for key in 0..counters {
            map.blocking_lock(key, SyncLimit::no_limit())?.insert(0);
        }
        Ok(Self { map, counters: usize::try_from(counters)? })
    }
}

impl Side for LockedMap {
    fn name(&self) -> &'static str {
        "lockable LockableHashMap"
    }

    fn add(&self, key: u64) -> Result<()> {
        let mut held = self.map.blocking_lock(key, SyncLimit::no_limit())?;
        *held.value_mut().ok_or("missing")? += 1;
        Ok(())
    }

    fn sum(&self, keys: Range<u64>) -> Result<u64> {
        keys.map(|key| Ok(*self.map.blocking_lock(key, SyncLimit::no_limit())?.value().ok_or("missing")?)).sum()
    }

    fn pass(&self, keys: Range<u64>, held: usize) -> Result<()> {
        slide(keys, held, |key| Ok(self.map.blocking_lock(key, SyncLimit::no_limit())?))
    }

    /// A held key counts as an entry.
    fn check_free(&self) -> Result<()> {
        check_none(self.map.num_entries_or_locked() - self.counters)
    }
}

/// `dashmap`, whose guard of an entry locks a part of the map.
pub(super) struct Dash {
    map: DashMap<u64, u64>,
    counters: u64,
}

impl Dash {
    pub(super) fn new(counters: u64) -> Self {
        Self { map: (0..counters).map(|key| (key, 0)).collect(), counters }
    }
}

impl Side for Dash {
    fn name(&self) -> &'static str {
        "dashmap entry"
    }

    fn add(&self, key: u64) -> Result<()> {
        *self.map.get_mut(&key).ok_or("missing")? += 1;
        Ok(())
    }

    fn sum(&self, keys: Range<u64>) -> Result<u64> {
        keys.map(|key| Ok(*self.map.get(&key).ok_or("missing")?)).sum()
    }

    fn pass(&self, keys: Range<u64>, held: usize) -> Result<()> {
        slide(keys, held, |key| Ok(self.map.entry(key)))
    }

    /// Two keys may be in one part, which a thread can't lock twice.
    fn holds_several(&self) -> bool {
        false
    }

    fn check_free(&self) -> Result<()> {
        check_none((0..self.counters).filter(|key| self.map.try_get_mut(key).is_locked()).count())
    }
}
