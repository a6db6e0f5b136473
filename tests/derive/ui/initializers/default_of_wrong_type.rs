use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(default = "three")]
    retries: u8,
}

fn main() {}
