use kvstore::{ElementMap, Store};

#[derive(Store)]
struct Job {
    #[store(key)]
    attempts: ElementMap<u32, String>,
}

fn main() {}
