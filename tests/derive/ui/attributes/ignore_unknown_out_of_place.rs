use kvstore::Store;

#[derive(Store)]
struct Job {
    #[store(key, ignore_unknown)]
    id: u64,
    #[store(skip, ignore_unknown)]
    cache: Vec<u8>,
    #[store(ignore_unknown = true)]
    owner: String,
}

fn main() {}
