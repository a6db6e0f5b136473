//! Two variants whose constants would have one name.

use kvstore::{Database, Key};

#[derive(Key)]
enum Event {
    HttpDone(u8),
    HTTPDone(u8),
}

fn main() -> kvstore::Result<()> {
    Database::in_memory()?.map::<Event, u8>("events")?.put(Event::HttpDone(1), 1)
}
