//! Each store answers each workload, and ends with the same contents.

use std::collections::BTreeMap;

use super::*;
use crate::peers::{Opening, Peer, Record, Span};

fn all() -> Vec<(Store, Encoding)> {
    let stores = Store::value_variants().iter();
    stores.flat_map(|store| store.encodings().iter().map(|encoding| (*store, *encoding))).collect()
}

fn contents<R: Record>(peer: &dyn Peer<R>) -> BTreeMap<String, R> {
    let mut contents = BTreeMap::new();
    let mut keys = Vec::new();
    peer.scan(Span::All, usize::MAX, &mut |key, value| {
        keys.push(key.clone());
        contents.insert(key, value);
    })
    .unwrap();
    assert!(keys.is_sorted() && keys.len() == contents.len());
    contents
}

fn workloads<R: Work>(durability: Durability, ycsb: bool) {
    let dir = tempfile::tempdir().unwrap();
    let workloads: Vec<_> =
        Workload::value_variants().iter().copied().filter(|workload| workload.is_ycsb() == ycsb).collect();
    let mut field: Field<R> = Field::open(dir.path(), &all(), 500, durability, 8 << 20).unwrap();
    assert_eq!(field.sides.len(), 12);
    for threads in [1, 2] {
        let rows = field.run(&workloads, Amount { threads, rounds: 1, operations: 30 }).unwrap();
        for row in rows {
            for (side, samples) in field.sides.iter().zip(&row.samples) {
                assert_eq!(samples.len(), usize::from(side.runs(row.workload)), "{} {:?}", side.heading, row.workload);
            }
        }
    }
    let expected = contents(field.peer(0));
    assert!(expected.len() > 500 && expected.values().map(Record::changes).sum::<u64>() > 0);
    for number in 1..field.sides.len() {
        let (side, peer) = (&field.sides[number], field.peer(number));
        if side.runs(Workload::Create) {
            // Raw RocksDB excludes nobody: changes of one entry by two threads, as YCSB makes, may overwrite each other.
            let loses = ycsb && side.heading == "raw RocksDB";
            let same = contents(peer)
                .into_iter()
                .zip(&expected)
                .all(|(had, expected)| had.0 == *expected.0 && (loses || had.1.changes() == expected.1.changes()));
            assert!(same, "{}", side.heading);
        }
    }
}

#[test]
fn jobs() {
    workloads::<Job>(Durability::Buffered, false);
}

#[test]
fn jobs_synced() {
    workloads::<Job>(Durability::Sync, false);
}

#[test]
fn ycsb() {
    workloads::<Ycsb>(Durability::Buffered, true);
}

#[test]
fn refusals() {
    for (store, encoding) in all() {
        let dir = tempfile::tempdir().unwrap();
        let opening = Opening { dir: dir.path(), durability: Durability::Sync, cache_bytes: 8 << 20 };
        let peer: Box<dyn Peer<Job>> = store.open(encoding, &opening).unwrap();
        let absent = || panic!("there is no such entry");
        assert!(!peer.read("a".into(), &mut |_| absent()).unwrap());
        assert!(!peer.change("a".into(), &mut |_| absent()).unwrap());
        assert!(!peer.remove("a".into()).unwrap());
        assert!(peer.create("a".into(), Job::numbered(1)).unwrap());
        assert!(!peer.create("a".into(), Job::numbered(2)).unwrap(), "{store:?}");
        assert!(
            !peer.batch(vec![("b".into(), Job::numbered(3)), ("a".into(), Job::numbered(3))]).unwrap(),
            "{store:?}"
        );
        let left = contents(&*peer);
        assert!(left.len() == 1 && left["a"].is_of(1), "{store:?}");
        peer.put("a".into(), Job::numbered(4)).unwrap();
        assert!(contents(&*peer)["a"].is_of(4));
        assert!(peer.remove("a".into()).unwrap() && contents(&*peer).is_empty(), "{store:?}");
    }
}

#[test]
fn writers_do_not_lose_changes() {
    for (store, encoding) in all().into_iter().filter(|(store, _)| *store != Store::Raw) {
        let dir = tempfile::tempdir().unwrap();
        let opening = Opening { dir: dir.path(), durability: Durability::Buffered, cache_bytes: 8 << 20 };
        let peer: Box<dyn Peer<Job>> = store.open(encoding, &opening).unwrap();
        peer.put("a".into(), Job::numbered(0)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..25).for_each(|_| assert!(peer.change("a".into(), &mut Job::change).unwrap())));
            }
        });
        assert_eq!(contents(&*peer)["a"].changes(), 100, "{store:?}");
    }
}
