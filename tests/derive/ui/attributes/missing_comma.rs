use kvstore::Store;

#[derive(Store)]
#[store(key = String, namespace = "a" version = 1)]
struct Job {
    owner: String,
}

fn main() {}
