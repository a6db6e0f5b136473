//! Copies of a database, where they may be made, and how a database is restored from one.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::thread;

use kvstore::{Database, Error, Map, MapStore, Recovery, Result};
use kvstore_tests::{TestResult, child, task};

type Accounts = MapStore<Map<u64, String>>;

const ENTRIES: u64 = 1_000;

fn accounts(db: &Database) -> Result<Accounts> {
    db.map("accounts")
}

/// A database in which each entry has this value.
fn filled(path: &Path, value: &str) -> Result<Database> {
    let db = Database::open(path)?;
    let accounts = accounts(&db)?;
    (0..ENTRIES).try_for_each(|key| accounts.put(key, value.to_owned()))?;
    Ok(db)
}

/// The values in a database, each once, and how many entries there are.
fn found(path: &Path) -> Result<(BTreeSet<String>, usize)> {
    let entries = accounts(&Database::open(path)?)?.iter()?.collect::<Result<Vec<_>>>()?;
    let count = entries.len();
    Ok((entries.into_iter().map(|(_, value)| value).collect(), count))
}

fn holds_all(path: &Path, value: &str) -> Result<bool> {
    Ok(found(path)? == (BTreeSet::from([value.to_owned()]), 1_000))
}

fn names(directory: &Path) -> io::Result<BTreeSet<String>> {
    fs::read_dir(directory)?.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

/// Copies each file of a directory over the one of its name, in a new file or in the old one.
fn copy_over(from: &Path, to: &Path, in_place: bool) -> io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if !in_place {
            let _ = fs::remove_file(&to);
        }
        fs::copy(entry.path(), to)?;
    }
    Ok(())
}

fn reason(error: &Error) -> String {
    std::error::Error::source(error).map(ToString::to_string).unwrap_or_default()
}

#[test]
fn of_threads_with_one_place_one_makes_the_copy_and_the_others_are_told() -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = filled(&directory.path().join("db"), "value")?;
    for round in 0..20 {
        let to = directory.path().join(format!("copies/{round}"));
        let together = Barrier::new(3);
        let copy = |full: bool| {
            together.wait();
            if full { db.copy_to(&to) } else { db.checkpoint(&to) }
        };
        let results = thread::scope(|scope| {
            let threads = [false, false, true].map(|full| scope.spawn(move || copy(full)));
            threads.map(|thread| thread.join().unwrap())
        });
        let failed: Vec<_> = results.into_iter().filter_map(Result::err).collect();
        assert_eq!(failed.len(), 2, "{failed:?}");
        for error in &failed {
            assert!(matches!(error, Error::Io { path, .. } if *path == to), "{error:?}");
            assert!(reason(error).contains("already"), "{error:?}");
        }
        assert!(holds_all(&to, "value")?);
    }
    assert_eq!(names(&directory.path().join("copies"))?.len(), 20, "nothing else is left");
    Ok(())
}

#[test]
fn as_a_process_that_copies() -> TestResult {
    let Some(task) = task() else { return Ok(()) };
    let (path, to) = task.split_once(' ').ok_or("no path")?;
    let db = filled(Path::new(path), path)?;
    println!("\nready");
    for number in 0.. {
        let mut line = String::new();
        if io::stdin().read_line(&mut line)? == 0 {
            break;
        }
        println!("\ncopied: {}", db.checkpoint(format!("{to}{number}")).is_ok());
    }
    Ok(())
}

