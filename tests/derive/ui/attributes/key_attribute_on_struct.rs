//! The attribute of `#[derive(Key)]` on a stored struct.

use kvstore::{Database, Store};

#[derive(Store)]
#[key(u64)]
struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    Database::in_memory()?.store::<Job>()?.count().map(drop)
}
