//! Damage in the write-ahead log.

use super::*;
use crate::engine::rocks::log::tests::written;
use crate::engine::rocks::marker::{Marker, State};
use crate::engine::rocks::recovery::recover;

const COMMITS: u32 = 3_000;
/// What a commit takes in the log: 32 of them fill a page.
const COMMIT_BYTES: usize = 128;

/// How the session ended that left the log.
#[derive(Clone, Copy, PartialEq)]
enum Ended {
    Buffered,
    Synced,
    Clean,
}

/// A directory as left by a session that wrote `COMMITS` keys, one a commit, in one log or in several that are needed.
struct Image {
    root: TempDir,
    made: usize,
}

impl Image {
    fn new(logs: usize) -> Self {
        let root = directory();
        let path = root.path().join("0");
        fs::create_dir(&path).unwrap();
        let mut settings = options::database(&buffered(), Mode::Tail, true, &Messages::new());
        if logs > 1 {
            // Memtables are closed early, and wait to be flushed together.
            settings.set_write_buffer_size(64 << 10);
            settings.set_max_write_buffer_number(32);
            settings.set_min_write_buffer_number_to_merge(30);
        }
        let db = Db::open(&settings, &path).unwrap();
        for index in 0..COMMITS {
            db.put_opt(index.to_be_bytes(), [7; COMMIT_BYTES - 26], options::write(false)).unwrap();
        }
        drop(db);
        let image = Self { root, made: 0 };
        assert!(if logs > 1 { image.logs().len() >= 4 } else { image.logs().len() == 1 }, "{:?}", image.logs());
        image
    }

    fn path(&self) -> std::path::PathBuf {
        self.root.path().join(self.made.to_string())
    }

    /// The names of the logs.
    fn logs(&self) -> Vec<String> {
        contents(&self.path()).into_iter().map(|file| file.0).filter(|name| name.contains(".log")).collect()
    }

    /// A copy of the directory, with one log changed.
    fn with(&mut self, ended: Ended, log: &str, change: impl FnOnce(&mut Vec<u8>)) -> std::path::PathBuf {
        let original = self.root.path().join("0");
        self.made += 1;
        copy(&original, &self.path());
        let path = self.path();
        let mut bytes = fs::read(path.join(log)).unwrap();
        change(&mut bytes);
        fs::write(path.join(log), bytes).unwrap();
        let (state, synced) = if ended == Ended::Clean { (State::Clean, u64::from(COMMITS)) } else { (State::Open, 0) };
        fs::write(path.join("KVSTORE.lock"), "").unwrap();
        Marker { state, sync: ended == Ended::Synced, synced, ..Marker::new() }.write(&path).unwrap();
        path
    }
}

/// How many commits are there: exactly the first ones, without a hole.
fn count(rocks: &Rocks) -> usize {
    let rows = rows(rocks).unwrap();
    for (index, row) in rows.iter().enumerate() {
        assert_eq!(row.0, u32::try_from(index).unwrap().to_be_bytes(), "a hole");
    }
    rows.len()
}

fn is_cut(said: &[String]) -> bool {
    said.iter().filter(|line| line.contains("the write-ahead log was cut")).count() == 1
}

/// Opens with `Auto`, which must give this many commits, and say so where it drops some.
fn gives(path: &Path, commits: std::ops::RangeInclusive<usize>) {
    let (rocks, said) = warnings(|| open(path, &buffered()).unwrap().0);
    let found = count(&rocks);
    assert!(commits.contains(&found), "{found} commits, {said:?}");
    assert!(is_cut(&said), "{said:?}");
    assert!(path.join("damaged-1").is_dir());
    put(&rocks, &u32::try_from(found).unwrap().to_be_bytes(), b"next");
    close(&rocks);
    // It is mended.
    let (rocks, said) = warnings(|| reopened(path));
    assert_eq!((count(&rocks), said.len()), (found + 1, 0), "{said:?}");
    close(&rocks);
}

