use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(default = 1)]
    #[store(default = 2)]
    owner: u8,
}

fn main() {}
