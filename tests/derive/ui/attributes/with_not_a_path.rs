use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(with = "serde bytes")]
    owner: Vec<u8>,
}

fn main() {}
