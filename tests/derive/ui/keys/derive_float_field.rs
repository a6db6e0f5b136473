use kvstore::Key;

#[derive(Key)]
struct Place {
    name: String,
    latitude: f64,
}

fn main() {}
