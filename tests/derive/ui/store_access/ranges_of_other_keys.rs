//! Ranges of keys of another type, and several keys of another type.

use kvstore::{Database, Key, Store};

#[derive(Store)]
#[store(key = u64)]
struct Work {
    path: String,
}

#[derive(Key)]
struct Slot {
    day: u32,
    room: String,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let work = db.store::<Work>()?;
    let (from, to) = (1_u32, 5_u32);
    work.range(from..to)?;
    work.range(&from..)?;
    work.remove_range("a"..="b")?;
    work.range(1..5_i32)?;
    let slots = db.map::<Slot, u8>("slots")?;
    slots.range((1, "a")..(2, "b"))?;
    slots.range(("a",)..)?;
    db.map::<String, u8>("names")?.get_many(&["a", "b"])?;
    Ok(())
}
