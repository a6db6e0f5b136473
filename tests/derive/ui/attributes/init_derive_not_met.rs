use kvstore::Store;

#[derive(serde::Serialize, serde::Deserialize)]
struct Owner(String);

#[derive(Store)]
#[store(key = String, init_derive(Debug))]
struct Job {
    owner: Owner,
}

fn main() {}
