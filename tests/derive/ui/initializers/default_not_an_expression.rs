use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(default = 3 +)]
    retries: u8,
}

fn main() {}
