//! Errors: which to act on, and how.

use std::error::Error as StdError;
use std::path::Path;
use std::thread;
use std::time::Duration;

use kvstore::{Database, Error, Outcome, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
}

// ANCHOR: match
/// Creates a job; what can be said to the user is said, the rest is passed on.
fn submit(jobs: &JobStore, path: &str) -> kvstore::Result<String> {
    match jobs.create(path, JobInit { owner: "me".into() }) {
        Ok(job) => {
            job.commit()?; // not `let _ =`, not only logged: a failed commit is a job that is not there
            Ok(format!("{path} is submitted"))
        }
        Err(Error::AlreadyExists { key, .. }) => Ok(format!("{key} was submitted before")),
        Err(Error::LockTimeout { holder, .. }) => Ok(format!("{path} is being worked on, at {}", holder.taken_at)),
        Err(Error::TooLarge { what: "key", limit, .. }) => Ok(format!("a path has at most {limit} bytes")),
        Err(error) => Err(error),
    }
}
// ANCHOR_END: match

// ANCHOR: own_error
/// The errors of a program of its own: `#[from]` lets `?` turn those of kvstore into them.
#[derive(Debug, thiserror::Error)]
enum JobError {
    #[error("there is no job {0}")]
    Missing(String),
    #[error("the job store failed: {0}")]
    Store(#[from] Error),
}

/// Hands a job to somebody else.
fn hand_over(jobs: &JobStore, path: &str, to: &str) -> Result<(), JobError> {
    let mut job = jobs.lock(path)?.ok_or_else(|| JobError::Missing(path.into()))?;
    job.owner = to.into();
    job.commit()?; // if it fails, the lock is released
    Ok(())
}
// ANCHOR_END: own_error

// ANCHOR: open
/// Opens the database of a program that may be running already.
fn open(path: &Path) -> Result<Database, String> {
    Database::open(path).map_err(|error| match error {
        Error::InUse { .. } => "the program is running already".to_owned(),
        Error::NotADatabase { path, .. } => format!("{} belongs to something else", path.display()),
        Error::Unsupported { what } => format!("this program is too old for its data: {what}"),
        error => error.to_string(),
    })
}
// ANCHOR_END: open

// ANCHOR: schema
mod changed {
    use kvstore::Store;

    /// As in a later version of the program: the owner became a number.
    #[derive(Store)]
    #[store(key = String)]
    pub(crate) struct Job {
        pub(crate) owner: u64,
    }
}

fn differences(db: &Database) -> Vec<String> {
    match db.store::<changed::Job>() {
        Err(Error::SchemaMismatch { differences, .. }) => differences,
        _ => Vec::new(),
    }
}
// ANCHOR_END: schema

fn main() -> Result<(), Box<dyn StdError>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("jobs");
    {
        let db = Database::builder().lock_timeout(Duration::from_millis(20)).open(&path)?;
        let jobs = db.store::<Job>()?;
        println!("{}", submit(&jobs, "/a")?);
        println!("{}", submit(&jobs, "/a")?);
        let held = jobs.lock("/a")?;
        println!("{}", thread::scope(|scope| scope.spawn(|| submit(&jobs, "/a")).join()).map_err(|_| "panicked")??);
        drop(held);
        println!("{}", submit(&jobs, &"/long".repeat(20_000))?);
        hand_over(&jobs, "/a", "you")?;
        println!("{}", hand_over(&jobs, "/z", "you").err().ok_or("there is none")?);
        println!("{}", open(&path).err().ok_or("it is open")?);
        drop(jobs);
        db.close()?;
    }
    let db = Database::open(&path)?;
    assert!(matches!(db.store::<changed::Job>(), Err(Error::SchemaMismatch { .. })));
    println!("{}", differences(&db).join("\n"));
    db.close()?;

    std::fs::write(dir.path().join("a file"), "not a directory")?;
    println!("{}", open(&dir.path().join("a file")).err().ok_or("it is a file")?);

    let (db, faults) = Database::in_memory_with_faults()?;
    let jobs = db.store::<Job>()?;
    faults.fail_next_writes(1, Outcome::Unknown);
    println!("{}", submit(&jobs, "/b").err().ok_or("the write was to fail")?);
    // ANCHOR: failed
    match submit(&jobs, "/c") {
        Err(error @ Error::Failed { .. }) => println!("end the work, and open the database again: {error}"),
        other => println!("{}", other?),
    }
    // ANCHOR_END: failed
    Ok(())
}
