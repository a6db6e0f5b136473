//! Types of the standard library that are no keys, used as such: one error for each store.

use std::cmp::Reverse;
use std::rc::Rc;

use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = (Reverse<f64>, u64))]
struct Ranked {
    name: String,
}

#[derive(Store)]
#[store(key = Option<usize>)]
struct Numbered {
    name: String,
}

#[derive(Store)]
#[store(key = Rc<str>)]
struct Named {
    name: String,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let ranked = db.store::<Ranked>()?;
    ranked.insert((Reverse(1.5), 7), RankedInit { name: "a".into() })?;
    ranked.get((Reverse(1.5), 7))?;
    let _ = ranked.prefix((Reverse(1.5),))?;
    db.store::<Numbered>()?.get(Some(7))?;
    db.store::<Named>()?.get("a")?;
    Ok(())
}
