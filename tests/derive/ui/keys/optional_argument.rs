//! `Option` of what stands for a key: an optional key is given as it is.

use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = (Option<String>, u64))]
struct Work {
    path: String,
}

fn main() -> kvstore::Result<()> {
    let work = Database::in_memory()?.store::<Work>()?;
    work.get((None, 7))?;
    work.get((Some("a".to_owned()), 7))?;
    work.get((Some("a"), 7))?;
    Ok(())
}
