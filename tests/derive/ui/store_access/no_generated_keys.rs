use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = (String, u64))]
struct Job {}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let jobs = db.store::<Job>()?;
    jobs.create_next(JobInit {})?;
    Ok(())
}
