use kvstore::{ElementMap, Store};

struct Attempt;

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: ElementMap<u32, Attempt>,
}

fn main() {}
