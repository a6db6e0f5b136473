use kvstore::Key;

#[derive(Key)]
struct Name {
    tenant: u64,
    name: str,
}

fn main() {}
