use kvstore::Store;

#[derive(Store)]
struct Job {
    #[store(key = u64)]
    id: u64,
}

fn main() {}
