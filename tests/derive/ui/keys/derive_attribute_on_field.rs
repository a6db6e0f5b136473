use kvstore::Key;

#[derive(Key)]
struct Id(#[key(crate = "kvstore")] u64);

fn main() {}
