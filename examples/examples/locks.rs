//! Entries and locks: who holds an entry, for how long, and what others see meanwhile.

use std::collections::BTreeMap;
use std::error::Error as StdError;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::thread;
use std::time::Duration;

use kvstore::{Database, Error, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    attempts: BTreeMap<u32, String>,
    #[store(default = 3)]
    retries: u8,
}

fn init() -> JobInit {
    JobInit { owner: "me".into() }
}

fn life_of_an_entry(jobs: &JobStore) -> kvstore::Result<()> {
    // ANCHOR: create
    let job = jobs.create("/a", init())?;
    assert!(job.is_new());
    assert!(jobs.get("/a")?.is_none()); // nobody sees it before it is saved or committed
    job.commit()?;
    // ANCHOR_END: create

    // ANCHOR: lock_or_create
    let mut job = jobs.lock_or_create("/a", init())?;
    if !job.is_new() {
        job.retries -= 1; // somebody was here before
    }
    job.commit()?;
    // ANCHOR_END: lock_or_create

    // ANCHOR: save
    let mut job = jobs.lock_or_create("/a", init())?;
    job.attempts.insert(1, "started".into());
    job.save()?; // readers see it; the lock stays here
    assert!(jobs.get("/a")?.is_some_and(|job| job.attempts.len() == 1));
    job.attempts.insert(1, "finished".into());
    job.commit()?;
    // ANCHOR_END: save

    // ANCHOR: release
    let mut job = jobs.lock_or_create("/a", init())?;
    job.retries = 0;
    job.release(); // never mind: nothing is written
    assert!(jobs.get("/a")?.is_some_and(|job| job.retries == 2));
    // ANCHOR_END: release

    // ANCHOR: delete
    let job = jobs.lock_or_create("/b", init())?;
    job.delete()?; // it was never saved, so it never existed
    assert!(!jobs.contains("/b")?);
    // ANCHOR_END: delete

    // ANCHOR: update
    let left = jobs.update("/a", |job| {
        job.retries -= 1;
        job.retries
    })?;
    assert_eq!(left, Some(1)); // `None` would be: there is no such entry
    // ANCHOR_END: update

    // ANCHOR: try_update
    let refused = jobs.try_update("/a", |job| {
        job.retries = 0;
        Err::<(), Box<dyn StdError>>("not today".into())
    });
    assert!(refused.is_err()); // nothing was written
    assert!(jobs.get("/a")?.is_some_and(|job| job.retries == 1));
    // ANCHOR_END: try_update
    Ok(())
}

// ANCHOR: decide_under_lock
/// Takes one retry, if there is one left.
fn take_retry(jobs: &JobStore, path: &str) -> kvstore::Result<bool> {
    // What `get` returns is a copy: by the time one acts on it, it may be out of date. So decide under the lock.
    let Some(mut job) = jobs.lock(path)? else { return Ok(false) };
    if job.retries == 0 {
        return Ok(false); // the guard goes here, and the lock with it
    }
    job.retries -= 1;
    job.commit()?; // uses the guard up: reading the value after the lock is gone does not compile
    Ok(true)
}
// ANCHOR_END: decide_under_lock

fn who_waits(db: &Database, jobs: &JobStore) -> Result<(), Box<dyn StdError>> {
    // ANCHOR: try_lock
    let held = jobs.lock("/a")?;
    assert!(held.is_some());
    match jobs.try_lock("/a") {
        Ok(Some(job)) => job.release(),
        Ok(None) => println!("there is no such job"),
        Err(Error::Locked { holder, .. }) => println!("somebody has it: {}", holder.taken_at),
        Err(error) => return Err(error.into()),
    }
    // ANCHOR_END: try_lock

    // ANCHOR: timeout
    let waited = thread::scope(|scope| scope.spawn(|| jobs.lock_for("/a", Duration::from_millis(20))).join());
    if let Ok(Err(error @ Error::LockTimeout { .. })) = waited {
        println!("{error}");
    }
    // ANCHOR_END: timeout

    // ANCHOR: locks
    for lock in db.locks() {
        let (namespace, key, thread) = (lock.namespace(), lock.key(), lock.thread());
        println!("{namespace}[{key}] by `{thread}` at {}, {} waiting", lock.taken_at(), lock.waiters());
    }
    // ANCHOR_END: locks
    assert_eq!(db.locks().len(), 1);
    drop(held);
    Ok(())
}

fn panics(db: &Database, jobs: &JobStore) -> kvstore::Result<()> {
    // ANCHOR: panic
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let mut job = jobs.lock_or_create("/a", init());
        if let Ok(job) = &mut job {
            job.owner = "half done".into();
        }
        resume_unwind(Box::new("the work failed")); // as a panic does, without its message on the terminal
    }));
    assert!(panicked.is_err());
    assert!(db.locks().is_empty()); // the lock is free,
    assert!(jobs.get("/a")?.is_some_and(|job| job.owner == "me")); // and nothing was written
    // ANCHOR_END: panic
    Ok(())
}

fn main() -> Result<(), Box<dyn StdError>> {
    let db = Database::in_memory()?;
    let jobs = db.store::<Job>()?;
    life_of_an_entry(&jobs)?;
    assert!(take_retry(&jobs, "/a")? && !take_retry(&jobs, "/a")? && !take_retry(&jobs, "/none")?);
    who_waits(&db, &jobs)?;
    panics(&db, &jobs)?;
    assert!(db.locks().is_empty());
    db.close()?;
    println!("locks: done");
    Ok(())
}
