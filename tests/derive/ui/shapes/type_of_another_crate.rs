use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    since: Option<std::time::Instant>,
    shared: std::sync::Arc<str>,
}

fn main() {}
