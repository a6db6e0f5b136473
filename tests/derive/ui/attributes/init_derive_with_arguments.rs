use kvstore::Store;

#[derive(Store)]
#[store(key = String, init_derive(Vec<u8>))]
struct Job {
    owner: String,
}

fn main() {}
