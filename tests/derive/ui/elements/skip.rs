use kvstore::{ElementDeque, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(skip)]
    log: ElementDeque<String>,
}

fn main() {
    let _ = Job::LOG;
}
