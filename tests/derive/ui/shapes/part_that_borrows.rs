use std::borrow::Cow;

use kvstore::Store;

#[derive(serde::Serialize, serde::Deserialize)]
struct Tag<'a>(#[serde(borrow)] Cow<'a, str>);

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    tags: Vec<Tag<'static>>,
    size: u64,
}

fn main() {}
