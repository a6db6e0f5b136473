use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    retries: u8,
    owner: str,
}

fn init() -> JobInit {
    JobInit { retries: 1 }
}

fn main() {}
