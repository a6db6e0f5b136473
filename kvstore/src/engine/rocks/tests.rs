use super::*;
use crate::engine::local::Storage;
use crate::engine::{Op, Reader};

pub(super) fn options() -> OpenOptions {
    OpenOptions { sync: false, cache_bytes: 8 << 20, prefix_recovery: false, create_if_missing: true }
}

#[test]
fn what_is_written_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let (rocks, id) = open(&path, &options()).unwrap();
    rocks.write(&[Op::Put { key: b"k", value: b"v" }], false).unwrap();
    let snapshot = rocks.snapshot().unwrap();
    rocks.write(&[Op::Delete { key: b"k" }, Op::Put { key: b"l", value: b"w" }], false).unwrap();
    let mut seen = Vec::<u8>::new();
    assert!(snapshot.read(b"k", &mut |value| seen.extend(value)).unwrap());
    assert_eq!(seen, b"v");
    drop(snapshot);
    rocks.refuse().unwrap();
    rocks.finish().unwrap();
    let (rocks, again) = open(&path, &options()).unwrap();
    assert_eq!(id, again);
    assert!(!rocks.read(b"k", &mut |_| {}).unwrap());
    assert!(rocks.read(b"l", &mut |_| {}).unwrap());
}
