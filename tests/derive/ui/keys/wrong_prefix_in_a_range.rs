//! A range of all keys with a beginning that is none.

use kvstore::{Database, Key, Prefix, Store};

#[derive(Key)]
enum State {
    Pending,
    Done,
}

#[derive(Store)]
#[store(key = (State, u8))]
struct Work {
    path: String,
}

fn main() -> kvstore::Result<()> {
    let work = Database::in_memory()?.store::<Work>()?;
    work.try_lock_first(Prefix((State::Pending,)))?;
    work.try_lock_first(Prefix(State::Pending))?;
    work.range(Prefix("a"))?;
    work.range("a".."b")?;
    work.range(7)?;
    Ok(())
}
