//! A field, named on the struct as the key.

use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = id)]
struct Job {
    id: u64,
    owner: String,
}

fn main() -> kvstore::Result<()> {
    Database::in_memory()?.store::<Job>()?.insert(1, JobInit { owner: "me".into() })
}
