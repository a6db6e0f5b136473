use kvstore::Store;

#[derive(Store)]
#[store(key = String, init_derive(Clone, NoSuchDerive))]
struct Job {
    owner: String,
}

fn main() {}
