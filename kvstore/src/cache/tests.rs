use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::*;
use crate::{Batch, Database, Error, Map, MapStore, Outcome};

const BYTES: usize = 1 << 20;

fn key(number: u64) -> KeyBuf {
    let mut key = KeyBuf::in_namespace(1);
    key.extend(&number.to_be_bytes());
    key
}

fn known(record: &[u8]) -> Known {
    Known { record: record.into(), value: None }
}

/// What the cache answers.
fn found(cache: &ReadCache, number: u64) -> Option<Vec<u8>> {
    cache.look(&key(number), |known| known.record.to_vec()).0
}

/// Where a second reader may keep an entry that is not there.
fn vacancy(cache: &ReadCache, number: u64) -> Option<Vacancy> {
    cache.look(&key(number), |_| ());
    cache.look(&key(number), |_| ()).1
}

fn keep(cache: &ReadCache, number: u64, record: &[u8]) {
    cache.keep(vacancy(cache, number).unwrap(), &key(number), known(record));
    assert_eq!(found(cache, number).as_deref(), Some(record));
}

#[test]
fn what_is_sought_twice_is_kept() {
    let cache = ReadCache::new(BYTES);
    assert!(cache.look(&key(1), |_| ()).1.is_none());
    let vacancy = cache.look(&key(1), |_| ()).1.unwrap();
    cache.keep(vacancy, &key(1), known(b"one"));
    assert_eq!(found(&cache, 1).as_deref(), Some(&b"one"[..]));
    assert_eq!(found(&cache, 2), None);
}

#[test]
fn what_was_read_before_a_write_is_not_kept_after_it() {
    let cache = ReadCache::new(BYTES);
    let before = vacancy(&cache, 1).unwrap();
    let announced = cache.announce(&key(1)).unwrap();
    cache.keep(before, &key(1), known(b"old"));
    assert_eq!(found(&cache, 1), None);
    assert!(vacancy(&cache, 1).is_none(), "a reader during the write keeps nothing");
    cache.end(announced, &key(1), Some(b"new"));
    cache.keep(before, &key(1), known(b"old"));
    assert_eq!(found(&cache, 1), None);
    keep(&cache, 1, b"new");
}

#[test]
fn a_write_forgets_first_and_keeps_afterwards_what_was_kept_before() {
    let cache = ReadCache::new(BYTES);
    keep(&cache, 1, b"old");
    let announced = cache.announce(&key(1)).unwrap();
    assert_eq!(found(&cache, 1), None);
    cache.end(announced, &key(1), Some(b"new"));
    assert_eq!(found(&cache, 1).as_deref(), Some(&b"new"[..]));
    let announced = cache.announce(&key(1)).unwrap();
    cache.end(announced, &key(1), None);
    assert_eq!(found(&cache, 1), None);
}

#[test]
fn two_writes_at_one_place_both_have_to_end() {
    let cache = ReadCache::new(BYTES);
    let place_of = |number| {
        let hash = cache.hasher.hash_one(key(number));
        (std::ptr::from_ref(cache.shard(hash).unwrap()), place(hash))
    };
    let other = (2..1_000_000).find(|number| place_of(*number) == place_of(1)).unwrap();
    let (one, two) = (cache.announce(&key(1)).unwrap(), cache.announce(&key(other)).unwrap());
    cache.end(one, &key(1), None);
    assert!(vacancy(&cache, 1).is_none());
    cache.end(two, &key(other), None);
    assert!(vacancy(&cache, 1).is_some());
}

#[test]
fn it_stays_within_its_bytes() {
    let cache = ReadCache::new(BYTES);
    let bytes = || cache.shards.iter().map(|shard| locked(&shard.0).kept.bytes()).sum::<u64>();
    for number in 0..20_000 {
        if let Some(vacancy) = vacancy(&cache, number) {
            cache.keep(vacancy, &key(number), known(&[7; 100]));
        }
    }
    assert!(bytes() <= BYTES as u64, "{}", bytes());
    assert!(bytes() > BYTES as u64 / 2, "{}", bytes());
    // An entry that would take the whole of a shard is not kept, and drives nothing out.
    let before = bytes();
    let vacancy = vacancy(&cache, 99_999).unwrap();
    cache.keep(vacancy, &key(99_999), known(&vec![7; BYTES / shards()]));
    assert_eq!((found(&cache, 99_999), bytes()), (None, before));
}

