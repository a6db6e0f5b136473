//! What is opened, created, refused, and left alone.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};

use super::*;
use crate::engine::rocks::marker::{Marker, State};

fn refused(path: &Path, options: &OpenOptions) -> Error {
    open(path, options).map(|_| ()).unwrap_err()
}

#[test]
fn what_is_written_is_there_after_reopening() {
    let directory = directory();
    let path = directory.path().join("a/b/c");
    let (rocks, id) = open(&path, &buffered()).unwrap();
    put(&rocks, b"k", b"v");
    assert_eq!(Marker::read(&path).unwrap().unwrap().state, State::Open);
    close(&rocks);
    assert_eq!(Marker::read(&path).unwrap().unwrap(), Marker { id, state: State::Clean, sync: false, synced: 1 });
    let ((rocks, again), said) = warnings(|| open(&path, &synced()).unwrap());
    assert_eq!((id, said), (again, Vec::new()));
    assert_eq!(Marker::read(&path).unwrap().unwrap(), Marker { id, state: State::Open, sync: true, synced: 1 });
    assert_eq!(get(&rocks, b"k").unwrap(), b"v");
}

#[test]
fn every_path_to_an_open_directory_is_in_use() {
    let directory = directory();
    let path = directory.path().join("data");
    let rocks = reopened(&path);
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let aliases = [
        path.clone(),
        link.clone(),
        path.join("."),
        path.join("../data"),
        directory.path().join("./data/"),
        directory.path().join("link/"),
    ];
    settle(&rocks, &path);
    let before = contents(&path);
    for alias in &aliases {
        let Error::InUse { path, by } = refused(alias, &buffered()) else { panic!("{alias:?}") };
        assert_eq!((&path, by), (alias, "this process has it open"));
    }
    assert_eq!(contents(&path), before);
    close(&rocks);
    for alias in &aliases {
        close(&reopened(alias));
    }
}

#[test]
fn of_threads_that_create_the_same_database_one_has_it_and_the_others_are_told() {
    let directory = directory();
    for round in 0..10 {
        let path = directory.path().join(format!("{round}/with/parents"));
        let (together, is_made) = (Barrier::new(4), AtomicBool::new(false));
        // Again and again, so that they look at the directory at every moment of its making.
        let open = || {
            together.wait();
            loop {
                match open(&path, &buffered()) {
                    Ok((rocks, _)) => {
                        is_made.store(true, Ordering::Relaxed);
                        break Some(rocks);
                    }
                    Err(Error::InUse { .. }) if is_made.load(Ordering::Relaxed) => break None,
                    Err(Error::InUse { .. }) => {}
                    Err(error) => {
                        is_made.store(true, Ordering::Relaxed);
                        panic!("{error:?}");
                    }
                }
            }
        };
        let opened = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(open)).collect();
            threads.into_iter().filter_map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert_eq!(opened.len(), 1);
    }
}

#[test]
fn a_database_that_was_moved_while_open_says_so_and_leaves_what_is_there_now_alone() {
    let directory = directory();
    let [path, moved, other, copied] = ["data", "moved", "other", "copied"].map(|name| directory.path().join(name));
    for _ in 0..2 {
        close(&reopened(&other));
    }
    // A new one, which has no old files to remove in the background.
    let rocks = reopened(&path);
    put(&rocks, b"k", b"v");
    fs::rename(&path, &moved).unwrap();
    fs::rename(&other, &path).unwrap();
    let before = contents(&path);
    put(&rocks, b"l", b"moved");
    let not_there = |result: Result<()>| {
        let Err(Error::Io { path: named, action, .. }) = result else { panic!() };
        assert_eq!((named, action), (path.clone(), "find the open database at"));
    };
    not_there(rocks.checkpoint(&directory.path().join("copy"), Tables::Linked));
    rocks.refuse().unwrap();
    not_there(rocks.finish());
    drop(rocks);
    assert_eq!(contents(&path), before);
    // RocksDB can't be closed any more without harm.
    assert!(matches!(refused(&moved, &buffered()), Error::InUse { .. }));
    copy(&moved, &copied);
    let rocks = reopened(&copied);
    assert_eq!((get(&rocks, b"k"), get(&rocks, b"l")), (Some(b"v".to_vec()), Some(b"moved".to_vec())));
}

