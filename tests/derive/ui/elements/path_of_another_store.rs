use kvstore::{Database, ElementMap, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: ElementMap<u32, String>,
}

#[derive(Store)]
#[store(key = String)]
struct Work {
    steps: ElementMap<u32, String>,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let mut job = jobs.lock_or_create("/a", JobInit {})?;
    job.elements(Work::STEPS).insert(1, "one".into())?;
    Ok(())
}
