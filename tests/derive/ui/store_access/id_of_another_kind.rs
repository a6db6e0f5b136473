use kvstore::{Database, Key, Store};

#[derive(Key)]
struct JobId(u64);

#[derive(Key)]
struct UserId(u64);

#[derive(Store)]
#[store(key = JobId)]
struct Job {}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.get(UserId(7))?;
    Ok(())
}
