//! Closing, copies, and what outlives the handle.

use super::*;
use crate::engine::rocks::marker::{Marker, State};

#[test]
fn a_snapshot_outlives_the_handle_and_closes_in_its_place() {
    let directory = directory();
    let path = directory.path();
    let rocks = reopened(path);
    for index in 0..2_000_u32 {
        put(&rocks, &index.to_be_bytes(), b"before");
    }
    let snapshot = rocks.snapshot().unwrap();
    rocks.write(&[Op::DeleteSpan { span: &everything() }], false).unwrap();
    rocks.refuse().unwrap();
    rocks.finish().unwrap();
    assert!(matches!(rocks.read(b"k", &mut |_| {}), Err(Error::Closed)));
    assert!(matches!(rocks.write(&[Op::Delete { key: b"k" }], false), Err((Error::Closed, _))));
    assert!(matches!(rocks.refuse(), Err(Error::Closed)));
    drop(rocks);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                assert_eq!(rows(&*snapshot).unwrap().len(), 2_000);
                for index in 0..2_000_u32 {
                    assert_eq!(get(&*snapshot, &index.to_be_bytes()).unwrap(), b"before");
                }
            });
        }
    });
    assert!(matches!(open(path, &buffered()), Err(Error::InUse { .. })));
    assert_eq!(Marker::read(path).unwrap().unwrap().state, State::Open);
    drop(snapshot);
    assert_eq!(Marker::read(path).unwrap().unwrap().state, State::Clean);
    assert_eq!(rows(&reopened(path)).unwrap(), []);
}

#[test]
fn dropping_the_handle_closes() {
    let directory = directory();
    let rocks = reopened(directory.path());
    put(&rocks, b"k", b"v");
    drop(rocks);
    assert_eq!(Marker::read(directory.path()).unwrap().unwrap().state, State::Clean);
    assert_eq!(get(&reopened(directory.path()), b"k").unwrap(), b"v");
}

#[test]
fn what_closing_could_not_do_is_said() {
    let directory = directory();
    let rocks = reopened(directory.path());
    // Where the next marker is to be written, there is a directory.
    fs::create_dir(directory.path().join("KVSTORE.tmp")).unwrap();
    rocks.refuse().unwrap();
    assert!(matches!(rocks.finish(), Err(Error::Io { action: "write", .. })));
    fs::remove_dir(directory.path().join("KVSTORE.tmp")).unwrap();
    let rocks = reopened(directory.path());
    fs::create_dir(directory.path().join("KVSTORE.tmp")).unwrap();
    let ((), said) = warnings(|| drop(rocks));
    assert!(said.len() == 1 && said[0].contains("closing a database failed"), "{said:?}");
}

/// The manifest may be half written then, which is not to be taken for damage of what was closed in order.
#[test]
fn what_fails_in_the_background_keeps_the_directory_from_being_marked_clean() {
    let directory = directory();
    let path = directory.path();
    let rocks = reopened(path);
    put(&rocks, b"k", b"v");
    // In the place of the next tables there are directories.
    let tables = || (1..100).map(|number| path.join(format!("{number:06}.sst")));
    tables().for_each(|table| fs::create_dir(table).unwrap());
    assert!(rocks.with_db(Db::flush).is_err());
    let ((), said) = warnings(|| close(&rocks));
    assert!(said.iter().any(|line| line.contains("not marked clean")), "{said:?}");
    assert_eq!(Marker::read(path).unwrap().unwrap().state, State::Open);
    tables().for_each(|table| fs::remove_dir(table).unwrap());
    let rocks = reopened(path);
    assert_eq!(get(&rocks, b"k").unwrap(), b"v");
    close(&rocks);
    assert_eq!(Marker::read(path).unwrap().unwrap().state, State::Clean);
}

#[test]
fn a_checkpoint_is_a_database_of_its_own() {
    let directory = directory();
    let (path, to) = (directory.path().join("data"), directory.path().join("copies/1"));
    let (rocks, id) = open(&path, &buffered()).unwrap();
    for index in 0..1_000_u32 {
        put(&rocks, &index.to_be_bytes(), b"v");
    }
    rocks.checkpoint(&to, Tables::Linked).unwrap();
    put(&rocks, b"later", b"v");
    let ((copy, copy_id), said) = warnings(|| open(&to, &buffered()).unwrap());
    assert_eq!((rows(&copy).unwrap().len(), said), (1_000, Vec::new()));
    assert_ne!(id, copy_id);
    put(&copy, b"other", b"v");
    assert_eq!(get(&rocks, b"other"), None);

    fs::create_dir(directory.path().join("empty")).unwrap();
    fs::write(directory.path().join("file"), "mine").unwrap();
    std::os::unix::fs::symlink("nowhere", directory.path().join("dangling")).unwrap();
    for taken in [
        &to,
        &path,
        &directory.path().join("empty"),
        &directory.path().join("file"),
        &directory.path().join("dangling"),
    ] {
        let error = rocks.checkpoint(taken, Tables::Linked).unwrap_err();
        let Error::Io { path, action: "create a checkpoint at", source } = error else { panic!("{error:?}") };
        assert_eq!((&path, source.kind()), (taken, std::io::ErrorKind::AlreadyExists));
    }
    assert_eq!(contents(&directory.path().join("copies")).len(), 1);
}

