use kvstore::Key;

#[derive(Key)]
struct Number(u64);

#[derive(Key)]
pub struct JobId(Number);

fn main() {}
