use std::collections::BTreeMap;

use kvstore::Store;

struct Attempt {
    started: u64,
}

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: BTreeMap<u32, Attempt>,
}

fn main() {}
