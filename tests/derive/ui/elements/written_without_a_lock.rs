use kvstore::{Database, ElementSet, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    tags: ElementSet<String>,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.elements(Job::TAGS, "/a").insert("new")?;
    Ok(())
}
