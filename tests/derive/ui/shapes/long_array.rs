use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    hash: [u8; 64],
}

fn main() {}
