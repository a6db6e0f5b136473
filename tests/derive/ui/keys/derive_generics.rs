use kvstore::{Key, Store};

#[derive(Key)]
struct Id<T>(T);

#[derive(Store)]
#[store(key = Id<u64>)]
struct Job {
    owner: String,
}

fn main() {}
