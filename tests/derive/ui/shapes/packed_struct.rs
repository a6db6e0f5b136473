use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
#[repr(C, packed)]
struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let job = jobs.lock("/a")?;
    drop(job);
    Ok(())
}
