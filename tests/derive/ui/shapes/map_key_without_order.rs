use std::collections::BTreeSet;

use kvstore::Store;

#[derive(serde::Serialize, serde::Deserialize)]
struct Tag(String);

#[derive(Store)]
#[store(key = String)]
struct Job {
    tags: BTreeSet<Tag>,
}

fn main() {}
