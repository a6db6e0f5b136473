//! What may be opened, by whom, and what is refused without being touched; and that a killed process loses nothing.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use kvstore::{Database, Durability, Error, Recovery, Result};
use kvstore_tests::{TestResult, child, task};

/// Every file under a path with its bytes, and every directory and link.
fn contents(path: &Path) -> std::io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(path)? {
        let (path, kind) = (entry.as_ref().map_or_else(|_| PathBuf::new(), fs::DirEntry::path), entry?.file_type()?);
        if kind.is_dir() {
            found.extend(contents(&path)?);
            found.insert(path, b"directory".to_vec());
        } else {
            found.insert(path.clone(), fs::read(path).unwrap_or_default());
        }
    }
    Ok(found)
}

fn with_entries(path: &Path, entries: u64) -> Result<()> {
    let db = Database::open(path)?;
    let numbers = db.map::<u64, String>("numbers")?;
    (0..entries).try_for_each(|number| numbers.put(number, "value".repeat(20)))?;
    db.close()
}

/// The files of a database with a name like this.
fn files(path: &Path, part: &str) -> std::io::Result<Vec<PathBuf>> {
    let all = contents(path)?.into_keys();
    Ok(all.filter(|file| file.file_name().is_some_and(|name| name.to_string_lossy().contains(part))).collect())
}

fn flip(file: &Path, index: usize) -> std::io::Result<()> {
    let mut bytes = fs::read(file)?;
    bytes[index] ^= 0x40;
    fs::write(file, bytes)
}

#[test]
fn the_same_directory_is_in_use_by_whatever_path_leads_there() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("db");
    let db = Database::open(&path)?;
    let numbers = db.map::<u64, u64>("numbers")?;
    let (link, up) = (directory.path().join("link"), directory.path().join("up"));
    std::os::unix::fs::symlink(&path, &link)?;
    std::os::unix::fs::symlink(directory.path(), &up)?;
    let plain = path.to_str().ok_or("a path that is no text")?;
    let others = [
        plain.to_owned(),
        format!("{plain}/"),
        format!("{plain}/."),
        format!("{plain}/../db"),
        plain.replace("/db", "/./db"),
        plain.replace("/db", "//db"),
        link.display().to_string(),
        format!("{}/", link.display()),
        format!("{}/db", up.display()),
    ];
    for other in &others {
        let error = Database::open(other).unwrap_err();
        assert!(matches!(&error, Error::InUse { path, .. } if path == Path::new(other)), "{other}: {error:?}");
        assert!(error.to_string().contains(other), "{error}");
        // Who was refused has taken nothing away from who has it.
        numbers.put(1, 10)?;
    }
    assert_eq!(in_another_process(&path)?, "in use");
    db.close()?;
    assert_eq!(in_another_process(&link)?, "opened");
    for other in &others {
        assert_eq!(Database::open(other)?.map::<u64, u64>("numbers")?.get(1)?, Some(10));
    }
    Ok(())
}

/// What another process answers that opens a database.
fn in_another_process(path: &Path) -> TestResult<String> {
    let mut child = child("as_another_process_that_opens", &path.display().to_string())?;
    let mut output = String::new();
    child.stdout.take().ok_or("no output")?.read_to_string(&mut output)?;
    child.wait()?;
    let answer = output.lines().find_map(|line| line.split_once("answer: ")).ok_or_else(|| output.clone())?;
    Ok(answer.1.to_owned())
}

#[test]
fn as_another_process_that_opens() {
    let Some(path) = task() else { return };
    match Database::open(path) {
        Ok(_) => println!("answer: opened"),
        Err(Error::InUse { .. }) => println!("answer: in use"),
        Err(other) => println!("answer: {other}"),
    }
}

#[test]
fn a_second_process_is_refused_while_the_first_is_alive() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (mut child, mut lines) = writer(directory.path(), "buffered")?;
    let _ = lines.next();
    assert!(matches!(Database::open(directory.path()), Err(Error::InUse { .. })));
    child.kill()?;
    child.wait()?;
    assert!(Database::open(directory.path()).is_ok());
    Ok(())
}

type Lines = Box<dyn Iterator<Item = u64>>;

/// A process that creates entries until it is killed, and tells the key of each when its commit has returned.
fn writer(path: &Path, durability: &str) -> TestResult<(std::process::Child, Lines)> {
    let mut child = child("as_a_process_that_writes", &format!("{durability} {}", path.display()))?;
    let output = BufReader::new(child.stdout.take().ok_or("no output")?);
    let keys = output.lines().map_while(std::io::Result::ok).filter_map(|line| line.strip_prefix("key ")?.parse().ok());
    Ok((child, Box::new(keys)))
}