/// In containers, all processes may have one number.
#[test]
fn of_processes_with_one_place_one_makes_the_copy() -> TestResult {
    let directory = tempfile::tempdir()?;
    let [first, second, to] = ["first", "second", "copy-"].map(|name| directory.path().join(name));
    let mut players = Vec::new();
    for path in [&first, &second] {
        let mut process = child("as_a_process_that_copies", &format!("{} {}", path.display(), to.display()))?;
        let input = process.stdin.take().ok_or("no input")?;
        let mut output = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
        output.find(|line| line.as_ref().is_ok_and(|line| line == "ready")).ok_or("not ready")??;
        players.push((process, input, output));
    }
    for round in 0..10 {
        for (_, input, _) in &mut players {
            io::Write::write_all(input, b"go\n")?;
        }
        let mut made = Vec::new();
        for ((_, _, output), path) in players.iter_mut().zip([&first, &second]) {
            let said = output.find_map(|line| Some(line.ok()?.strip_prefix("copied: ")? == "true"));
            if said.ok_or("it has ended")? {
                made.push(path);
            }
        }
        let [path] = made[..] else { return Err(format!("{made:?} made the copy").into()) };
        let copy = PathBuf::from(format!("{}{round}", to.display()));
        assert!(holds_all(&copy, path.to_str().ok_or("no text")?)?);
    }
    for (mut process, input, _) in players {
        drop(input);
        assert!(process.wait()?.success());
    }
    Ok(())
}

#[test]
fn no_copy_is_made_inside_the_directory_of_a_database() -> TestResult {
    let directory = tempfile::tempdir()?;
    let root = directory.path();
    let (path, other) = (root.join("db"), root.join("other"));
    let db = filled(&path, "value")?;
    filled(&other, "value")?.close()?;
    fs::create_dir_all(path.join("inner"))?;
    std::os::unix::fs::symlink(&path, root.join("link"))?;
    std::os::unix::fs::symlink(path.join("inner"), root.join("deep"))?;
    let before = (names(root)?, names(&path)?.len());
    let inside = [
        path.join("copy"),
        path.join("copy/"),
        path.join("missing/copy"),
        path.join("inner/copy"),
        root.join("link/copy"),
        root.join("deep/copy"),
        root.join("deep/missing/copy"),
        root.join("other/../db/copy"),
        other.join("copy"),
    ];
    for to in &inside {
        for error in [db.checkpoint(to).unwrap_err(), db.copy_to(to).unwrap_err()] {
            assert!(matches!(&error, Error::Io { path, .. } if path == to), "{error:?}");
            assert!(reason(&error).contains("inside the database at"), "{}: {error:?}", to.display());
        }
        assert!(matches!(Database::restore(&other, to), Err(Error::Io { .. })), "{}", to.display());
    }
    for (to, expected) in [
        (path.clone(), "already"),
        (root.join("link"), "already"),
        (root.join("missing/../db/copy"), "`..`"),
        (PathBuf::from("/"), "without the name"),
        (root.join(".."), "without the name"),
    ] {
        let error = db.checkpoint(&to).unwrap_err();
        assert!(matches!(&error, Error::Io { .. }) && reason(&error).contains(expected), "{error:?}");
    }
    assert_eq!((names(root)?, names(&path)?.len()), before);
    // A relative path, and one with names that merely look alike.
    db.checkpoint(root.join("db-copy"))?;
    assert!(holds_all(&root.join("db-copy"), "value")?);
    Ok(())
}

#[test]
fn a_full_copy_shares_no_file_with_the_database_and_a_checkpoint_does() -> TestResult {
    let directory = tempfile::tempdir()?;
    let [path, linked, full] = ["db", "linked", "full"].map(|name| directory.path().join(name));
    let db = filled(&path, "value")?;
    db.checkpoint(&linked)?;
    db.copy_to(&full)?;
    let files = |path: &Path| -> io::Result<BTreeSet<(u64, u64)>> {
        fs::read_dir(path)?.map(|entry| entry?.metadata().map(|found| (found.dev(), found.ino()))).collect()
    };
    assert!(!files(&path)?.is_disjoint(&files(&linked)?), "the docs of `checkpoint` say so");
    assert!(files(&full)?.is_disjoint(&files(&path)?) && files(&full)?.is_disjoint(&files(&linked)?));
    for entry in fs::read_dir(&full)? {
        assert_eq!(entry?.metadata()?.nlink(), 1);
    }
    db.close()?;
    // To write into its files does not write into those of the database.
    for entry in fs::read_dir(&full)? {
        fs::write(entry?.path(), "gone")?;
    }
    assert!(holds_all(&path, "value")? && holds_all(&linked, "value")?);
    Ok(())
}

