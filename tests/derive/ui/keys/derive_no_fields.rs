use kvstore::{Key, Store};

#[derive(Key)]
struct Id;

#[derive(Store)]
#[store(key = Id)]
struct Job {
    owner: String,
}

fn main() {}
