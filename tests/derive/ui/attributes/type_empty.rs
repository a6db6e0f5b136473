use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(type = "")]
    owner: u8,
}

fn main() {}
