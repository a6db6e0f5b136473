use kvstore::Key;

#[derive(Key)]
enum Level {
    Low,
    High(u8, f64),
}

fn main() {}
