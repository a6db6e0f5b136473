use kvstore::Store;

#[derive(Store)]
#[Store(key = String)]
struct Job {
    owner: String,
}

fn main() {}
