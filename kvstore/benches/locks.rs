//! The lock table alone: one lock and its release, without contention.

use criterion::{Criterion, criterion_group, criterion_main};
use kvstore::__bench::Locks;

fn lock_and_release(c: &mut Criterion) {
    let locks = Locks::default();
    for bytes in [8, 23, 64, 65, 1000] {
        let keys: Vec<_> = (0_u32..1000)
            .map(|number| {
                let mut key = vec![b'k'; bytes];
                key[..4].copy_from_slice(&number.to_be_bytes());
                key
            })
            .collect();
        let mut next = 0;
        c.bench_function(&format!("lock and release, key of {bytes} bytes"), |b| {
            b.iter(|| {
                next = (next + 1) % keys.len();
                assert!(locks.lock_and_release(&keys[next]));
            });
        });
    }
    assert_eq!(locks.held(), 0);
}

criterion_group!(benches, lock_and_release);
criterion_main!(benches);
