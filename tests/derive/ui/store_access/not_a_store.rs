use kvstore::Database;

struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    Ok(())
}
