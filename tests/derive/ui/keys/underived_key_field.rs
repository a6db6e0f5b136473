//! The same where the key is a field.

use kvstore::{Database, Store};

struct JobId(u64);

#[derive(Store)]
struct Job {
    #[store(key)]
    id: JobId,
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.insert(JobId(1), JobInit { owner: "me".into() })?;
    if let Some(job) = jobs.get(JobId(1))? {
        println!("{}", job.id.0);
    }
    Ok(())
}
