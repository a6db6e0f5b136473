use kvstore::{Database, Store};

#[derive(Store)]
struct Job {
    #[store(key)]
    path: &'static str,
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    jobs.create("/a", JobInit { owner: "me".into() })?.commit()?;
    Ok(())
}
