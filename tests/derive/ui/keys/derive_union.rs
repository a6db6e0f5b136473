use kvstore::Key;

#[derive(Key)]
union Id {
    number: u64,
}

fn main() {}
