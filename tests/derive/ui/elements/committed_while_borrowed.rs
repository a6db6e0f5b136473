use kvstore::{Database, ElementSet, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    tags: ElementSet<String>,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let mut job = jobs.lock_or_create("/a", JobInit {})?;
    let mut tags = job.elements(Job::TAGS);
    job.commit()?;
    tags.insert("new")?;
    Ok(())
}
