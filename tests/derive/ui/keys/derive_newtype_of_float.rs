use kvstore::Key;

#[derive(Key)]
struct Weight(f64);

fn main() {}
