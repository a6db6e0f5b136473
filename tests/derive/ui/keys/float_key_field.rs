use kvstore::Store;

#[derive(Store)]
struct Job {
    #[store(key)]
    weight: f32,
    owner: String,
}

fn main() {}
