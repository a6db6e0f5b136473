use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
union Job {
    number: u64,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let job = jobs.lock("/a")?;
    drop(job);
    Ok(())
}
