use kvstore::Database;

fn main() -> kvstore::Result<()> {
    let settings = Database::in_memory()?.map::<String, Vec<u8>>("settings")?;
    settings.create("ui", "dark")?;
    Ok(())
}
