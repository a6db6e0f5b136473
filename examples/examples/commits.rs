//! Atomic commits: several entries at once, of any stores, and what to do when a commit fails.

use std::error::Error as StdError;

use kvstore::{Batch, CommitError, Database, Guard, Map, MapStore, Outcome, Store};

// ANCHOR: stores
/// A transfer job; one entry per path.
#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    #[store(default)]
    done: bool,
}

/// A job that is still to be done, oldest first.
#[derive(Store)]
#[store(key = u64)]
struct Pending {
    path: String,
}
// ANCHOR_END: stores

// ANCHOR: submit
/// Records a job and puts it into the queue: after a kill at any moment, both are there or neither is.
fn submit(jobs: &JobStore, queue: &PendingStore, path: &str) -> kvstore::Result<()> {
    let pending = queue.create_next(PendingInit { path: path.into() })?;
    let job = jobs.create(path, JobInit { owner: "me".into() })?;
    Batch::new().write(pending).write(job).commit()?;
    Ok(())
}
// ANCHOR_END: submit

// ANCHOR: finish
/// Takes the head of the queue, and marks its job as done.
///
/// The order is that of `submit`: first the queue, then the job. Were it the other way round here, the two could wait for
/// each other.
fn finish_next(jobs: &JobStore, queue: &PendingStore) -> kvstore::Result<bool> {
    let Some(pending) = queue.try_lock_first(..)? else { return Ok(false) };
    let mut batch = Batch::new();
    if let Some(mut job) = jobs.lock(&pending.path)? {
        job.done = true;
        batch = batch.write(job);
    }
    batch.delete(pending).commit()?;
    Ok(true)
}
// ANCHOR_END: finish

// ANCHOR: batch_insert
/// Creates a job, and keeps a list of the jobs of each owner beside it.
fn create_listed(jobs: &JobStore, by_owner: &MapStore<Map<(String, String), ()>>, path: &str) -> kvstore::Result<()> {
    let job = jobs.create(path, JobInit { owner: "me".into() })?;
    let mut batch = Batch::new();
    batch.insert(by_owner, (&job.owner, path), ())?;
    batch.add_write(job);
    batch.commit()
}
// ANCHOR_END: batch_insert

// ANCHOR: cancel
/// Takes a job out of both stores. The keys are known, so both locks can be had in one call, whose order is the same
/// everywhere.
fn cancel(db: &Database, jobs: &JobStore, queue: &PendingStore, path: &str, number: u64) -> kvstore::Result<bool> {
    let (Some(job), Some(pending)) = db.lock_together((jobs.wanted(path), queue.wanted(number)))? else {
        return Ok(false); // one of the two is not there: the other's lock is let go here
    };
    Batch::new().delete(job).delete(pending).commit()?;
    Ok(true)
}
// ANCHOR_END: cancel

// ANCHOR: move_entry
/// A key can't be changed: what is to have another is created anew, and the old entry deleted, in one batch.
fn rename(db: &Database, jobs: &JobStore, from: &str, to: &str) -> kvstore::Result<bool> {
    let wanted = (jobs.wanted(from), jobs.wanted_or_create(to, JobInit { owner: String::new() }));
    let (Some(old), mut new) = db.lock_together(wanted)? else { return Ok(false) };
    if !new.is_new() {
        return Ok(false); // there is something of that name
    }
    new.owner.clone_from(&old.owner);
    new.done = old.done;
    Batch::new().delete(old).write(new).commit()?;
    Ok(true)
}
// ANCHOR_END: move_entry

// ANCHOR: retry
/// Commits, and tries again as long as nothing was written.
fn commit_stubbornly(mut guard: Guard<Job>, mut make_room: impl FnMut()) -> kvstore::Result<()> {
    for _ in 0..3 {
        match guard.try_commit() {
            Ok(()) => return Ok(()),
            Err(failed) if failed.outcome() == Outcome::NotApplied => {
                println!("not written: {failed}");
                make_room();
                guard = failed.into_held(); // as it was, and locked all the time
            }
            Err(failed) => return Err(failed.into()), // unknown until the database is opened again
        }
    }
    guard.commit()
}
// ANCHOR_END: retry

