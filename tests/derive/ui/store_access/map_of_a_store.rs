use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let _jobs = db.map::<String, Job>("jobs")?;
    Ok(())
}
