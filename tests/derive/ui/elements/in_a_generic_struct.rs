use kvstore::{ElementMap, Store};

#[derive(Store)]
#[store(key = String)]
struct Job<T> {
    attempts: ElementMap<u32, T>,
}

fn main() {
    let _ = Job::<String>::ATTEMPTS;
}
