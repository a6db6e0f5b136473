use kvstore::Store;

#[derive(Store)]
struct Job {
    #[store(key)]
    tenant: String,
    #[store(key)]
    number: u64,
}

fn main() {}
