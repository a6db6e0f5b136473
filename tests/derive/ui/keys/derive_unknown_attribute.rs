use kvstore::Key;

#[derive(Key)]
#[key(crat = "kvstore")]
struct Id(u64);

fn main() {}
