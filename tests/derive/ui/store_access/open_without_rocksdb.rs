use kvstore::Database;

fn main() -> kvstore::Result<()> {
    let _: Database = Database::open("data")?;
    let _: Database = Database::builder().open("data")?;
    Ok(())
}