/// `Auto` refuses, changes nothing, and says where and what to do; `Prefix` then gives this many commits.
fn is_refused(path: &Path, log: &str, commits: std::ops::RangeInclusive<usize>) {
    let before = contents(path);
    let Err(Error::Corrupt { path: named, reason, .. }) = open(path, &buffered()) else { panic!() };
    assert_eq!(named, path);
    assert!(reason.contains(log) && reason.contains("Recovery::Prefix"), "{reason}");
    assert_eq!(contents(path), before);
    let (rocks, said) = warnings(|| open(path, &prefix()).unwrap().0);
    let found = count(&rocks);
    assert!(commits.contains(&found), "{found} commits, {said:?}");
    assert!(!said.is_empty(), "{said:?}");
    close(&rocks);
    let (rocks, said) = warnings(|| reopened(path));
    assert_eq!((count(&rocks), said.len()), (found, 0), "{said:?}");
}

#[test]
fn an_undamaged_log_is_left_alone() {
    for logs in [1, 4] {
        let mut image = Image::new(logs);
        let log = image.logs()[0].clone();
        for ended in [Ended::Buffered, Ended::Synced, Ended::Clean] {
            let path = image.with(ended, &log, |_| {});
            let (rocks, said) = warnings(|| open(&path, &buffered()).unwrap().0);
            assert_eq!((count(&rocks), said.len()), (COMMITS as usize, 0), "{said:?}");
            assert!(!path.join("damaged-1").exists());
        }
    }
}

#[test]
fn a_torn_tail_is_dropped_and_said_unless_the_session_was_clean() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    for ended in [Ended::Buffered, Ended::Synced] {
        gives(&image.with(ended, &log, |log| log.truncate(log.len() - 10)), 2_999..=2_999);
    }
    is_refused(&image.with(Ended::Clean, &log, |log| log.truncate(log.len() - 10)), &log, 2_999..=2_999);
}

#[test]
fn what_is_dropped_is_said_before_it_is_gone() {
    let logs = |path: &Path| contents(path).into_iter().filter(|(name, ..)| name.contains(".log")).collect::<Vec<_>>();
    for mut image in [Image::new(1), Image::new(4)] {
        let log = image.logs()[0].clone();
        // Also of a log that is damaged from its beginning on. Logs that follow are put aside whole.
        for length in [0, 1_000] {
            let path = image.with(Ended::Buffered, &log, |bytes| {
                bytes.truncate(length);
                bytes.extend([1; 20]);
            });
            let (before, watched) = (logs(&path), path.clone());
            let heard = Arc::new(Mutex::new(Vec::new()));
            let kept = Arc::clone(&heard);
            close(&on_warnings(move |_| kept.lock().unwrap().push(logs(&watched)), || reopened(&path)));
            assert_eq!(*heard.lock().unwrap(), [before]);
        }
    }
}

#[test]
fn a_recovery_that_is_interrupted_can_go_on() {
    for mut image in [Image::new(1), Image::new(4)] {
        let log = image.logs().pop().unwrap();
        for (ended, length) in [(Ended::Buffered, 0), (Ended::Synced, 0), (Ended::Synced, 1_024)] {
            let path = image.with(ended, &log, |bytes| {
                bytes.truncate(length);
                bytes.extend([1; 20]);
            });
            let marker = Marker::read(&path).unwrap().unwrap();
            let (recovered, said) = warnings(|| recover(&path, &marker, false).unwrap());
            assert!(recovered.is_sound && is_cut(&said), "{said:?}");
            // Before RocksDB has begun a log of its own.
            let (rocks, said) = warnings(|| reopened(&path));
            assert_eq!((count(&rocks) as u64, said), (recovered.synced, Vec::new()));
        }
    }
}

#[test]
fn last_bytes_that_are_zero_are_dropped_and_said() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    let zero = |log: &mut Vec<u8>| {
        let from = log.len() - 20;
        log[from..].fill(0);
    };
    for ended in [Ended::Buffered, Ended::Synced] {
        gives(&image.with(ended, &log, zero), 2_999..=2_999);
    }
    is_refused(&image.with(Ended::Clean, &log, zero), &log, 2_999..=2_999);
}

#[test]
fn a_flipped_bit_in_the_middle_is_refused_where_commits_were_synced() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    let flip = |log: &mut Vec<u8>| {
        let middle = log.len() / 2;
        log[middle] ^= 1;
    };
    gives(&image.with(Ended::Buffered, &log, flip), 1_490..=1_510);
    for ended in [Ended::Synced, Ended::Clean] {
        is_refused(&image.with(ended, &log, flip), &log, 1_490..=1_510);
    }
}

