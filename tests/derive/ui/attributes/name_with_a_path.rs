use kvstore::Store;

#[derive(Store)]
#[store(key = String, init = jobs::NewJob)]
struct Job {
    owner: String,
}

fn main() {}
