use kvstore::Store;

#[derive(Store)]
#[store(key = (String u64))]
struct Job {
    owner: String,
}

fn main() {}
