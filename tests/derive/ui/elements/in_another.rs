use kvstore::{ElementMap, ElementSet, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: ElementMap<u32, ElementSet<String>>,
}

fn main() {}
