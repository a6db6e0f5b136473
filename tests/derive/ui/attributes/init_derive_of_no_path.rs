use kvstore::Store;

#[derive(Store)]
#[store(key = String, init_derive(Clone, 3, Debug))]
struct Job {
    owner: String,
}

fn main() {}
