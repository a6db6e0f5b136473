use kvstore::Store;

#[derive(Store)]
#[stored(key = String)]
struct Job {
    owner: String,
}

fn main() {}
