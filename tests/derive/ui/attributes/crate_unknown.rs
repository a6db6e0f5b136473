use kvstore::Store;

#[derive(Store)]
#[store(key = String, crate = "keyvalue")]
struct Job {
    owner: String,
}

fn main() {}
