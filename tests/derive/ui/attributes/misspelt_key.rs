use kvstore::Store;

#[derive(Store)]
#[store(kye = String)]
struct Job {
    owner: String,
}

fn main() {}
