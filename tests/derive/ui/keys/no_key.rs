use kvstore::Store;

#[derive(Store)]
struct Job {
    owner: String,
}

fn main() {}
