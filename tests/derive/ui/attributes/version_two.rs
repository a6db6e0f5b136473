use kvstore::Store;

#[derive(Store)]
#[store(key = String, version = 2)]
struct Job {
    owner: String,
}

fn main() {}
