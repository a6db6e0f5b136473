use kvstore::{Database, ElementDeque, ElementMap, ElementSet, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(skip, default, with = "serde_bytes")]
    attempts: ElementMap<u32, String>,
    tags: Vec<ElementSet<String>>,
    log: ElementDeque<&'static str>,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.elements(Job::ATTEMPTS, "/a").get(1)?;
    Ok(())
}
