use std::collections::HashMap;

use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    prices: HashMap<f64, u8>,
}

fn main() {}