#[test]
fn a_full_copy_that_is_copied_over_its_database_in_place_leaves_both_whole() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (path, copy) = (directory.path().join("db"), directory.path().join("copy"));
    let db = filled(&path, "precious")?;
    db.copy_to(&copy)?;
    db.close()?;
    // With a checkpoint, this empties both.
    copy_over(&copy, &path, true)?;
    assert!(holds_all(&copy, "precious")?);
    match found(&path) {
        Ok(found) => assert_eq!(found, (BTreeSet::from(["precious".into()]), 1_000)),
        Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error:?}"),
    }
    Ok(())
}

/// A checkpoint, and the same database after a session that changed everything.
fn newer_than_its_copy(directory: &Path) -> Result<(PathBuf, PathBuf)> {
    let (path, copy) = (directory.join("db"), directory.join("copy"));
    let db = filled(&path, "precious")?;
    db.checkpoint(&copy)?;
    db.close()?;
    let db = Database::open(&path)?;
    let accounts = accounts(&db)?;
    for key in 0..ENTRIES {
        accounts.remove(key)?;
    }
    drop(accounts);
    db.close()?;
    Ok((path, copy))
}

/// What is in the directory after the copy was put over a newer state whose log is still there.
fn put_over_a_newer_log(directory: &Path) -> TestResult<PathBuf> {
    let [path, copy, newer] = ["db", "copy", "newer"].map(|name| directory.join(name));
    let db = filled(&path, "precious")?;
    db.checkpoint(&copy)?;
    db.close()?;
    let db = Database::open(&path)?;
    let accounts = accounts(&db)?;
    (0..ENTRIES).try_for_each(|key| accounts.remove(key).map(drop))?;
    // As a process that is killed now leaves it.
    fs::create_dir(&newer)?;
    copy_over(&path, &newer, false)?;
    copy_over(&copy, &newer, false)?;
    Ok(newer)
}

#[test]
fn a_copy_put_over_a_newer_state_is_refused() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = put_over_a_newer_log(directory.path())?;
    let before = names(&path)?;
    for _ in 0..2 {
        let Err(Error::Corrupt { reason, .. }) = Database::open(&path) else { panic!("the newer log was replayed") };
        for part in ["older copy", "Database::restore", "Recovery::Prefix"] {
            assert!(reason.contains(part), "{reason}");
        }
    }
    assert_eq!(names(&path)?, before);
    // As with other damage, the commits after it are put aside.
    let db = Database::builder().recover(Recovery::Prefix).open(&path)?;
    assert_eq!(accounts(&db)?.iter()?.count(), 1_000);
    assert!(names(&path)?.contains("damaged-1"));
    Ok(())
}

#[test]
fn a_copy_put_over_a_newer_state_that_was_closed_is_the_copy_or_refused() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (path, copy) = newer_than_its_copy(directory.path())?;
    copy_over(&copy, &path, false)?;
    match found(&path) {
        Ok(found) => assert_eq!(found, (BTreeSet::from(["precious".into()]), 1_000)),
        Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error:?}"),
    }
    Ok(())
}

#[test]
fn restoring_gives_the_state_of_the_copy_and_keeps_what_was_there() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (path, copy) = newer_than_its_copy(directory.path())?;
    let before = names(&copy)?;
    for (round, old) in ["db.replaced-1", "db.replaced-2"].iter().enumerate() {
        let replaced = Database::restore(&copy, &path)?.ok_or("nothing was there")?;
        assert_eq!(replaced, directory.path().canonicalize()?.join(old));
        assert!(holds_all(&path, "precious")?);
        assert_eq!(found(&replaced)?.1, if round == 0 { 0 } else { 1_000 });
    }
    assert_eq!(names(&copy)?, before, "the copy stays as it is");
    assert!(holds_all(&copy, "precious")?);
    // Where nothing is, with the directories above.
    let free = directory.path().join("a/b/c");
    assert_eq!(Database::restore(&copy, &free)?, None);
    assert!(holds_all(&free, "precious")?);
    assert_eq!(names(&directory.path().join("a/b"))?, BTreeSet::from(["c".into()]));
    // Any database that was closed is a copy, and a link leads to what it replaces.
    let link = directory.path().join("link");
    std::os::unix::fs::symlink(&path, &link)?;
    Database::restore(&free, &link)?;
    assert!(fs::symlink_metadata(&link)?.is_symlink() && holds_all(&path, "precious")?);
    Ok(())
}

