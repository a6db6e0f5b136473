use std::collections::BTreeMap;

use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    errors: BTreeMap<u8, Option<Option<String>>>,
}

fn main() {}
