//! Files that are whole, but not the ones that belong there: older ones, some that lack their last records, none.

use std::fs::File;
use std::path::PathBuf;

use super::*;
use crate::engine::rocks::log::{LogReader, Next};
use crate::engine::rocks::marker::{Marker, State};

/// The files whose names contain `part`.
fn files(path: &Path, part: &str) -> Vec<PathBuf> {
    contents(path).into_iter().filter(|file| file.0.contains(part)).map(|file| path.join(file.0)).collect()
}

/// The last of them. RocksDB removes what is not needed any more some time later.
fn file(path: &Path, part: &str) -> PathBuf {
    files(path, part).pop().unwrap()
}

/// Where the records of a log or manifest end, but for the last one.
fn cuts(file: &Path) -> Vec<u64> {
    let mut reader = LogReader::new(File::open(file).unwrap(), 0, 0);
    let mut ends = Vec::new();
    while let Next::Record { end } = reader.next().unwrap() {
        ends.push(end);
    }
    ends.pop();
    ends
}

fn cut(file: &Path, to: u64) {
    File::options().write(true).open(file).unwrap().set_len(to).unwrap();
}

/// The directory as a process leaves it that is killed now.
fn killed(rocks: &Rocks, path: &Path) -> PathBuf {
    settle(rocks, path);
    let copied = path.with_extension("killed");
    copy(path, &copied);
    copied
}

/// Refused, with nothing changed, in these words.
fn is_refused(path: &Path, why: &str) {
    let before = contents(path);
    let Err(Error::Corrupt { reason, .. }) = open(path, &buffered()) else { panic!("opened") };
    assert!(reason.contains(why), "{reason}");
    assert_eq!(contents(path), before);
}

/// RocksDB would take what is in the log for newer than what is in tables.
#[test]
fn an_older_log_in_the_place_of_the_last_one_brings_nothing_back() {
    for sync in [false, true] {
        let root = directory();
        let path = root.path().join("data");
        let rocks = reopened(&path);
        put(&rocks, b"k", b"old");
        close(&rocks);
        let older = fs::read(file(&path, ".log")).unwrap();
        for value in [b"new", b"now"] {
            let (rocks, said) = warnings(|| reopened(&path));
            assert_eq!(said, Vec::<String>::new());
            put(&rocks, b"k", value);
            close(&rocks);
        }
        let options = OpenOptions { sync, ..buffered() };
        let rocks = open(&path, &options).unwrap().0;
        put(&rocks, b"l", b"new");
        let killed = killed(&rocks, &path);
        fs::write(file(&killed, ".log"), &older).unwrap();
        let options = if sync {
            is_refused(&killed, "Recovery::Prefix");
            prefix()
        } else {
            buffered()
        };
        let (rocks, said) = warnings(|| open(&killed, &options).unwrap().0);
        assert_eq!((get(&rocks, b"k").unwrap(), get(&rocks, b"l")), (b"now".to_vec(), None));
        assert!(said.len() == 1 && said[0].contains("the write-ahead log was cut"), "{said:?}");
    }
}

/// Somebody took the files `*.log` for what other programs mean by it.
#[test]
fn a_database_without_any_log_says_so() {
    for sync in [false, true] {
        let root = directory();
        let path = root.path().join("data");
        let options = OpenOptions { sync, ..buffered() };
        let rocks = open(&path, &options).unwrap().0;
        put(&rocks, b"k", b"v");
        let killed = killed(&rocks, &path);
        for log in files(&killed, ".log") {
            fs::remove_file(log).unwrap();
        }
        let options = if sync {
            is_refused(&killed, "the write-ahead log is missing, with all commits in it. `builder()");
            prefix()
        } else {
            buffered()
        };
        let (rocks, said) = warnings(|| open(&killed, &options).unwrap().0);
        assert_eq!(get(&rocks, b"k"), None);
        assert!(said.len() == 1 && said[0].contains("the write-ahead log is missing"), "{said:?}");
        close(&rocks);
        assert_eq!(warnings(|| close(&reopened(&killed))).1, Vec::<String>::new());
    }
}

