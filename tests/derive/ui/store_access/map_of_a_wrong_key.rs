use kvstore::Database;

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let jobs = db.map::<&str, u32>("jobs")?;
    let _ = jobs.iter();
    Ok(())
}
