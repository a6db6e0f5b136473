use kvstore::Store;

struct One;
struct Two;

#[derive(Store)]
#[store(key = f32)]
struct Job {
    one: One,
    two: Vec<Two>,
}

fn main() {}
