use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
enum Job {
    Copy { from: String },
    Delete,
}

fn init() -> JobInit {
    JobInit {}
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let job = jobs.lock("/a")?;
    drop(job);
    Ok(())
}
