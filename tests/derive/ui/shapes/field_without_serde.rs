use kvstore::Store;

struct Attempt {
    started: u64,
}

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    attempt: Attempt,
}

fn main() {}