#[test]
fn a_path_that_leads_to_no_directory_is_refused() {
    let directory = directory();
    let file = directory.path().join("file");
    fs::write(&file, "mine").unwrap();
    let Error::NotADatabase { path, reason } = refused(&file, &buffered()) else { panic!() };
    assert_eq!((path, reason.as_str()), (file.clone(), "it is a file, and a database is a directory"));
    let Error::Io { path, .. } = refused(&file.join("below"), &buffered()) else { panic!() };
    assert_eq!(path, file.join("below"));
    let Error::Io { path, .. } = refused(Path::new("/proc/kvstore-test"), &buffered()) else { panic!() };
    assert_eq!(path, Path::new("/proc/kvstore-test"));
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");

    let missing = directory.path().join("missing");
    let options = OpenOptions { create_if_missing: false, ..buffered() };
    assert!(matches!(refused(&missing, &options), Error::NotADatabase { .. }));
    assert!(!missing.exists());
    fs::create_dir(&missing).unwrap();
    assert!(matches!(refused(&missing, &options), Error::NotADatabase { .. }));
    assert_eq!(contents(&missing), []);
    close(&reopened(&missing));
    close(&open(&missing, &options).unwrap().0);
}

#[test]
fn a_directory_of_something_else_is_named_and_left_alone() {
    let directory = directory();
    fs::write(directory.path().join("CURRENT"), "MANIFEST-000001\n").unwrap();
    fs::write(directory.path().join("my.txt"), "mine").unwrap();
    let before = contents(directory.path());
    let Error::NotADatabase { reason, .. } = refused(directory.path(), &buffered()) else { panic!() };
    assert_eq!(reason, "it holds `CURRENT`, but no `KVSTORE`");
    assert_eq!(contents(directory.path()), before);
}

#[test]
fn a_newer_format_is_refused_untouched() {
    let directory = directory();
    close(&reopened(directory.path()));
    fs::write(directory.path().join("KVSTORE"), "kvstore 2\nstate wonderful\n").unwrap();
    fs::remove_file(directory.path().join("KVSTORE.lock")).unwrap();
    let before = contents(directory.path());
    let Error::Unsupported { what } = refused(directory.path(), &buffered()) else { panic!() };
    assert!(what.contains("format 2") && what.contains(directory.path().to_str().unwrap()), "{what}");
    assert_eq!(contents(directory.path()), before);
}

#[test]
fn a_file_that_is_missing_is_named() {
    for (missing, kind) in [("CURRENT", "CURRENT"), ("MANIFEST-", "MANIFEST-"), (".sst", ".sst")] {
        let directory = directory();
        let path = directory.path();
        let rocks = reopened(path);
        put(&rocks, b"k", b"v");
        close(&rocks);
        // The next session puts the log into a table.
        close(&reopened(path));
        let found = contents(path).into_iter().find(|(name, ..)| name.contains(missing)).unwrap().0;
        fs::remove_file(path.join(&found)).unwrap();
        let error = refused(path, &buffered());
        let Error::Corrupt { path: named, reason, source } = &error else { panic!("{missing}: {error:?}") };
        let text = format!("{reason} {}", source.as_ref().map(ToString::to_string).unwrap_or_default());
        assert!(text.contains(kind) && named == path, "{text}");
        assert!(!path.join("CURRENT").exists() || kind != "CURRENT", "RocksDB made a new database");
    }
}

#[test]
fn a_file_that_can_not_be_read_is_no_damage() {
    let directory = directory();
    let path = directory.path();
    close(&reopened(path));
    let current = path.join("CURRENT");
    fs::rename(&current, path.join("kept")).unwrap();
    fs::create_dir(&current).unwrap();
    let Error::Io { path: named, action: "read", source } = refused(path, &buffered()) else { panic!() };
    assert_eq!((named, source.kind()), (current, std::io::ErrorKind::IsADirectory));
}

