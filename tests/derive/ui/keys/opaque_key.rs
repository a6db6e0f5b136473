use kvstore::Store;

#[derive(Store)]
#[store(key = impl Clone)]
struct Job {
    owner: String,
}

fn main() {}
