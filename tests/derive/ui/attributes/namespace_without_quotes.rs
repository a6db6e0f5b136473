use kvstore::Store;

#[derive(Store)]
#[store(key = String, namespace = jobs)]
struct Job {
    owner: String,
}

fn main() {}
