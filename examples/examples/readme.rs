//! The program in README.md, which quotes what stands between the anchor's marks.

// ANCHOR: readme
use std::collections::BTreeMap;

use kvstore::{Database, Store};

/// A transfer job; one entry per path.
#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,                   // required: `JobInit` asks for it
    attempts: BTreeMap<u32, String>, // a collection: starts empty
    #[store(default = 3)]
    retries: u8,
}

fn main() -> kvstore::Result<()> {
    let db = Database::open(std::env::temp_dir().join("kvstore-readme"))?;
    let jobs = db.store::<Job>()?;
    let mut job = jobs.lock_or_create("/a", JobInit { owner: "me".into() })?; // held by us alone from here on
    job.attempts.insert(1, "started".into());
    job.commit()?; // written and released; dropped instead, nothing would have been written
    for entry in jobs.prefix("/")? {
        let (path, job) = entry?;
        println!("{path} of {}: {} attempts, {} retries left", job.owner, job.attempts.len(), job.retries);
    }
    assert!(jobs.get("/a")?.is_some_and(|job| job.attempts[&1] == "started"));
    db.close()
}
// ANCHOR_END: readme