#[test]
fn checkpoints_made_while_threads_write_hold_whole_commits() {
    let directory = directory();
    let rocks = reopened(&directory.path().join("data"));
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0_u32.. {
                let value = number.to_be_bytes();
                let ops: Vec<_> = [b"a", b"b", b"c"].iter().map(|key| Op::Put { key: *key, value: &value }).collect();
                rocks.write(&ops, false).unwrap();
                if done.load(std::sync::atomic::Ordering::Relaxed) {
                    break;
                }
            }
        });
        while get(&rocks, b"a").is_none() {}
        for number in 0..5 {
            let to = directory.path().join(number.to_string());
            let before = get(&rocks, b"a").unwrap();
            rocks.checkpoint(&to, Tables::Linked).unwrap();
            let copied = rows(&reopened(&to)).unwrap();
            assert_eq!(copied.len(), 3);
            assert!(copied.iter().all(|row| row.1 == copied[0].1) && copied[0].1 >= before);
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn keys_are_counted_up_to_a_limit_and_estimated_beyond() {
    let directory = directory();
    let path = directory.path();
    let rocks = reopened(path);
    let ops = |from: u32, to: u32| (from..to).map(u32::to_be_bytes).collect::<Vec<_>>();
    for from in (0..60_000).step_by(1_000) {
        let keys = ops(from, from + 1_000);
        let ops: Vec<_> = keys.iter().map(|key| Op::Put { key, value: &[7; 100] }).collect();
        rocks.write(&ops, false).unwrap();
    }
    let part = |end: u32| Span { start: KeyBuf::new(), end: KeyBuf::from_bytes(&end.to_be_bytes()) };
    assert_eq!(rocks.estimated_keys(&part(9_000)).unwrap(), 9_000);
    assert_eq!(rocks.estimated_keys(&part(0)).unwrap(), 0);
    assert!(rocks.estimated_keys(&everything()).unwrap() >= 10_000);
    close(&rocks);
    let rocks = reopened(path);
    let estimate = rocks.estimated_keys(&everything()).unwrap();
    assert!((30_000..120_000).contains(&estimate), "{estimate}");
}

#[test]
fn reclaimed_space_is_given_back() {
    let directory = directory();
    let path = directory.path();
    let rocks = reopened(path);
    // Bytes that do not compress.
    let mut state = 1_u32;
    let mut noise = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 24).to_le_bytes()[0]
    };
    for index in 0..4_000_u32 {
        let value: Vec<_> = (0..500).map(|_| noise()).collect();
        put(&rocks, &index.to_be_bytes(), &value);
    }
    close(&rocks);
    let rocks = reopened(path);
    let size = || contents(path).iter().filter(|file| file.0.contains(".sst")).map(|file| file.1).sum::<u64>();
    let before = size();
    assert!(before > 1_500_000, "{before}");
    let most = Span { start: KeyBuf::new(), end: KeyBuf::from_bytes(&3_900_u32.to_be_bytes()) };
    let snapshot = rocks.snapshot().unwrap();
    rocks.write(&[Op::DeleteSpan { span: &most }], false).unwrap();
    rocks.reclaim(&most).unwrap();
    assert_eq!((rows(&rocks).unwrap().len(), rows(&*snapshot).unwrap().len()), (100, 4_000));
    drop(snapshot);
    rocks.reclaim(&most).unwrap();
    assert_eq!(rows(&rocks).unwrap().len(), 100);
    close(&rocks);
    assert!(size() < before / 10, "{} of {before}", size());
    assert_eq!(rows(&reopened(path)).unwrap().len(), 100);
}

/// Killed sessions merge nothing themselves.
#[test]
fn small_tables_that_are_there_when_a_database_is_opened_are_merged() {
    let directory = directory();
    let (path, killed) = (directory.path().join("data"), directory.path().join("killed"));
    let rocks = reopened(&path);
    for index in 0..12_u32 {
        put(&rocks, &index.to_be_bytes(), b"v");
        rocks.with_db(|db| db.flush().unwrap());
    }
    settle(&rocks, &path);
    copy(&path, &killed);
    let tables = |path: &Path| contents(path).iter().filter(|file| file.0.contains(".sst")).count();
    assert!(tables(&killed) >= 12);
    let rocks = reopened(&killed);
    while tables(&killed) > 2 {
        std::thread::yield_now();
    }
    assert_eq!(rows(&rocks).unwrap().len(), 12);
    close(&rocks);
}

#[test]
fn a_batch_beyond_what_rocksdb_can_hold_is_refused() {
    let directory = directory();
    let rocks = reopened(directory.path());
    let value = vec![0; 64 << 20];
    let ops = vec![Op::Put { key: b"namespace and key", value: &value }; 64];
    let (error, outcome) = rocks.write(&ops, false).unwrap_err();
    assert!(matches!(error, Error::TooLarge { what: "batch", .. }), "{error}");
    assert_eq!(outcome, crate::error::Outcome::NotApplied);
    assert_eq!(rows(&rocks).unwrap(), []);
}

/// The shortest key of a namespace is where the one before it ends.
#[test]
fn reclaiming_a_namespace_leaves_the_empty_key_of_the_next() {
    let dir = directory();
    let rocks = reopened(&dir.path().join("data"));
    put(&rocks, &[0, 0, 0, 2], b"kept");
    // Only files below the first level are dropped.
    rocks.with_db(|db| db.compact_range(None::<&[u8]>, None::<&[u8]>));
    rocks.reclaim(&Span::namespace(1)).unwrap();
    assert_eq!(get(&rocks, &[0, 0, 0, 2]), Some(b"kept".to_vec()));
    close(&rocks);
}
