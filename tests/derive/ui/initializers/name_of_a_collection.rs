use kvstore::Store;

#[derive(serde::Serialize, serde::Deserialize)]
struct Option<T>(T);

#[derive(Store)]
#[store(key = String)]
struct Job {
    error: Option<u8>,
}

fn main() {}
