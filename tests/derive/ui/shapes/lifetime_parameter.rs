use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = String)]
struct Job<'a> {
    owner: &'a str,
}

fn main() -> kvstore::Result<()> {
    Database::in_memory()?.store::<Job<'static>>()?;
    Ok(())
}