/// A manifest that lacks its last changes does not fit the log, and lists tables that were replaced.
#[test]
fn a_manifest_that_lacks_its_end_destroys_nothing() {
    for sync in [false, true] {
        let root = directory();
        let path = root.path().join("data");
        let options = OpenOptions { sync, ..buffered() };
        let rocks = open(&path, &options).unwrap().0;
        for index in 0..3 {
            put(&rocks, b"k", &[index]);
            put(&rocks, &[index], b"v");
            rocks.with_db(|db| db.flush().unwrap());
        }
        rocks.with_db(|db| db.compact_range(None::<&[u8]>, None::<&[u8]>));
        put(&rocks, b"k", b"last");
        let killed = killed(&rocks, &path);
        let before = contents(&killed);
        let manifest = file(&killed, "MANIFEST-");
        let (whole, ends) = (fs::read(&manifest).unwrap(), cuts(&manifest));
        let mut named = 0;
        for end in ends {
            cut(&manifest, end);
            match warnings(|| open(&killed, &buffered())) {
                (Err(Error::Corrupt { reason, .. }), _) => {
                    assert!(sync || reason.contains("in which RocksDB lists its tables"), "{reason}");
                    named += usize::from(reason.contains(".sst` is missing"));
                    fs::write(&manifest, &whole).unwrap();
                    assert_eq!(contents(&killed), before);
                }
                // As if earlier logs had been lost, as in a power loss: it is cut, but nothing is removed.
                (Ok((rocks, _)), said) => {
                    assert!(!sync && said.len() == 1 && said[0].contains("the write-ahead log was cut"), "{said:?}");
                    assert_eq!(get(&rocks, b"k"), None);
                    drop(rocks);
                    let aside = killed.join("damaged-1");
                    assert!(!files(&aside, ".log").is_empty() && !files(&aside, ".sst").is_empty());
                    fs::remove_dir_all(&killed).unwrap();
                    copy(&path, &killed);
                }
                (Err(error), _) => panic!("{error:?}"),
            }
        }
        assert!(named > 0);
        let (rocks, said) = warnings(|| reopened(&killed));
        assert_eq!((get(&rocks, b"k").unwrap(), said), (b"last".to_vec(), Vec::new()));
    }
}

#[test]
fn tables_that_a_manifest_does_not_list_are_put_aside() {
    let root = directory();
    let path = root.path().join("data");
    let rocks = reopened(&path);
    put(&rocks, b"k", b"v");
    rocks.with_db(|db| db.flush().unwrap());
    put(&rocks, b"l", b"v");
    rocks.with_db(|db| db.flush().unwrap());
    close(&rocks);
    let manifest = file(&path, "MANIFEST-");
    // The last two changes are a table, and that its log is not needed any more.
    let ends = cuts(&manifest);
    cut(&manifest, ends[ends.len() - 2]);
    is_refused(&path, "the log holds commits up to 1 only, and 2 was synced");
    let (rocks, said) = warnings(|| open(&path, &prefix()).unwrap().0);
    assert_eq!((get(&rocks, b"k").unwrap(), get(&rocks, b"l")), (b"v".to_vec(), None));
    assert!(said.len() == 1 && said[0].contains("synced commits are lost"), "{said:?}");
    close(&rocks);
    assert_eq!(files(&path.join("damaged-1"), ".sst").len(), 1);
    assert_eq!(warnings(|| close(&reopened(&path))).1, Vec::<String>::new());
}

#[test]
fn a_checkpoint_knows_its_last_commit() {
    let root = directory();
    let rocks = reopened(&root.path().join("data"));
    put(&rocks, b"k", b"v");
    rocks.with_db(|db| db.flush().unwrap());
    put(&rocks, b"l", b"v");
    let to = root.path().join("copy");
    rocks.checkpoint(&to, Tables::Linked).unwrap();
    let marker = Marker::read(&to).unwrap().unwrap();
    assert_eq!((marker.state, marker.synced), (State::Clean, 2));
    // Made by the first open.
    fs::write(to.join("KVSTORE.lock"), "").unwrap();
    let manifest = file(&to, "MANIFEST-");
    let ends = cuts(&manifest);
    cut(&manifest, ends[ends.len() - 2]);
    is_refused(&to, "the log holds commits up to 1 only, and 2 was synced");
}

/// An old marker says that nothing was committed yet; what is there must not be cleared away.
#[test]
fn a_marker_from_the_making_of_the_database_destroys_nothing() {
    let root = directory();
    let path = root.path().join("data");
    let rocks = reopened(&path);
    put(&rocks, b"k", b"v");
    close(&rocks);
    let marker = Marker::read(&path).unwrap().unwrap();
    for holder in [".log", ".sst"] {
        let right = fs::read(path.join("KVSTORE")).unwrap();
        Marker { state: State::Creating, synced: 0, ..marker.clone() }.write(&path).unwrap();
        let name = file(&path, holder).file_name().unwrap().to_str().unwrap().to_owned();
        is_refused(&path, &format!("`KVSTORE` says that it was never finished, but `{name}` holds commits"));
        fs::write(path.join("KVSTORE"), right).unwrap();
        // The next session puts the log into a table.
        let rocks = reopened(&path);
        assert_eq!(get(&rocks, b"k").unwrap(), b"v");
        close(&rocks);
    }
}
