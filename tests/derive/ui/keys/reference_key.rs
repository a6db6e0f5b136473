use kvstore::Store;

#[derive(Store)]
#[store(key = &str)]
struct Job {
    owner: String,
}

fn main() {}
