use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    _: u64,
}

fn main() {}
