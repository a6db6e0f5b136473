use kvstore::{Database, ElementMap, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: ElementMap<u32, String>,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.elements(Job::ATTEMPTS, "/a").get("one")?;
    Ok(())
}
