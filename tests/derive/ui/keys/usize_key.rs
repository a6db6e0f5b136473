use kvstore::Store;

#[derive(Store)]
#[store(key = (String, usize))]
struct Job {
    owner: String,
}

fn main() {}
