//! A damaged record takes no more memory than there could be values in it. A test binary of its own, since it counts every
//! allocation of the process.

use std::collections::HashMap;

use kvstore::__private::value_of;
use kvstore::Map;
use serde::{Deserialize, Serialize};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[derive(Serialize, Deserialize)]
struct Nest(Vec<Nest>);

#[derive(Serialize, Deserialize)]
struct Tree(HashMap<u64, Tree>);

#[test]
fn declared_lengths_take_no_memory() {
    // An array, and a map, of 2^64 - 1 elements, and 2^16 - 1 of them where bytes for as many follow.
    let huge = [0xFF; 8];
    let nested = [vec![2, 1], [&[0x9B], huge.as_slice()].concat().repeat(400)].concat();
    let maps = [vec![2, 1], [&[0xBB], huge.as_slice(), &[0]].concat().repeat(400)].concat();
    let long = [vec![2, 1], [0x99, 0xFF, 0xFF].repeat(400), vec![0x80; 1 << 17]].concat();
    let _profiler = dhat::Profiler::builder().testing().build();
    assert!(value_of::<Map<u64, Nest>>(&[], &nested).is_err());
    assert!(value_of::<Map<u64, Tree>>(&[], &maps).is_err());
    let most = dhat::HeapStats::get().max_bytes;
    assert!(most < 64 << 10, "{most} bytes");
    assert!(value_of::<Map<u64, Nest>>(&[], &long).is_err());
    let most = dhat::HeapStats::get().max_bytes;
    assert!(most < 4 << 20, "{most} bytes");
}
