use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    parts: Vec<_>,
}

fn main() {}
