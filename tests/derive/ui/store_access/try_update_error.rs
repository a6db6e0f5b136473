use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    retries: u8,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let _ = jobs.try_update("/a", |job| {
        job.retries = job.retries.checked_sub(1).ok_or("no retries left")?;
        Ok::<(), &str>(())
    });
    Ok(())
}
