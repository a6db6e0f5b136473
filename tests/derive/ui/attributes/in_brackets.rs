use kvstore::Store;

#[derive(Store)]
#[store[key = String]]
struct Job {
    owner: String,
}

fn main() {}
