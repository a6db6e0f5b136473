use kvstore::Store;

#[derive(Store)]
#[store(key = String, namspace = "jobs")]
struct Job {
    owner: String,
}

fn main() {}
