use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    attempts: Vec<u32>,
}

#[derive(Store)]
#[store(key = u64)]
struct Work {
    path: String,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let jobs = db.store::<Job>()?;
    jobs.create("/a", WorkInit { path: "/a".into() })?;
    Ok(())
}
