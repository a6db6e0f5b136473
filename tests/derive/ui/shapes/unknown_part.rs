use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    parts: Vec<Part>,
    whole: Box<Whole>,
}

fn main() {}
