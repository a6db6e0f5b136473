use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    attempts: Vec<u32>,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let jobs = db.store::<Job>()?;
    jobs.create("/a", JobInit { owner: "me".into(), attempts: vec![] })?;
    Ok(())
}
