//! A prefix with the name of a variant, which it would be taken for; and a variant in capitals, which has none.

use kvstore::{Database, Key};

#[derive(Key)]
enum Task {
    #[key(prefix = Open)]
    Pending(u64, u8),
    Open,
    #[key(prefix = Shut)]
    Shut(u8),
}

#[derive(Key)]
enum Protocol {
    HTTP(u8, u8),
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    db.map::<Task, u8>("tasks")?.put(Task::Pending(1, 1), 1)?;
    db.map::<Protocol, u8>("protocols")?.prefix(Protocol::HTTP)?;
    Ok(())
}
