//! A process that forks while it has a database open. The child has a copy of every handle; the database is the parent's.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use kvstore::{Batch, Database, ElementMap, Error, Result, Store};
use kvstore_tests::fork::{Forking, Forks, fork, listen, say};
use kvstore_tests::{TestResult, task, wait_until};

/// An entry whose elements a thread of the database deletes.
#[derive(Store)]
#[store(key = u64)]
struct Folder {
    files: ElementMap<u64, String>,
}

type Scenario = fn(&Path) -> TestResult;

/// Does nothing unless started by one of the tests below.
#[test]
fn as_a_process_that_forks() -> TestResult {
    let Some(task) = task() else { return Ok(()) };
    let (scenario, path) = task.split_once(' ').ok_or("no path")?;
    let scenarios: [(&str, Scenario); 5] = [
        ("drop", child_drops),
        ("call", child_calls),
        ("return", parent_returns),
        ("wait", child_waits),
        ("busy", busy_parent),
    ];
    let (_, play) = scenarios.iter().find(|(name, _)| *name == scenario).ok_or("no such scenario")?;
    play(Path::new(path)).inspect_err(|error| say(&format!("failed: {error}")))
}

fn start(scenario: &str, path: &Path) -> TestResult<(Forking, Forks)> {
    let forking = Forking::new()?;
    let forks = forking.start("as_a_process_that_forks", &format!("{scenario} {}", path.display()))?;
    Ok((forking, forks))
}

fn state_of(path: &Path) -> std::io::Result<String> {
    let marker = fs::read_to_string(path.join("KVSTORE"))?;
    Ok(marker.lines().nth(2).unwrap_or_default().to_owned())
}

fn is_in_use(path: &Path) -> bool {
    matches!(Database::open(path), Err(Error::InUse { .. }))
}

/// A database with its sweeper running, and something of every kind alive.
fn child_drops(path: &Path) -> TestResult {
    let memory = Database::in_memory()?;
    let db = Database::open(path)?;
    for db in [&memory, &db] {
        let folders = db.store::<Folder>()?;
        let mut folder = folders.create(1, FolderInit::default())?;
        folder.elements(Folder::FILES).insert(1, "a".into())?;
        folder.commit()?;
        folders.remove(1)?;
    }
    let numbers = db.map::<u64, u64>("numbers")?;
    numbers.put(1, 10)?;
    let (mut guard, scan, snapshot) = (numbers.lock(1)?.ok_or("no entry")?, numbers.iter()?, db.snapshot()?);
    *guard = 11;
    if fork() {
        drop((guard, scan, snapshot, numbers, db, memory));
        say("dropped");
        // As when `main` returns.
        std::process::exit(0);
    }
    listen();
    // All goes on as if there had been no child.
    guard.commit()?;
    assert_eq!((scan.count(), numbers.at(&snapshot).get(1)?), (1, Some(10)));
    drop(snapshot);
    numbers.put(2, 20)?;
    db.close()?;
    say("closed");
    Ok(())
}

#[test]
fn a_child_that_drops_its_handles_takes_nothing_from_the_parent() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("db");
    let (_forking, mut forks) = start("drop", &path)?;
    assert_eq!(forks.hear()?.as_deref(), Some("dropped"));
    for _ in 0..20 {
        assert!(is_in_use(&path));
    }
    assert_eq!(state_of(&path)?, "state open");
    writeln!(forks.process.stdin.as_mut().ok_or("no input")?, "go on")?;
    assert_eq!(forks.hear_all()?, ["closed"]);
    assert!(forks.process.wait()?.success());
    let numbers = Database::open(&path)?.map::<u64, u64>("numbers")?;
    assert_eq!(numbers.iter()?.collect::<Result<Vec<_>>>()?, [(1, 11), (2, 20)]);
    Ok(())
}

const CALLS: usize = 38;

