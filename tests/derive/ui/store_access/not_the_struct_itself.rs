//! The store and the initializer of a struct, in place of the struct.

use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    db.store::<JobStore>()?;
    db.store::<JobInit>()?;
    Ok(())
}
