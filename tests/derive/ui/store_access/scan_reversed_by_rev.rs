use kvstore::{Database, Store};

#[derive(Store)]
#[store(key = u64)]
struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let jobs = Database::in_memory()?.store::<Job>()?;
    for entry in jobs.iter()?.rev() {
        println!("{}", entry?.0);
    }
    for key in jobs.iter()?.keys().rev() {
        println!("{}", key?);
    }
    Ok(())
}
