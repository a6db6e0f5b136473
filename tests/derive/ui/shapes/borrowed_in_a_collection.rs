use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    tags: Vec<&'static str>,
}

fn main() {}
