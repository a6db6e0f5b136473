use kvstore::Key;

#[derive(Key)]
enum Level {
    Low = 10,
    High,
}

fn main() {}
