use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(skip = true)]
    owner: u8,
}

fn main() {}