#[test]
fn a_record_that_looks_like_one_of_a_recycled_log_does_not_hang() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    for record in [0, 100, COMMITS as usize - 1] {
        // RocksDB reads such a record again and again, for ever.
        let flip = |log: &mut Vec<u8>| {
            // Blocks of 256 records: no header lies across their ends.
            log[record * COMMIT_BYTES + 6] ^= 4;
        };
        gives(&image.with(Ended::Buffered, &log, flip), record..=record);
        let path = image.with(Ended::Synced, &log, flip);
        if record == COMMITS as usize - 1 {
            gives(&path, record..=record);
        } else {
            is_refused(&path, &log, record..=record);
        }
    }
}

#[test]
fn a_zeroed_page_leaves_no_hole() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    for page in [0, 20, 50] {
        let zero = |log: &mut Vec<u8>| log[page * 4096..(page + 1) * 4096].fill(0);
        let expected = page * 4096 / COMMIT_BYTES;
        let expected = expected..=expected;
        gives(&image.with(Ended::Buffered, &log, zero), expected.clone());
        for ended in [Ended::Synced, Ended::Clean] {
            is_refused(&image.with(ended, &log, zero), &log, expected.clone());
        }
    }
}

#[test]
fn half_a_log_is_a_prefix_and_said_or_refused_after_a_clean_end() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    let halve = |log: &mut Vec<u8>| log.truncate(log.len() / 2 + 1);
    for ended in [Ended::Buffered, Ended::Synced] {
        gives(&image.with(ended, &log, halve), 1_490..=1_510);
    }
    is_refused(&image.with(Ended::Clean, &log, halve), &log, 1_490..=1_510);
    // Where a log ends between two commits, only the marker of a clean end tells that there were more.
    let path = image.with(Ended::Clean, &log, Vec::clear);
    is_refused(&path, "the log holds commits up to 0 only, and 3000 was synced", 0..=0);
}

#[test]
fn a_closed_log_that_lost_its_end_takes_the_later_ones_along() {
    let mut image = Image::new(4);
    let logs = image.logs();
    let halve = |log: &mut Vec<u8>| log.truncate(log.len() / 2 + 1);
    let path = image.with(Ended::Buffered, &logs[1], halve);
    gives(&path, 700..=1_500);
    let aside: Vec<_> = contents(&path.join("damaged-1")).into_iter().map(|file| file.0).collect();
    assert!(aside[0].starts_with(&logs[1]) && aside[1..] == logs[2..], "{aside:?}");
    is_refused(&image.with(Ended::Synced, &logs[1], halve), &logs[1], 700..=1_500);
}

#[test]
fn a_log_that_is_missing_is_found_by_its_sequence_numbers() {
    let mut image = Image::new(4);
    let logs = image.logs();
    for (missing, commits) in [(0, 0..=0), (1, 400..=900)] {
        for ended in [Ended::Buffered, Ended::Synced] {
            let path = image.with(ended, &logs[0], |_| {});
            fs::remove_file(path.join(&logs[missing])).unwrap();
            match ended {
                Ended::Buffered => gives(&path, commits.clone()),
                _ => is_refused(&path, &logs[missing + 1], commits.clone()),
            }
        }
    }
    let last = logs.last().unwrap();
    let path = image.with(Ended::Clean, last, |_| {});
    fs::remove_file(path.join(last)).unwrap();
    is_refused(&path, "3000 was synced", 2_000..=2_999);
}

/// The reason for all this: what RocksDB does on its own.
#[test]
fn rocksdb_alone_opens_a_zeroed_page_with_a_hole() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    for mode in [Mode::Prefix, Mode::Tail] {
        let path = image.with(Ended::Buffered, &log, |log| log[20 * 4096..21 * 4096].fill(0));
        let db = Db::open(&options::database(&buffered(), mode, false, &Messages::new()), &path).unwrap();
        let found: Vec<_> = db.iterator(rocksdb::IteratorMode::Start).map(|row| row.unwrap().0).collect();
        assert!(found.len() > 2_000 && found.len() < 3_000);
        assert_eq!(*found[found.len() - 1], (COMMITS - 1).to_be_bytes());
    }
}

