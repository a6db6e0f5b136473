use kvstore::Store;

#[derive(Store)]
struct Job {
    #[store(key)]
    path: String,
    #[store(key = u64)]
    number: u64,
}

fn main() {}
