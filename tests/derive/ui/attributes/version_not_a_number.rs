use kvstore::Store;

#[derive(Store)]
#[store(key = String, version = "1")]
struct Job {
    owner: String,
}

fn main() {}
