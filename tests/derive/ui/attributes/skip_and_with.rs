use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(skip, with = "serde_bytes")]
    owner: Vec<u8>,
}

fn main() {}
