use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempt: Attempt,
}

fn main() {}
