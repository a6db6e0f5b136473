use kvstore::Store;

#[derive(Store)]
#[store(key = String, init = "NewJob")]
struct Job {
    owner: String,
}

fn main() {}
