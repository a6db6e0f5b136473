use kvstore::{ElementMap, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: ElementMap<f64, String>,
}

fn main() {}
