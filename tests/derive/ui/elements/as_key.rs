use kvstore::Store;

#[derive(Store)]
#[store(key = kvstore::ElementSet<u32>)]
struct Job {}

fn main() {}