fn child_calls(path: &Path) -> TestResult {
    let db = Database::builder().write_buffer_bytes(64 << 10).open(path)?;
    let numbers = db.map::<u64, String>("numbers")?;
    numbers.put(1, "parent".into())?;
    db.map::<u64, u64>("other")?;
    let db = {
        // `drop_namespace` wants one that this handle has not opened.
        drop(numbers);
        db.close()?;
        Database::builder().write_buffer_bytes(64 << 10).open(path)?
    };
    let numbers = db.map::<u64, String>("numbers")?;
    // The child gets a copy of the numbers that are leased.
    numbers.next_key()?;
    let changed = |key| -> TestResult<_> {
        let mut guard = numbers.lock_or_create(key, "new".to_owned())?;
        guard.push('!');
        Ok(guard)
    };
    let (mut saved, committed, deleted, batched) = (changed(2)?, changed(3)?, changed(4)?, changed(5)?);
    let clean = numbers.lock(1)?.ok_or("no entry")?;
    let (snapshot, mut scan) = (db.snapshot()?, numbers.iter()?);
    if !fork() {
        listen();
        return Ok(());
    }
    let beside = path.with_extension("beside");
    let calls: [(&str, Result<()>); CALLS] = [
        ("put", numbers.put(9, "x".repeat(100_000))),
        ("create", numbers.create(9, "x".to_owned()).map(drop)),
        ("lock", numbers.lock(9).map(drop)),
        ("try_lock", numbers.try_lock(9).map(drop)),
        ("remove", numbers.remove(9).map(drop)),
        ("create_next", numbers.create_next("x".to_owned()).map(drop)),
        ("next_key", numbers.next_key().map(drop)),
        ("skip_keys_to", numbers.skip_keys_to(3)),
        ("save", saved.save()),
        ("commit", committed.commit()),
        ("commit of what is unchanged", clean.commit()),
        ("delete", deleted.delete()),
        ("batch", Batch::new().write(batched).commit()),
        ("insert", numbers.insert(9, "x".to_owned())),
        ("update", numbers.update(1, |text| text.push('!')).map(drop)),
        ("lock_all", numbers.lock_all([8, 9]).map(drop)),
        ("try_lock_first", numbers.try_lock_first(..).map(drop)),
        ("lock_together", db.lock_together((numbers.wanted(8), numbers.wanted(9))).map(drop)),
        ("a new namespace", db.map::<u64, u64>("new").map(drop)),
        ("drop_namespace", db.drop_namespace("other").map(drop)),
        ("compact", db.compact()),
        ("sync", db.sync()),
        ("checkpoint", db.checkpoint(&beside)),
        ("copy_to", db.copy_to(&beside)),
        ("snapshot", db.snapshot().map(drop)),
        ("get", numbers.get(1).map(drop)),
        ("get_shared", numbers.get_shared(1).map(drop)),
        ("get_many", numbers.get_many([1]).map(drop)),
        ("contains", numbers.contains(1).map(drop)),
        ("first", numbers.first().map(drop)),
        ("last", numbers.last().map(drop)),
        ("count", numbers.count().map(drop)),
        ("is_empty", numbers.is_empty().map(drop)),
        ("a snapshot of the parent", numbers.at(&snapshot).get(1).map(drop)),
        ("a scan of the parent", scan.next().transpose().map(drop)),
        ("iter", numbers.iter().map(drop)),
        ("open another", Database::open(&beside).map(drop)),
        ("close", db.clone().close()),
    ];
    for (call, result) in calls {
        match result {
            Err(Error::Forked { path }) => say(&format!("refused {}", path.display())),
            other => say(&format!("{call}: {other:?}")),
        }
    }
    assert!(!beside.exists() && db.locks().is_empty());
    // What is in memory only is the child's own.
    let memory = Database::in_memory()?.map::<u64, u64>("numbers")?;
    memory.put(1, 10)?;
    drop((saved, numbers, db));
    say("ended");
    std::process::exit(0);
}

#[test]
fn every_write_lock_and_copy_in_a_child_is_an_error_that_names_the_fork() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("db");
    let (_forking, mut forks) = start("call", &path)?;
    let mut said = Vec::new();
    while said.last().is_none_or(|line| line != "ended") {
        said.push(forks.hear()?.ok_or_else(|| format!("it ended after {said:?}"))?);
    }
    let beside = path.with_extension("beside");
    let refused = |line: &String| [&path, &beside].iter().any(|path| *line == format!("refused {}", path.display()));
    assert!(said.len() == CALLS + 1 && said.iter().take(CALLS).all(refused), "{said:?}");
    assert!(is_in_use(&path));
    drop(forks.process.stdin.take());
    assert!(forks.hear_all()?.is_empty() && forks.process.wait()?.success());
    // The parent's guards were changed and dropped; the child has written nothing.
    let numbers = Database::open(&path)?.map::<u64, String>("numbers")?;
    assert_eq!(numbers.iter()?.collect::<Result<Vec<_>>>()?, [(1, "parent".into())]);
    let error = Error::Forked { path: path.clone() }.to_string();
    assert!(error.contains(path.to_str().ok_or("no text")?) && error.contains("forked"), "{error}");
    Ok(())
}

fn parent_returns(path: &Path) -> TestResult {
    let db = Database::open(path)?;
    let numbers = db.map::<u64, String>("numbers")?;
    (0..100).try_for_each(|key| numbers.put(key, "parent".into()))?;
    if fork() {
        listen();
        let refused = |result: Result<()>| if matches!(result, Err(Error::Forked { .. })) { "refused" } else { "?" };
        say(refused(numbers.put(100, "child".into())));
        say(refused(db.close()));
        drop(numbers);
        say("ended");
        std::process::exit(0);
    }
    Ok(())
}