// ANCHOR: take
/// A batch that failed gives its guards back one by one.
fn take_back(failed: CommitError<Batch>, jobs: &JobStore, path: &str) -> Option<Guard<Job>> {
    let mut batch = failed.into_held();
    batch.take(jobs, path) // what stays in the batch is let go with it
}
// ANCHOR_END: take

// ANCHOR: question_mark
/// A failed `commit` releases the lock: its error is a plain one, for any error type.
fn plain(job: Guard<Job>) -> Result<(), Box<dyn StdError + Send + Sync>> {
    job.commit()?;
    Ok(())
}

/// The error of a failed `try_commit` has the guard: in a boxed error, the entry stays locked until the error is dropped.
fn boxed(job: Guard<Job>) -> Result<(), Box<dyn StdError + Send + Sync>> {
    job.try_commit()?;
    Ok(())
}
// ANCHOR_END: question_mark

fn main() -> Result<(), Box<dyn StdError>> {
    let (db, faults) = Database::in_memory_with_faults()?;
    let (jobs, queue) = (db.store::<Job>()?, db.store::<Pending>()?);

    submit(&jobs, &queue, "/a")?;
    assert!(jobs.contains("/a")? && queue.contains(1)?);
    assert!(finish_next(&jobs, &queue)? && !finish_next(&jobs, &queue)?);
    assert!(jobs.get("/a")?.is_some_and(|job| job.done) && queue.first()?.is_none());

    submit(&jobs, &queue, "/b")?;
    let number = queue.first()?.ok_or("the queue has an entry")?.0;
    assert!(cancel(&db, &jobs, &queue, "/b", number)? && !cancel(&db, &jobs, &queue, "/b", number)?);
    assert!(rename(&db, &jobs, "/a", "/z")? && !rename(&db, &jobs, "/a", "/z")?);
    assert!(!jobs.contains("/a")? && jobs.get("/z")?.is_some_and(|job| job.owner == "me" && job.done));

    let by_owner = db.map::<(String, String), ()>("jobs_by_owner")?;
    create_listed(&jobs, &by_owner, "/listed")?;
    assert_eq!(by_owner.prefix(("me",))?.count(), 1);

    // ANCHOR: all_or_nothing
    faults.fail_next_writes(1, Outcome::NotApplied); // as a full disk would
    assert!(submit(&jobs, &queue, "/c").is_err());
    assert!(!jobs.contains("/c")? && queue.first()?.is_none()); // neither
    assert!(db.locks().is_empty());
    // ANCHOR_END: all_or_nothing

    faults.fail_next_writes(2, Outcome::NotApplied);
    commit_stubbornly(jobs.create("/c", JobInit { owner: "me".into() })?, || {})?;
    assert!(jobs.contains("/c")?);

    faults.fail_next_writes(1, Outcome::NotApplied);
    let batch = Batch::new().write(jobs.create("/d", JobInit { owner: "me".into() })?);
    let failed = batch.try_commit().err().ok_or("the write was to fail")?;
    let guard = take_back(failed, &jobs, "/d").ok_or("the batch has the guard")?;
    assert_eq!(db.locks().len(), 1);
    guard.commit()?;

    for (commit, locks) in [(boxed as fn(_) -> _, 1), (plain, 0)] {
        let job = jobs.lock("/d")?;
        let mut job = job.ok_or("it was committed")?;
        job.done = true;
        faults.fail_next_writes(1, Outcome::NotApplied);
        let failed = commit(job);
        assert!(failed.is_err());
        assert_eq!(db.locks().len(), locks);
    }
    jobs.lock("/d")?.ok_or("it was committed")?.commit()?;
    assert!(db.locks().is_empty());
    db.close()?;
    println!("commits: done");
    Ok(())
}
