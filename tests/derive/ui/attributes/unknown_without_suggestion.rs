use kvstore::Store;

#[derive(Store)]
#[store(key = String, rename_all = "camelCase")]
struct Job {
    owner: String,
}

fn main() {}