#[test]
fn a_parent_that_ends_closes_the_database_and_the_child_can_not_go_on_with_it() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("db");
    let (_forking, mut forks) = start("return", &path)?;
    let mut input = forks.process.stdin.take().ok_or("no input")?;
    assert!(forks.process.wait()?.success());
    assert_eq!(state_of(&path)?, "state clean");
    // At once, though the child lives and has the files open.
    let db = Database::open(&path)?;
    let numbers = db.map::<u64, String>("numbers")?;
    (1_000..1_100).try_for_each(|key| numbers.put(key, "other".into()))?;
    writeln!(input, "go on")?;
    assert_eq!(forks.hear_all()?, ["refused", "refused", "ended"]);
    assert_eq!(state_of(&path)?, "state open");
    (1_100..1_200).try_for_each(|key| numbers.put(key, "other".into()))?;
    drop(numbers);
    db.close()?;
    let numbers = Database::open(&path)?.map::<u64, String>("numbers")?;
    let of = |who: &str| -> Result<usize> {
        let entries = numbers.iter()?.collect::<Result<Vec<_>>>()?;
        Ok(entries.iter().filter(|(_, value)| value == who).count())
    };
    assert_eq!((of("parent")?, of("child")?, of("other")?), (100, 0, 200));
    Ok(())
}

fn child_waits(path: &Path) -> TestResult {
    let db = Database::open(path)?;
    db.map::<u64, u64>("numbers")?.put(1, 10)?;
    if fork() {
        say("forked");
        listen();
        std::process::exit(0);
    }
    loop {
        thread::park();
    }
}

#[test]
fn a_child_that_outlives_a_killed_parent_is_named_to_the_next_opener() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path().join("db");
    let (_forking, mut forks) = start("wait", &path)?;
    assert_eq!(forks.hear()?.as_deref(), Some("forked"));
    let by = || match Database::open(&path) {
        Err(Error::InUse { by, .. }) => by,
        _ => "nobody",
    };
    assert_eq!(by(), "another process has it open");
    let input = forks.process.stdin.take();
    forks.process.kill()?;
    forks.process.wait()?;
    assert!(by().contains("forked"), "{}", by());
    drop(input);
    assert!(forks.hear_all()?.is_empty());
    wait_until("the directory is free", || !is_in_use(&path))?;
    assert_eq!(Database::open(&path)?.map::<u64, u64>("numbers")?.get(1)?, Some(10));
    Ok(())
}

/// Forks, again and again, while other threads hold any mutex of the database.
fn busy_parent(path: &Path) -> TestResult {
    const CHILDREN: usize = 30;
    let db = Database::builder().write_buffer_bytes(64 << 10).open(path)?;
    let numbers = db.map::<u64, String>("numbers")?;
    let (done, written) = (AtomicBool::new(false), AtomicU64::new(0));
    thread::scope(|scope| -> TestResult {
        for writer in 0..3_u64 {
            let (numbers, done, written) = (&numbers, &done, &written);
            scope.spawn(move || -> Result<()> {
                for number in 0.. {
                    if done.load(Ordering::Relaxed) {
                        break;
                    }
                    numbers.put(number % 1_000 * 3 + writer, "x".repeat(200))?;
                    numbers.range(..10)?.next();
                    written.fetch_add(1, Ordering::Relaxed);
                }
                Ok(())
            });
        }
        for child in 0..CHILDREN as u64 {
            let guard = numbers.lock_or_create(1_000_000 + child, String::new())?;
            let (scan, snapshot) = (numbers.iter()?, db.snapshot()?);
            if fork() {
                drop((guard, scan, snapshot));
                let refused = matches!(numbers.put(child, "child".into()), Err(Error::Forked { .. }));
                drop((numbers.clone(), db.clone()));
                say(if refused { "refused" } else { "?" });
                std::process::exit(0);
            }
            guard.commit()?;
        }
        done.store(true, Ordering::Relaxed);
        Ok(())
    })?;
    assert_eq!(numbers.range(1_000_000..)?.count(), CHILDREN);
    drop(numbers);
    db.close()?;
    say(&format!("closed after {} commits", written.load(Ordering::Relaxed)));
    Ok(())
}

#[test]
fn no_child_of_a_busy_process_hangs_or_writes() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (_forking, mut forks) = start("busy", directory.path())?;
    let said = forks.hear_all()?;
    assert!(forks.process.wait()?.success(), "{said:?}");
    let refused = said.iter().filter(|line| *line == "refused").count();
    assert!(refused == 30 && said.len() == 31, "{said:?}");
    let numbers = Database::open(directory.path())?.map::<u64, String>("numbers")?;
    let entries = numbers.iter()?.collect::<Result<Vec<_>>>()?;
    assert!(entries.iter().all(|(_, value)| value != "child"));
    Ok(())
}
