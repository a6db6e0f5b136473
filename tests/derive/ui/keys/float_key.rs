use kvstore::Store;

#[derive(Store)]
#[store(key = f64)]
struct Job {
    owner: String,
}

fn main() {}
