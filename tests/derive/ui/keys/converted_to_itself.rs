//! A key that is kept as itself.

use kvstore::{Database, Key};

#[derive(Key, Clone)]
#[key(as = "Id")]
struct Id(u64);

fn main() -> kvstore::Result<()> {
    Database::in_memory()?.map::<Id, u8>("ids")?.put(Id(1), 1)
}