/// Damage at random places: never a hole, never silent, refused only where commits were synced.
#[test]
fn random_damage_gives_a_prefix_or_a_refusal() {
    let mut state = 7_u32;
    let mut random = |below: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % below
    };
    for logs in [1, 4] {
        let mut image = Image::new(logs);
        let names = image.logs();
        for round in 0..30 {
            let log = names[random(names.len())].clone();
            let ended = [Ended::Buffered, Ended::Synced, Ended::Clean][round % 3];
            let kind = random(4);
            let path = image.with(ended, &log, |log| {
                let place = random(log.len());
                let end = (place + 1 + random(9_000)).min(log.len());
                match kind {
                    0 => log.truncate(place),
                    1 => log[place] ^= 1 << random(8),
                    2 => log[place..end].fill(0),
                    _ => drop(log.drain(place..end)),
                }
            });
            let (opened, said) = warnings(|| open(&path, &buffered()));
            match opened {
                Ok((rocks, _)) => {
                    let found = count(&rocks);
                    // A log cut exactly between two commits looks like one that was never longer.
                    assert!(is_cut(&said) || found == COMMITS as usize || kind == 0, "{found}, {said:?}");
                    assert!(ended != Ended::Clean || found == COMMITS as usize);
                }
                Err(Error::Corrupt { reason, .. }) => {
                    assert!(ended != Ended::Buffered && reason.contains("Recovery::Prefix"), "{reason}");
                    let (rocks, said) = warnings(|| open(&path, &prefix()).unwrap().0);
                    assert!(count(&rocks) < COMMITS as usize && !said.is_empty());
                }
                Err(error) => panic!("{error:?}"),
            }
            fs::remove_dir_all(&path).unwrap();
        }
    }
}

/// Every flipped bit in the manifest and in `CURRENT` is found, and no cut of a clean database passes.
#[test]
fn a_damaged_manifest_is_refused() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    let original = image.with(Ended::Clean, &log, |_| {});
    close(&reopened(&original));
    for name in ["MANIFEST-", "CURRENT"] {
        let file = contents(&original).into_iter().find(|file| file.0.starts_with(name)).unwrap().0;
        let bytes = fs::read(original.join(&file)).unwrap();
        for place in (0..bytes.len()).step_by(3) {
            let path = image.root.path().join("damaged");
            copy(&original, &path);
            let mut damaged = bytes.clone();
            damaged[place] ^= 1 << (place % 8);
            fs::write(path.join(&file), &damaged).unwrap();
            let Err(Error::Corrupt { reason, .. }) = open(&path, &buffered()) else { panic!("{name} at {place}") };
            assert!(reason.contains(name), "{reason}");
            fs::write(path.join(&file), &bytes[..place]).unwrap();
            match open(&path, &buffered()) {
                Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{name} cut at {place}: {error:?}"),
                // Cut between two changes, the last of which was not needed to find all tables and logs.
                Ok((rocks, _)) => assert_eq!(count(&rocks), COMMITS as usize, "{name} cut at {place}"),
            }
            fs::remove_dir_all(&path).unwrap();
        }
    }
}

/// Power loss leaves any pages and sectors of it, of one change or of several that were written together.
#[test]
fn a_change_of_the_manifest_that_was_not_written_to_its_end_is_said() {
    let mut image = Image::new(1);
    let log = image.logs()[0].clone();
    let sound = written(&[vec![202; 40]], None);
    let mut half = sound.clone();
    half[20..].fill(0);
    let behind = [vec![0; 100], sound.clone()].concat();
    let far_behind = [vec![0; 40_000], vec![1; 50]].concat();
    for tail in [vec![0; 100], vec![1, 2, 3], sound[..30].to_vec(), half, behind, far_behind] {
        let path = image.with(Ended::Synced, &log, |_| {});
        let manifest = contents(&path).into_iter().find(|file| file.0.starts_with("MANIFEST-")).unwrap().0;
        let mut bytes = fs::read(path.join(&manifest)).unwrap();
        let sound = bytes.len();
        bytes.extend(&tail);
        fs::write(path.join(&manifest), bytes).unwrap();
        let (rocks, said) = warnings(|| open(&path, &buffered()).unwrap().0);
        assert_eq!(count(&rocks), COMMITS as usize);
        assert!(said.len() == 1 && said[0].contains("not written to its end"), "{said:?}");
        assert_eq!(fs::read(path.join("damaged-1").join(format!("{manifest}.from-{sound}"))).unwrap(), tail);
        close(&rocks);
        let (rocks, said) = warnings(|| reopened(&path));
        assert_eq!((count(&rocks), said.len()), (COMMITS as usize, 0), "{said:?}");
    }
}

