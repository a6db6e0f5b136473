use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    retries: u8,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let jobs = db.store::<Job>()?;
    let _ = db.lock_together([jobs.wanted("/a"), jobs.wanted("/b")])?;
    Ok(())
}
