use kvstore::Store;

#[derive(Store)]
#[store(key = String, crate = "kv store")]
struct Job {
    owner: String,
}

fn main() {}