#[test]
fn a_value_is_shared_until_it_is_written() {
    let db = Database::in_memory().unwrap();
    let map = db.map::<u64, String>("map").unwrap();
    map.put(1, "one".into()).unwrap();
    map.get_shared(1).unwrap();
    let first = map.get_shared(1).unwrap().unwrap();
    assert!(Arc::ptr_eq(&first, &map.get_shared(1).unwrap().unwrap()));
    let mut guard = map.lock(1).unwrap().unwrap();
    guard.push('!');
    assert!(Arc::ptr_eq(&first, &map.get_shared(1).unwrap().unwrap()));
    guard.commit().unwrap();
    for _ in 0..3 {
        assert_eq!(map.get_shared(1).unwrap().unwrap().as_str(), "one!");
        assert_eq!(map.get(1).unwrap().unwrap(), "one!");
    }
    assert_eq!(first.as_str(), "one");
    Batch::new().delete(map.lock(1).unwrap().unwrap()).commit().unwrap();
    assert_eq!((map.get_shared(1).unwrap(), map.get(1).unwrap(), map.contains(1).unwrap()), (None, None, false));
}

#[test]
fn switched_off_it_keeps_nothing() {
    let db = Database::builder().read_cache_bytes(0).in_memory().unwrap();
    let map = db.map::<u64, String>("map").unwrap();
    map.put(1, "one".into()).unwrap();
    let shared = [(); 3].map(|()| map.get_shared(1).unwrap().unwrap());
    assert!(!Arc::ptr_eq(&shared[1], &shared[2]));
    assert_eq!(*shared[2], "one");
}

#[test]
fn a_write_of_unknown_outcome_is_never_answered_from_the_cache() {
    let (db, faults) = Database::in_memory_with_faults().unwrap();
    let map = db.map::<u64, String>("map").unwrap();
    map.put(1, "one".into()).unwrap();
    let shared = [(); 3].map(|()| map.get_shared(1).unwrap().unwrap());
    assert!(Arc::ptr_eq(&shared[1], &shared[2]));
    faults.fail_next_writes(1, Outcome::NotApplied);
    assert!(map.put(1, "two".into()).is_err());
    assert_eq!(map.get(1).unwrap().unwrap(), "one");
    faults.fail_next_writes(1, Outcome::Unknown);
    assert!(map.put(1, "two".into()).is_err());
    let shared = [(); 3].map(|()| map.get_shared(1).unwrap().unwrap());
    assert!(!Arc::ptr_eq(&shared[1], &shared[2]));
}

#[test]
fn a_closed_database_answers_nothing_from_it() {
    let db = Database::in_memory().unwrap();
    let map = db.map::<u64, String>("map").unwrap();
    map.put(1, "one".into()).unwrap();
    for _ in 0..3 {
        map.get_shared(1).unwrap();
    }
    db.close().unwrap();
    assert!(matches!(map.get(1), Err(Error::Closed)));
    assert!(matches!(map.get_shared(1), Err(Error::Closed)));
    assert!(matches!(map.contains(1), Err(Error::Closed)));
}

/// Reads the store whenever one of its values is dropped.
#[derive(Serialize, Deserialize)]
struct Nosy(Vec<u8>);

static NOSY: OnceLock<MapStore<Map<u64, Nosy>>> = OnceLock::new();

impl Drop for Nosy {
    fn drop(&mut self) {
        if let Some(map) = NOSY.get() {
            for key in 0..64 {
                map.contains(key).unwrap();
            }
        }
    }
}

#[test]
fn values_are_dropped_where_they_may_use_the_store() {
    // Of many cores there are many shards: each has room for a few of its entries only.
    let (bytes, keys) = (2_048 * shards(), 16 * shards() as u64);
    let db = Database::builder().read_cache_bytes(bytes).in_memory().unwrap();
    let map = db.map::<u64, Nosy>("nosy").unwrap();
    NOSY.set(map.clone()).unwrap();
    // Values are driven out by others, written over, and deleted.
    for round in 0..3 {
        for key in 0..keys {
            map.put(key, Nosy(vec![round; 100])).unwrap();
            for _ in 0..2 {
                assert_eq!(map.get_shared(key).unwrap().unwrap().0, [round; 100]);
            }
        }
    }
    for key in 0..keys {
        map.get_shared(key).unwrap();
        assert!(map.remove(key).unwrap());
    }
    db.close().unwrap();
}
