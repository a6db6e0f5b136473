use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(key)]
    path: String,
}

fn main() {}
