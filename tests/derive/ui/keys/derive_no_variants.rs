use kvstore::Key;

#[derive(Key)]
enum Level {}

fn main() {}
