use kvstore::Store;

#[derive(Store)]
#[store(key = String, namespace = "jobs\n")]
struct Job {
    owner: String,
}

fn main() {}