#[test]
fn as_a_process_that_writes() -> TestResult {
    let Some(task) = task() else { return Ok(()) };
    let (durability, path) = task.split_once(' ').ok_or("no path")?;
    let durability = if durability == "sync" { Durability::Sync } else { Durability::Buffered };
    let db = Database::builder().durability(durability).open(path)?;
    let (jobs, journal) = (db.map::<u64, String>("jobs")?, db.map::<u64, u64>("journal")?);
    println!();
    loop {
        let job = jobs.create_next("job".repeat(50))?;
        let key = *job.key();
        kvstore::Batch::new().write(journal.create(key, key)?).write(job).commit()?;
        println!("key {key}");
    }
}

#[test]
fn what_was_committed_survives_a_killed_process_in_both_modes() -> TestResult {
    for durability in ["buffered", "sync"] {
        let directory = tempfile::tempdir()?;
        let mut told = Vec::new();
        for round in 1..=3 {
            let (mut child, keys) = writer(directory.path(), durability)?;
            let mut keys = keys.inspect(|key| told.push(*key));
            assert_eq!(keys.by_ref().take(300 * round).count(), 300 * round);
            child.kill()?;
            // And what it told before it died.
            keys.for_each(drop);
            child.wait()?;
        }
        assert!(told.is_sorted_by(|a, b| a < b), "a key was given out twice");
        let db = Database::open(directory.path())?;
        let (jobs, journal) = (db.map::<u64, String>("jobs")?, db.map::<u64, u64>("journal")?);
        for key in &told {
            assert!(jobs.contains(key)? && journal.get(key)? == Some(*key), "{key} is gone");
        }
        // No batch is there in half; beside what was told, at most the last one of each process.
        let keys = jobs.iter()?.keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(keys, journal.iter()?.keys().collect::<Result<Vec<_>>>()?);
        assert!(keys.len() <= told.len() + 3);
        assert!(jobs.next_key()? > *keys.last().ok_or("nothing is there")?);
    }
    Ok(())
}

#[test]
fn the_durability_may_change_from_session_to_session() -> TestResult {
    let directory = tempfile::tempdir()?;
    for (number, durability) in (0..).zip([Durability::Sync, Durability::Buffered, Durability::Sync]) {
        let db = Database::builder().durability(durability).open(directory.path())?;
        let numbers = db.map::<u64, u64>("numbers")?;
        numbers.put(number, number)?;
        assert_eq!(numbers.iter()?.count() as u64, number + 1);
    }
    Ok(())
}

#[test]
fn missing_directories_are_made_and_no_database_is_where_none_is_to_be_created() -> TestResult {
    let directory = tempfile::tempdir()?;
    let missing = directory.path().join("a/b");
    let open = |path: &Path| Database::builder().create_if_missing(false).open(path);
    assert!(matches!(open(&missing), Err(Error::NotADatabase { path, .. }) if path == missing));
    assert!(matches!(open(directory.path()), Err(Error::NotADatabase { .. })));
    assert!(contents(directory.path())?.is_empty());
    with_entries(&missing, 1)?;
    assert!(open(&missing).is_ok());
    Ok(())
}

#[test]
fn what_is_no_database_is_named_and_left_untouched() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (file, foreign, half) =
        (directory.path().join("file"), directory.path().join("foreign"), directory.path().join("half"));
    fs::write(&file, "mine")?;
    fs::create_dir_all(foreign.join("inner"))?;
    fs::write(foreign.join("inner/text"), "mine")?;
    // A database of RocksDB that is not ours.
    fs::create_dir(&half)?;
    fs::write(half.join("CURRENT"), "MANIFEST-000001\n")?;
    let before = contents(directory.path())?;
    for path in [&file, &foreign, &half] {
        let error = Database::open(path).unwrap_err();
        assert!(matches!(&error, Error::NotADatabase { path: named, .. } if named == path), "{error:?}");
        assert!(error.to_string().contains(&path.display().to_string()));
    }
    // A path that leads through a file.
    assert!(matches!(Database::open(file.join("db")), Err(Error::Io { .. } | Error::NotADatabase { .. })));
    assert_eq!(contents(directory.path())?, before);
    Ok(())
}

