//! The first steps: a struct becomes a store, and its entries are created, changed, read and scanned.

// ANCHOR: struct
use std::collections::BTreeMap;

use kvstore::{Batch, Database, Store};

/// A transfer job; one entry per path.
#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,                   // required: `JobInit` asks for it
    attempts: BTreeMap<u32, String>, // a collection: starts empty
    error: Option<String>,           // starts `None`
    #[store(default = 3)]
    retries: u8, // starts 3
}
// ANCHOR_END: struct

// ANCHOR: second
/// What is still to be done, oldest first.
#[derive(Store)]
#[store(key = u64)]
struct Pending {
    path: String,
}
// ANCHOR_END: second

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let temporary = tempfile::tempdir()?;
    let dir = temporary.path().join("data");
    // ANCHOR: open
    let db = Database::open(&dir)?; // a directory; created where there is none
    let jobs = db.store::<Job>()?;
    // ANCHOR_END: open

    // ANCHOR: create
    let mut job = jobs.create("/a", JobInit { owner: "me".into() })?; // locked by us from here on
    assert!(job.attempts.is_empty() && job.error.is_none() && job.retries == 3);
    job.attempts.insert(1, "started".into());
    job.save()?; // written now, and still locked
    job.retries -= 1;
    job.commit()?; // written and released
    // ANCHOR_END: create

    // ANCHOR: read
    let seen = jobs.get("/a")?; // a copy; takes no lock
    assert!(seen.is_some_and(|job| job.owner == "me" && job.retries == 2));
    assert!(jobs.get("/b")?.is_none());
    // ANCHOR_END: read

    // ANCHOR: change
    if let Some(mut job) = jobs.lock("/a")? {
        job.error = Some("the disk is full".into());
        job.commit()?;
    }
    // ANCHOR_END: change

    // ANCHOR: scan
    for path in ["/b", "/c"] {
        jobs.insert(path, JobInit { owner: "you".into() })?; // created and committed in one call
    }
    for entry in jobs.prefix("/")? {
        let (path, job) = entry?; // an entry that can't be read is an error, not left out
        println!("{path} of {}: {} attempts", job.owner, job.attempts.len());
    }
    // ANCHOR_END: scan

    // ANCHOR: batch
    let queue = db.store::<Pending>()?;
    let pending = queue.create_next(PendingInit { path: "/d".into() })?; // the store makes the key: 1, 2, 3, ...
    let job = jobs.create("/d", JobInit { owner: "me".into() })?;
    Batch::new().write(pending).write(job).commit()?; // both or neither
    // ANCHOR_END: batch

    // ANCHOR: reopen
    db.close()?;
    let db = Database::open(&dir)?;
    assert!(db.store::<Job>()?.contains("/d")?);
    // ANCHOR_END: reopen
    let first = db.store::<Pending>()?.first()?;
    assert!(first.is_some_and(|(_, pending)| pending.path == "/d"));

    // ANCHOR: remove
    let jobs = db.store::<Job>()?;
    assert!(jobs.remove("/a")?); // it was there
    assert!(!jobs.remove("/a")?); // it was not: no error
    // ANCHOR_END: remove
    db.close()?;
    println!("quick start: done");
    Ok(())
}
