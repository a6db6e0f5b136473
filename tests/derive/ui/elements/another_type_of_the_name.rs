//! A type of the program's own that is called as a collection of kvstore's is; by an alias it can be a field.

use kvstore::{Database, Store};

mod my {
    #[derive(serde::Serialize, serde::Deserialize)]
    pub struct ElementMap<K, V>(pub K, pub V);
}

type Own<K, V> = my::ElementMap<K, V>;

#[derive(Store)]
#[store(key = u64)]
struct Job {
    by_alias: Own<u8, u8>,
    by_name: my::ElementMap<u8, u8>,
}

fn main() -> kvstore::Result<()> {
    Database::in_memory()?.store::<Job>()?.insert(1, JobInit { by_alias: my::ElementMap(1, 2) })
}
