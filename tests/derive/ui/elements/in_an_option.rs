use kvstore::{ElementMap, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: Option<ElementMap<u32, String>>,
}

fn main() {}
