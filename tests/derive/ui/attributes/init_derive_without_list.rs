use kvstore::Store;

#[derive(Store)]
#[store(key = String, init_derive)]
struct Job {
    owner: String,
}

fn main() {}
