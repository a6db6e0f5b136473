use kvstore::Store;

struct JobStore;

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
}

fn main() {}
