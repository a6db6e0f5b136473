use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job;

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let job = jobs.lock("/a")?;
    drop(job);
    Ok(())
}
