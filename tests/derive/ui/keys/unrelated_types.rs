//! A wrong argument names the types that it has to do with, and no other key of the program.

use kvstore::{Database, Key, Store};

/// Has nothing to do with the store below.
#[derive(Key)]
struct Route {
    from: u32,
    to: u64,
    name: String,
}

#[derive(Store)]
#[store(key = (String, u64))]
struct Work {
    path: String,
}

fn main() -> kvstore::Result<()> {
    let work = Database::in_memory()?.store::<Work>()?;
    work.get(("a", -1_i64))?;
    work.get("a")?;
    let _ = work.prefix((5, 6))?;
    let _ = work.range(..7)?;
    Ok(())
}
