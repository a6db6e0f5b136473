use kvstore::{ElementMap, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: ElementMap<u32, String>,
}

impl Job {
    const ATTEMPTS: u32 = 3;
}

fn main() {}
