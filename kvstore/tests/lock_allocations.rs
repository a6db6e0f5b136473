//! The lock path allocates nothing for keys of up to 64 bytes. A test binary of its own, since it counts every allocation
//! of the process.

use kvstore::__bench::Locks;

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[test]
fn keys_up_to_64_bytes_are_locked_and_released_without_allocation() {
    let locks = Locks::default();
    let lock_keys = |bytes: usize| {
        for number in 0_u32..10_000 {
            let mut key = [b'k'; 65];
            key[..4].copy_from_slice(&number.to_be_bytes());
            assert!(locks.lock_and_release(&key[..bytes]));
        }
    };
    // The shards' tables and the thread's handle are made once.
    lock_keys(8);
    let _profiler = dhat::Profiler::builder().testing().build();
    for bytes in [4, 8, 23, 64] {
        lock_keys(bytes);
    }
    assert_eq!(dhat::HeapStats::get().total_blocks, 0);
    // The counter counts: a longer key is kept on the heap.
    lock_keys(65);
    assert!(dhat::HeapStats::get().total_blocks >= 10_000);
    assert_eq!(locks.held(), 0);
}
