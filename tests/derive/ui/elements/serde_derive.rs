use kvstore::{ElementMap, Store};

#[derive(Store, serde::Serialize)]
#[store(key = String)]
struct Page {
    visits: ElementMap<u32, String>,
}

fn main() {}
