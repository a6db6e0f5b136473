use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    part: impl Clone,
    parts: Option<impl Clone>,
}

fn main() {}
