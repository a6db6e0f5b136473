use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(default = LIMIT)]
    retries: u8,
}

fn main() {}
