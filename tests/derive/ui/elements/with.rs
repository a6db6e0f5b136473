use kvstore::{ElementMap, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(with = "serde_bytes")]
    data: ElementMap<u32, Vec<u8>>,
}

fn main() {}
