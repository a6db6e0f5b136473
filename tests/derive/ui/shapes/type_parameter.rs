use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job<T> {
    owner: String,
    payload: Option<T>,
}

fn main() -> kvstore::Result<()> {
    let jobs: JobStore<u8> = Database::in_memory()?.store::<Job<u8>>()?;
    jobs.create("/a", JobInit { owner: "me".into() })?;
    Ok(())
}
