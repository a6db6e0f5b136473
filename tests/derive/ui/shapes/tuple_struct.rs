use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job(String, u8);

fn guard(guard: JobGuard) -> JobGuard {
    guard
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    let job = jobs.lock("/a")?;
    drop(job);
    Ok(())
}
