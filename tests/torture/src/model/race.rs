//! Threads that write to a store and search it at the same time.

use std::thread;

use kvstore::{Error, MapStore, Result};
use kvstore_tests::TestResult;

use super::answer::answer;
use super::kinds::Kind;
use super::ops::Range;
use super::reader::try_lock_first;

/// A key that nobody else writes or holds, the number that is put under it, and whether it is removed then.
pub(super) type Own<K> = (<K as Kind>::Key, u32, bool);

/// How often each thread does what it does.
const TURNS: usize = 3;

/// Two threads write keys of their own, while two others search two ranges.
pub(super) fn race<K: Kind>(store: &MapStore<K::Store>, own: [&[Own<K>]; 2], ranges: [Range; 2]) -> TestResult {
    thread::scope(|scope| {
        let writers = own.map(|own| scope.spawn(move || write::<K>(store, own)));
        let searches = ranges.map(|range| scope.spawn(move || search::<K>(store, range)));
        let threads = writers.into_iter().chain(searches);
        // All are waited for, whatever became of the first.
        let ended: Vec<_> = threads.map(|thread| thread.join().map_err(|_| "a thread panicked")).collect();
        ended.into_iter().try_for_each(|ended| ended?)
    })
}

fn write<K: Kind>(store: &MapStore<K::Store>, own: &[Own<K>]) -> TestResult {
    for _ in 0..TURNS {
        for (key, number, removed) in own {
            when_free(|| K::insert(store, key, K::value(key, *number)))?;
            if *removed {
                when_free(|| store.remove(key))?;
            }
        }
    }
    Ok(())
}

/// The world's databases wait for no lock, and a search holds each for a moment.
fn when_free<R>(mut write: impl FnMut() -> Result<R>) -> Result<R> {
    loop {
        match write() {
            Err(Error::LockTimeout { .. }) => thread::yield_now(),
            done => return done,
        }
    }
}

fn search<K: Kind>(store: &MapStore<K::Store>, range: Range) -> TestResult {
    (0..TURNS).try_for_each(|_| answer(try_lock_first::<K>(store, range)).map(drop))
}
