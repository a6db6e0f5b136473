//! A key type that does not derive `Key`: however often the store is used, it is one error.

use kvstore::{Database, Prefix, Store};

struct JobId(u64);

#[derive(Store)]
#[store(key = JobId)]
struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.insert(JobId(1), JobInit { owner: "me".into() })?;
    jobs.get(JobId(1))?;
    jobs.get(&JobId(1))?;
    jobs.remove(JobId(1))?;
    jobs.contains(JobId(1))?;
    jobs.update(JobId(1), |job| job.owner.clear())?;
    jobs.lock_all([JobId(1)])?;
    let _ = jobs.range(JobId(1)..)?;
    let _ = jobs.prefix(JobId(1))?;
    let _ = jobs.try_lock_first(Prefix(JobId(1)))?;
    jobs.create_next(JobInit { owner: "me".into() })?.commit()?;
    if let Some(guard) = jobs.lock(JobId(1))? {
        let JobId(number) = guard.key();
        println!("{number}");
    }
    for entry in jobs.iter()? {
        let (JobId(number), job) = entry?;
        println!("{number}: {}", job.owner);
    }
    Ok(())
}
