use kvstore::Store;

#[derive(Store)]
struct Job {
    #[key]
    id: u64,
    owner: String,
}

fn main() {}