/// What was synced of the manifest is damaged, and not only what power loss may leave of its end. RocksDB removes the logs
/// of tables some time later and in any order, so that any of them may still be there.
#[test]
fn a_damaged_manifest_of_a_killed_process_loses_nothing_or_is_refused() {
    let root = directory();
    let (path, killed) = (root.path().join("data"), root.path().join("killed"));
    let logs = |path: &Path| contents(path).into_iter().map(|file| file.0).filter(|name| name.contains(".log"));
    // Opened a second time, so that tables come from a recovery, too.
    let mut flushed = Vec::new();
    for _ in 0..2 {
        let rocks = reopened(&path);
        let first = u32::try_from(count(&rocks)).unwrap();
        settle(&rocks, &path);
        flushed.clear();
        for index in 0..200 {
            put(&rocks, &(first + index).to_be_bytes(), &[7; 100]);
            if index % 60 == 59 {
                let log = logs(&path).next_back().unwrap();
                flushed.push((log.clone(), fs::read(path.join(log)).unwrap()));
                rocks.with_db(|db| db.flush().unwrap());
            }
        }
        settle(&rocks, &path);
        let _ = fs::remove_dir_all(&killed);
        copy(&path, &killed);
        close(&rocks);
    }
    assert_eq!(flushed.len(), 3);
    for (log, _) in &flushed {
        let _ = fs::remove_file(killed.join(log));
    }
    assert_eq!(logs(&killed).count(), 1);
    let manifest = contents(&killed).into_iter().find(|file| file.0.starts_with("MANIFEST-")).unwrap().0;
    let bytes = fs::read(killed.join(&manifest)).unwrap();
    let mut changes = vec![0];
    let mut reader = log::LogReader::new(bytes.as_slice(), 0, 0);
    while let log::Next::Record { end } = reader.next().unwrap() {
        changes.push(usize::try_from(end).unwrap());
    }
    let (mut opened, mut refused) = (0, 0);
    let mut gives_all_or_nothing = |what: &str, damaged: &[u8], there: u32| {
        let path = root.path().join("damaged");
        copy(&killed, &path);
        fs::write(path.join(&manifest), damaged).unwrap();
        for (index, (log, bytes)) in flushed.iter().enumerate() {
            if there & (1 << index) != 0 {
                fs::write(path.join(log), bytes).unwrap();
            }
        }
        let before = contents(&path);
        match open(&path, &buffered()) {
            Ok((rocks, _)) => {
                assert_eq!(count(&rocks), 400, "{what}, logs {there:b}");
                opened += 1;
            }
            Err(Error::Corrupt { reason, .. }) => {
                assert!(reason.contains(&manifest), "{reason}");
                assert_eq!(contents(&path), before);
                refused += 1;
            }
            Err(error) => panic!("{what}, logs {there:b}: {error:?}"),
        }
        fs::remove_dir_all(&path).unwrap();
    };
    for place in (0..bytes.len()).step_by(7) {
        let mut damaged = bytes.clone();
        damaged[place] ^= 1 << (place % 8);
        gives_all_or_nothing(&format!("flipped at {place}"), &damaged, 0);
        gives_all_or_nothing(&format!("cut at {place}"), &[&bytes[..place], &[1]].concat(), 0);
    }
    for change in changes {
        for there in 0..1 << flushed.len() {
            let cut = &bytes[..change];
            gives_all_or_nothing(&format!("cut behind the change that ends at {change}"), cut, there);
            gives_all_or_nothing(
                &format!("damaged behind the change that ends at {change}"),
                &[cut, &[1]].concat(),
                there,
            );
        }
    }
    assert!(opened > 0 && refused > 100, "{opened}, {refused}");
}

