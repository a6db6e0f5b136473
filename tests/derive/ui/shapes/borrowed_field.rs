use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: &'static str,
}

fn main() {}
