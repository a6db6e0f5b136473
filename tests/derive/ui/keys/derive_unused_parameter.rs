//! A type parameter that no field is a marker of.

use kvstore::{Database, Key};

#[derive(Key)]
struct Id<T>(u64);

#[derive(Key)]
enum Level<T> {
    Low(u8, u8),
}

fn main() -> kvstore::Result<()> {
    Database::in_memory()?.map::<Id<u8>, u8>("ids")?.put(Id::<u8>(1), 1)
}