/// A compaction that ends while a memtable is being flushed counts the next log as begun. If the change behind it is lost
/// that made the log before that one needless, the next log must not be taken for it.
#[test]
fn a_later_log_is_not_taken_for_the_one_that_is_missing() {
    let root = directory();
    let path = root.path().join("data");
    close(&reopened(&path));
    let rocks = reopened(&path);
    for index in 0..20_u32 {
        put(&rocks, &index.to_be_bytes(), &[7; 100]);
    }
    settle(&rocks, &path);
    let before = root.path().join("before");
    copy(&path, &before);
    close(&rocks);
    let name = |kind: &str| contents(&before).into_iter().map(|file| file.0).rfind(|name| name.contains(kind)).unwrap();
    let (log, manifest) = (name(".log"), name("MANIFEST-"));
    // As many commits are missing in front of the log as it takes for a gap.
    let bytes = fs::read(before.join(&log)).unwrap();
    let mut reader = log::LogReader::new(bytes.as_slice(), 0, 12);
    let mut ends = Vec::new();
    while let log::Next::Record { end } = reader.next().unwrap() {
        ends.push(usize::try_from(end).unwrap());
    }
    let mut torn = fs::read(before.join(&manifest)).unwrap();
    torn.push(1);
    fs::write(before.join(&manifest), &torn).unwrap();
    // With all of its commits, the log is the one that follows.
    let whole = root.path().join("whole");
    copy(&before, &whole);
    assert_eq!(rows(&reopened(&whole)).unwrap().len(), 20);
    fs::write(before.join(&log), &bytes[ends[5]..]).unwrap();
    let Err(Error::Corrupt { reason, .. }) = open(&before, &buffered()) else { panic!("opened") };
    assert!(reason.contains(&manifest), "{reason}");
}

/// The images of killed processes, taken between flushes, compactions and reopenings, are never taken for damage.
#[test]
fn nothing_is_found_where_nothing_is_damaged() {
    let root = directory();
    let path = root.path().join("data");
    let mut model = std::collections::BTreeMap::new();
    let mut state = 11_u32;
    let mut random = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) % below
    };
    for round in 0..25_u32 {
        let options = if round % 2 == 0 { buffered() } else { synced() };
        let (rocks, said) = warnings(|| open(&path, &options).unwrap().0);
        assert_eq!(said, Vec::<String>::new());
        for step in 0..random(60) {
            let key = random(500).to_be_bytes();
            let value = (round * 1_000 + step).to_be_bytes().repeat(10);
            match random(20) {
                0 => rocks.with_db(|db| db.flush().unwrap()),
                1 => rocks.with_db(|db| db.compact_range(None::<&[u8]>, None::<&[u8]>)),
                2 | 3 => {
                    let end = random(500).to_be_bytes();
                    let span = Span { start: KeyBuf::from_bytes(&key), end: KeyBuf::from_bytes(&end) };
                    rocks
                        .write(&[Op::DeleteSpan { span: &span }, Op::Put { key: b"\xFE", value: &value }], false)
                        .unwrap();
                    model.retain(|found: &Vec<u8>, _| found[..] < key[..] || found[..] >= end[..]);
                    model.insert(b"\xFE".to_vec(), value);
                }
                4..9 => {
                    rocks.write(&[Op::Delete { key: &key }], step % 2 == 0).unwrap();
                    model.remove(&key[..]);
                }
                9 => rocks.write(&[], true).unwrap(),
                _ => {
                    put(&rocks, &key, &value);
                    model.insert(key.to_vec(), value);
                }
            }
        }
        settle(&rocks, &path);
        let killed = root.path().join("killed");
        copy(&path, &killed);
        for options in [buffered(), synced()] {
            let (rocks, said) = warnings(|| open(&killed, &options).unwrap().0);
            assert_eq!(said, Vec::<String>::new());
            assert!(rows(&rocks).unwrap().into_iter().eq(model.clone()), "round {round}");
            // The second time it is a copy made without a clean end, right after the recovery.
            let again = root.path().join("again");
            settle(&rocks, &killed);
            copy(&killed, &again);
            close(&rocks);
            let (rocks, said) = warnings(|| open(&again, &options).unwrap().0);
            assert_eq!(said, Vec::<String>::new());
            assert!(rows(&rocks).unwrap().into_iter().eq(model.clone()), "round {round}");
            close(&rocks);
            fs::remove_dir_all(&again).unwrap();
        }
        fs::remove_dir_all(&killed).unwrap();
        // By turns a clean end, and a kill.
        if round % 3 == 0 {
            let next = root.path().join("next");
            copy(&path, &next);
            close(&rocks);
            fs::remove_dir_all(&path).unwrap();
            fs::rename(&next, &path).unwrap();
        } else {
            close(&rocks);
        }
    }
}
