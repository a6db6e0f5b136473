use std::collections::BTreeMap;

use kvstore::Store;

#[derive(serde::Serialize, serde::Deserialize)]
struct Tag(String);

#[derive(serde::Serialize)]
struct Part {
    size: u8,
}

#[derive(Store)]
#[store(key = String)]
struct Job {
    parts: BTreeMap<String, Vec<(Tag, Option<Part>)>>,
}

fn main() {}
