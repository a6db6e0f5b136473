//! The line that is logged for each opening. Alone in its program: what is logged first by a thread without a subscriber,
//! such as that of another test, `tracing` may take for something that nobody wants to hear.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use kvstore::Database;
use kvstore_tests::{TestResult, child, logged_by, task};
use tracing::Level;

/// Opens the database in a directory, and returns the line that was logged.
fn opened(path: &Path) -> TestResult<(Database, String)> {
    let (db, lines) = logged_by(Level::INFO, || Database::open(path));
    let mut lines = lines.into_iter().filter(|line| line.contains("opened the database"));
    let line = lines.next().ok_or("nothing was logged")?;
    assert_eq!(lines.next(), None);
    Ok((db?, line))
}

fn has(line: &str, parts: &[&str]) -> bool {
    parts.iter().all(|part| line.contains(part))
}

#[test]
fn as_a_process_that_is_killed() -> TestResult {
    let Some(path) = task() else { return Ok(()) };
    let numbers = Database::open(path)?.map::<u64, String>("numbers")?;
    (0..100).try_for_each(|number| numbers.put(number, "value".repeat(20)))?;
    println!("\nwritten");
    loop {
        std::thread::park();
    }
}

/// A database whose process was killed.
fn killed(path: PathBuf) -> TestResult<PathBuf> {
    let mut process = child("as_a_process_that_is_killed", &path.display().to_string())?;
    let mut lines = BufReader::new(process.stdout.take().ok_or("no output")?).lines();
    lines.find(|line| line.as_ref().is_ok_and(|line| line == "written")).ok_or("it has ended")??;
    process.kill()?;
    process.wait()?;
    Ok(path)
}

#[test]
fn each_opening_logs_how_the_last_session_ended_and_what_recovery_did() -> TestResult {
    let directory = tempfile::tempdir()?;
    let root = directory.path().canonicalize()?;
    let path = root.join("db");
    let (db, line) = opened(&path)?;
    let marker = fs::read_to_string(path.join("KVSTORE"))?;
    let id = marker.lines().nth(1).and_then(|line| line.strip_prefix("id ")).ok_or("no id")?;
    let name = path.display().to_string();
    assert!(has(&line, &[&name, id, "last_session=\"none\"", "took="]), "{line}");
    db.map::<u64, u64>("numbers")?.put(1, 10)?;
    db.close()?;
    let (db, line) = opened(&path)?;
    assert!(has(&line, &[&name, id, "last_session=\"closed\"", "recovery="]), "{line}");
    db.close()?;

    let (_, line) = opened(&killed(root.join("killed"))?)?;
    assert!(has(&line, &["last_session=\"killed or failed\"", "changes replayed from"]), "{line}");

    // Of what was cut off it says where it is.
    let cut = killed(root.join("cut"))?;
    for entry in fs::read_dir(&cut)? {
        let file = entry?.path();
        if file.extension().is_some_and(|ending| ending == "log") {
            let mut bytes = fs::read(&file)?;
            let middle = bytes.len() / 2;
            bytes[middle] ^= 0x40;
            fs::write(&file, bytes)?;
        }
    }
    let (_, line) = opened(&cut)?;
    assert!(has(&line, &["last_session=\"killed or failed\"", "damaged-1"]), "{line}");
    Ok(())
}
