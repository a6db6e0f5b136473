use kvstore::{ElementDeque as Log, ElementMap, Store};

type Attempts = ElementMap<u32, String>;

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempts: Attempts,
    log: Log<String>,
}

fn main() {}
