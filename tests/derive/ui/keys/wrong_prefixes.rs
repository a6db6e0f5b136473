//! What is no beginning of the keys: the key itself, literals, references to a prefix, parts of another type. One error
//! each, that names both types.

use kvstore::{Database, Key, Prefix, Store};

#[derive(Key, Clone, Copy)]
struct Tenant(u64);

#[derive(Key, Clone)]
struct Route {
    from: String,
    to: String,
}

#[derive(Key)]
enum State {
    Idle,
    Busy(u8),
}

#[derive(Store)]
#[store(key = Tenant)]
struct Account {
    sum: i64,
}

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
}

#[derive(Store)]
#[store(key = Route)]
struct Ride {
    seats: u8,
}

#[derive(Store)]
#[store(key = (State, u8))]
struct Work {
    path: String,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let (accounts, jobs) = (db.store::<Account>()?, db.store::<Job>()?);
    let (rides, work) = (db.store::<Ride>()?, db.store::<Work>()?);
    accounts.prefix(Tenant(5))?;
    accounts.prefix(5)?;
    accounts.prefix(5_u64)?;
    for root in ["/a", "/b"].iter() {
        jobs.prefix(root)?;
    }
    jobs.prefix('a')?;
    jobs.prefix(true)?;
    jobs.prefix(None)?;
    jobs.prefix(1.5)?;
    jobs.prefix(7)?;
    jobs.prefix(("a",))?;
    jobs.prefix(Prefix("a"))?;
    let route = Route { from: "a".into(), to: "b".into() };
    rides.prefix(route.clone())?;
    rides.prefix(&route)?;
    rides.prefix("a")?;
    rides.prefix(("a", "b"))?;
    work.prefix(State::Idle)?;
    work.prefix((7,))?;
    work.prefix(State::BUSY)?;
    work.prefix((State::BUSY, 7))?;
    work.prefix((Prefix(State::Idle),))?;
    Ok(())
}
