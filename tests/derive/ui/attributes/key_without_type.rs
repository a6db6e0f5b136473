use kvstore::Store;

#[derive(Store)]
#[store(key)]
struct Job {
    owner: String,
}

fn main() {}
