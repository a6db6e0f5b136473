use kvstore::Store;

#[derive(Store)]
#[store]
#[store(key = String)]
struct Job {
    owner: String,
}

fn main() {}
