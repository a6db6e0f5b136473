use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(init_derive(Clone))]
    owner: String,
}

fn main() {}
