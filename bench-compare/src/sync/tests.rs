//! Small rounds, and what they must come to whatever the disk is like.

use super::*;

#[test]
fn commits_are_synced() {
    let args = Args { threads: vec![1, 4], commits: 40, rounds: 3, dir: None };
    let alone = measure(&args, 1).unwrap();
    for round in alone.kvstore.iter().chain(&alone.raw) {
        assert!((0.99..1.01).contains(&round.together), "{round:?}");
    }
    let together = measure(&args, 4).unwrap();
    assert_eq!((together.kvstore.len(), together.disk.len()), (3, 3 * PROBES));
    for round in together.kvstore.iter().chain(&together.raw) {
        assert!((0.99..=4.01).contains(&round.together) && round.rate > 0.0, "{round:?}");
    }
    assert_eq!(together.row(4).len(), 10);
}
