//! `as` on a type with parameters.

use std::marker::PhantomData;

use kvstore::{Database, Key};

#[derive(Key)]
#[key(as = "u64")]
struct Id<T>(u64, PhantomData<T>);

fn main() -> kvstore::Result<()> {
    Database::in_memory()?.map::<Id<String>, u8>("ids")?.put(Id(1, PhantomData), 1)
}
