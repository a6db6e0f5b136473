//! Which store is meant can't be told: no type of the crate's own gets in the way.

use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store()?;
    jobs.get("a")?;
    Ok(())
}
