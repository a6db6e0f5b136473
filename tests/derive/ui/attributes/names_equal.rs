use kvstore::Store;

#[derive(Store)]
#[store(key = String, init = New, store = New)]
struct Job {
    owner: String,
}

fn main() {}
