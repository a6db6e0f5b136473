use kvstore::{ElementDeque, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(default = ElementDeque::new())]
    log: ElementDeque<String>,
}

fn main() {}
