use kvstore::Store;

#[derive(Store)]
struct Job {
    #[store(key, default = 1)]
    id: u64,
}

fn main() {}
