use kvstore::Store;

#[derive(Store)]
#[store(key = String, namespace =)]
struct Job {
    owner: String,
}

fn main() {}
