use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    owner: u8,
}

fn main() {}
