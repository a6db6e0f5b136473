//! Former names that are present ones, and that are said twice.

use kvstore::{Database, Key};

#[derive(Key)]
struct Swapped {
    #[key(alias = "b")]
    a: u8,
    #[key(alias = "a")]
    b: u8,
}

#[derive(Key)]
struct Twice {
    #[key(alias = "a")]
    a: u8,
    #[key(alias = "x", alias = "x")]
    b: u8,
    #[key(alias = "x")]
    c: u8,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    db.map::<Swapped, u8>("swapped")?.put(Swapped { a: 1, b: 1 }, 1)?;
    db.map::<Twice, u8>("twice")?.put(Twice { a: 1, b: 1, c: 1 }, 1)
}
