use kvstore::Key;

#[derive(Key)]
struct Id {
    _: u64,
    _: u8,
}

fn main() {}