#[test]
fn a_damaged_database_can_be_replaced() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (path, copy) = newer_than_its_copy(directory.path())?;
    for file in ["KVSTORE", "CURRENT"] {
        fs::write(path.join(file), "damaged")?;
    }
    assert!(matches!(Database::open(&path), Err(Error::Corrupt { .. })));
    assert!(Database::restore(&copy, &path)?.is_some());
    assert!(holds_all(&path, "precious")?);
    Ok(())
}

#[test]
fn what_can_not_be_restored_is_refused_and_nothing_is_changed() -> TestResult {
    let directory = tempfile::tempdir()?;
    let root = directory.path();
    let (path, copy) = newer_than_its_copy(root)?;
    let (other, foreign, empty, broken) =
        (root.join("other"), root.join("foreign"), root.join("empty"), root.join("broken"));
    fs::create_dir(&foreign)?;
    fs::write(foreign.join("text"), "mine")?;
    fs::create_dir(&empty)?;
    let open = filled(&other, "open")?;
    fs::create_dir(&broken)?;
    copy_over(&copy, &broken, false)?;
    let table = names(&broken)?
        .into_iter()
        .find(|name| Path::new(name).extension().is_some_and(|end| end == "sst"))
        .ok_or("no table")?;
    fs::remove_file(broken.join(table))?;
    let before = names(root)?;

    let free = root.join("free");
    assert!(matches!(Database::restore(&other, &free), Err(Error::InUse { path, .. }) if path == other));
    assert!(matches!(Database::restore(&copy, &other), Err(Error::InUse { path, .. }) if path == other));
    assert!(matches!(Database::restore(&foreign, &free), Err(Error::NotADatabase { path, .. }) if path == foreign));
    assert!(matches!(Database::restore(root.join("none"), &free), Err(Error::NotADatabase { .. })));
    assert!(matches!(Database::restore(foreign.join("text"), &free), Err(Error::NotADatabase { .. })));
    for to in [&foreign, &empty, &foreign.join("text")] {
        assert!(matches!(Database::restore(&copy, to), Err(Error::NotADatabase { path, .. }) if path == *to));
    }
    assert!(matches!(Database::restore(&copy, &copy), Err(Error::Io { .. })));
    assert!(matches!(Database::restore(&broken, &free), Err(Error::Corrupt { .. })));
    assert!(matches!(Database::restore(&broken, &path), Err(Error::Corrupt { .. })));
    assert_eq!(names(root)?, before);
    assert_eq!(found(&path)?.1, 0);

    // One whose session did not end: a copy of the directory while it is open.
    let killed = root.join("killed");
    fs::create_dir(&killed)?;
    copy_over(&other, &killed, false)?;
    let Err(Error::NotADatabase { reason, .. }) = Database::restore(&killed, &free) else { panic!() };
    assert!(reason.contains("not closed"), "{reason}");
    open.close()?;
    Ok(())
}

#[test]
fn a_restored_database_counts_its_keys_on_from_where_the_copy_was_made() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (path, copy) = (directory.path().join("db"), directory.path().join("copy"));
    let db = Database::open(&path)?;
    let jobs = accounts(&db)?;
    let next = |jobs: &Accounts| -> TestResult<u64> {
        let job = jobs.create_next("job".to_owned())?;
        let key = *job.key();
        job.release();
        Ok(key)
    };
    assert_eq!(next(&jobs)?, 1);
    db.checkpoint(&copy)?;
    let of_the_original = next(&jobs)?;
    drop(jobs);
    db.close()?;
    Database::restore(&copy, &path)?;
    // The book says so, and what to do.
    let again = next(&accounts(&Database::open(&path)?)?)?;
    assert!(again > 1 && again <= of_the_original + 1_000, "{again}");
    Ok(())
}
