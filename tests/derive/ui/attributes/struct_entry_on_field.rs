use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(namespace = "jobs")]
    owner: u8,
}

fn main() {}