#[test]
fn an_unfinished_database_is_finished() {
    let directory = directory();
    let path = directory.path();
    let marker = Marker::new();
    marker.write(path).unwrap();
    fs::write(path.join("CURRENT"), "").unwrap();
    fs::write(path.join("MANIFEST-000001"), "half").unwrap();
    fs::write(path.join("my.log"), "mine").unwrap();
    let (rocks, id) = open(path, &buffered()).unwrap();
    assert_eq!(id, marker.id);
    put(&rocks, b"k", b"v");
    close(&rocks);
    assert_eq!(get(&reopened(path), b"k").unwrap(), b"v");
    assert_eq!(fs::read_to_string(path.join("my.log")).unwrap(), "mine");
}

#[test]
fn an_unfinished_database_is_not_finished_where_none_is_to_be_created() {
    let directory = directory();
    let path = directory.path();
    Marker::new().write(path).unwrap();
    fs::write(path.join("MANIFEST-000001"), "half").unwrap();
    let before = contents(path);
    let Error::NotADatabase { reason, .. } = refused(path, &OpenOptions { create_if_missing: false, ..buffered() })
    else {
        panic!()
    };
    assert!(reason.contains("never finished"), "{reason}");
    assert_eq!(contents(path), before);
    close(&reopened(path));
}

#[test]
fn the_root_of_a_volume_may_hold_a_database() {
    let directory = directory();
    let path = directory.path();
    fs::create_dir(path.join("lost+found")).unwrap();
    for _ in 0..2 {
        let rocks = reopened(path);
        put(&rocks, b"k", b"v");
        close(&rocks);
    }
    assert!(path.join("lost+found").is_dir());
}

#[test]
fn a_flipped_byte_in_a_table_is_an_error_and_never_wrong_data() {
    let directory = directory();
    let path = directory.path().join("data");
    let rocks = reopened(&path);
    let value = |index: u32| index.to_be_bytes().repeat(20);
    for index in 0..2_000_u32 {
        put(&rocks, &index.to_be_bytes(), &value(index));
    }
    close(&rocks);
    close(&reopened(&path));
    let table = contents(&path).into_iter().find(|(name, ..)| name.contains(".sst")).unwrap();
    let bytes = fs::read(path.join(&table.0)).unwrap();
    let (mut refused, mut total) = (0, 0);
    for place in (0..bytes.len()).step_by(bytes.len() / 40) {
        let damaged = directory.path().join(format!("damaged at {place}"));
        copy(&path, &damaged);
        let mut bytes = bytes.clone();
        bytes[place] ^= 0x04;
        fs::write(damaged.join(&table.0), bytes).unwrap();
        total += 1;
        let rocks = match open(&damaged, &buffered()) {
            Ok((rocks, _)) => rocks,
            Err(error) => {
                assert!(matches!(error, Error::Corrupt { .. }), "{error:?}");
                refused += 1;
                continue;
            }
        };
        match rows(&rocks) {
            Ok(rows) => assert_eq!(rows.len(), 2_000, "byte {place}"),
            Err(Error::Corrupt { path, source, .. }) => {
                assert_eq!(path, damaged);
                assert!(source.unwrap().to_string().contains(".sst"));
                refused += 1;
            }
            Err(error) => panic!("{error:?}"),
        }
        for index in 0..2_000_u32 {
            let mut found = Vec::<u8>::new();
            match rocks.read(&index.to_be_bytes(), &mut |value| found.extend(value)) {
                Ok(there) => assert!(there && found == value(index), "byte {place}, key {index}"),
                Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error:?}"),
            }
        }
    }
    assert!(refused * 2 > total, "only {refused} of {total} were found");
}

#[test]
fn a_damaged_marker_is_refused_untouched() {
    let directory = directory();
    close(&reopened(directory.path()));
    let marker = directory.path().join("KVSTORE");
    let text = fs::read_to_string(&marker).unwrap().replace("state clean", "state klean");
    fs::write(&marker, text).unwrap();
    let before = contents(directory.path());
    let Error::Corrupt { path, .. } = refused(directory.path(), &buffered()) else { panic!() };
    assert_eq!(path, marker);
    assert_eq!(contents(directory.path()), before);
}
