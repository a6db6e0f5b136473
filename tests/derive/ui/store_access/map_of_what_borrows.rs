use kvstore::Database;

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let _jobs = db.map::<String, &str>("jobs")?;
    Ok(())
}