#[test]
fn a_directory_that_is_not_writable_is_an_error_that_names_it() {
    // Where nobody can create anything, whatever rights the test has.
    let path = Path::new("/sys/kvstore");
    let error = Database::open(path).unwrap_err();
    assert!(matches!(&error, Error::Io { .. }) && error.to_string().contains("/sys/kvstore"), "{error:?}");
    assert!(std::error::Error::source(&error).is_some());
}

#[test]
fn a_newer_format_is_named_and_left_untouched() -> TestResult {
    let directory = tempfile::tempdir()?;
    with_entries(directory.path(), 10)?;
    fs::write(directory.path().join("KVSTORE"), "kvstore 2\nwhatever comes then\n")?;
    let before = contents(directory.path())?;
    let error = Database::open(directory.path()).unwrap_err();
    let Error::Unsupported { what } = &error else { panic!("{error:?}") };
    assert!(what.contains("format 2") && what.contains(&directory.path().display().to_string()), "{what}");
    assert_eq!(contents(directory.path())?, before);
    Ok(())
}

#[test]
fn a_flipped_byte_in_the_marker_is_damage() -> TestResult {
    let directory = tempfile::tempdir()?;
    with_entries(directory.path(), 10)?;
    flip(&directory.path().join("KVSTORE"), 20)?;
    let before = contents(directory.path())?;
    let error = Database::open(directory.path()).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { path, .. } if path.starts_with(directory.path())), "{error:?}");
    assert_eq!(contents(directory.path())?, before);
    Ok(())
}

#[test]
fn missing_files_of_the_engine_are_damage_and_never_an_empty_database() -> TestResult {
    for part in ["CURRENT", "MANIFEST-", ".log"] {
        let directory = tempfile::tempdir()?;
        with_entries(directory.path(), 1_000)?;
        let gone = files(directory.path(), part)?;
        assert!(!gone.is_empty(), "no {part}");
        gone.iter().try_for_each(fs::remove_file)?;
        let error = Database::open(directory.path()).unwrap_err();
        assert!(
            matches!(&error, Error::Corrupt { path, .. } if path.starts_with(directory.path())),
            "{part}: {error:?}"
        );
        assert!(error.to_string().contains(&directory.path().display().to_string()));
    }
    Ok(())
}

#[test]
fn a_flipped_byte_in_the_middle_of_the_log_is_found_and_the_commits_before_it_can_be_kept() -> TestResult {
    let directory = tempfile::tempdir()?;
    with_entries(directory.path(), 1_000)?;
    let log = files(directory.path(), ".log")?.pop().ok_or("no log")?;
    flip(&log, fs::read(&log)?.len() / 2)?;
    let error = Database::open(directory.path()).unwrap_err();
    assert!(matches!(&error, Error::Corrupt { .. }), "{error:?}");
    assert!(error.to_string().contains("recover(Recovery::Prefix)"), "{error}");
    let db = Database::builder().recover(Recovery::Prefix).open(directory.path())?;
    let keys = db.map::<u64, String>("numbers")?.iter()?.keys().collect::<Result<Vec<_>>>()?;
    assert!((1..1_000).contains(&keys.len()) && keys.iter().copied().eq(0..keys.len() as u64), "{}", keys.len());
    Ok(())
}

#[test]
fn a_flipped_byte_in_a_table_is_an_error_and_never_a_wrong_value() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (path, copy) = (directory.path().join("db"), directory.path().join("copy"));
    let db = Database::open(&path)?;
    let numbers = db.map::<u64, String>("numbers")?;
    (0..1_000).try_for_each(|number| numbers.put(number, format!("value {number}").repeat(10)))?;
    // In a copy, everything lies in tables.
    db.checkpoint(&copy)?;
    let table = files(&copy, ".sst")?.pop().ok_or("no table")?;
    flip(&table, 1_000)?;
    let (mut right, mut wrong) = (0, 0);
    match Database::open(&copy).and_then(|db| db.map::<u64, String>("numbers")) {
        Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error:?}"),
        Ok(numbers) => {
            for number in 0..1_000 {
                match numbers.get(number) {
                    Ok(Some(value)) if value == format!("value {number}").repeat(10) => right += 1,
                    Err(Error::Corrupt { .. }) => wrong += 1,
                    other => panic!("{other:?}"),
                }
            }
            assert!(wrong > 0 && right + wrong == 1_000);
            // A scan ends with the error, and is never silently short.
            assert!(matches!(numbers.iter()?.last(), Some(Err(Error::Corrupt { .. }))));
        }
    }
    Ok(())
}
