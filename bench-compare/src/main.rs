//! kvstore against raw RocksDB and other embedded stores.

fn main() {}
