use kvstore::Store;

#[derive(Store)]
#[store(key = String, skip)]
struct Job {
    owner: String,
}

fn main() {}
