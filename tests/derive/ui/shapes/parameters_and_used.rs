//! Stored structs with parameters, which are used as if they were stored.

use std::fmt::Debug;
use std::marker::PhantomData;

use kvstore::{Database, Key, Store};

#[derive(Store)]
#[store(key = u64)]
struct Typed<T>
where
    T: Debug,
{
    value: T,
    size: u8,
}

#[derive(Store)]
#[store(key = u64)]
struct Array<const N: usize> {
    bytes: [u8; N],
}

#[derive(Store)]
#[store(key = K)]
struct Keyed<K: Key> {
    size: u8,
    #[store(default)]
    marker: PhantomData<K>,
}

#[derive(Store)]
#[store(key = u64)]
struct Borrowed<'a> {
    name: &'a str,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    db.store::<Typed<u8>>()?.insert(1, TypedInit { value: 1, size: 2 })?;
    db.store::<Array<3>>()?.insert(1, ArrayInit { bytes: [1; 3] })?;
    db.store::<Keyed<u64>>()?.insert(1, KeyedInit { size: 1 })?;
    db.store::<Borrowed>()?.insert(1, BorrowedInit { name: "x" })?;
    Ok(())
}
