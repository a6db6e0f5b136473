use kvstore::{Key, Store};

#[derive(Key)]
struct Name(&'static str);

#[derive(Store)]
#[store(key = Name)]
struct Job {}

fn main() {}
