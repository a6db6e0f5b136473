use kvstore::Store;

#[derive(Store)]
#[store(key = String, init_derive = Clone)]
struct Job {
    owner: String,
}

fn main() {}
