//! A typed id whose marker takes on that its entry can't be shared between threads.

use std::cell::Cell;
use std::marker::PhantomData;

use kvstore::{Database, Key, Store};

#[derive(Key)]
struct Id<T>(u64, PhantomData<T>);

#[derive(Store)]
#[store(key = Id<Job>)]
struct Job {
    visits: Option<Cell<u64>>,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.get(Id(1, PhantomData))?;
    jobs.create_next(JobInit {})?.commit()?;
    Ok(())
}
