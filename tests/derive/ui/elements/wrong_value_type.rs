use kvstore::{Database, ElementMap, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: ElementMap<u32, String>,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let mut job = jobs.lock_or_create("/a", JobInit {})?;
    job.elements(Job::ATTEMPTS).insert(1, 7)?;
    Ok(())
}
