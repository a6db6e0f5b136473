use kvstore::Store;

#[derive(Store)]
#[store(key = String, namespace = "a", namespace = "b")]
struct Job {
    owner: String,
}

fn main() {}
