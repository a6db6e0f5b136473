use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    parts: Option<&'static[u8]>,
}

fn main() {}
