//! A process that opens and closes a directory as it is told.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::fd::AsRawFd;
use std::path::Path;

use kvstore::{Database, Map, MapStore};
use kvstore_tests::TestResult;

use super::attempt;

/// The answer where a directory was opened.
pub(super) const OPEN: &str = "open";
/// The answer where it was in use.
pub(super) const IN_USE: &str = "in use";
/// The answer to what has no other.
pub(super) const DONE: &str = "done";

/// The store in which each winner commits.
pub(super) fn numbers(db: &Database) -> kvstore::Result<MapStore<Map<u64, u64>>> {
    db.map("numbers")
}

/// Does what the lines of the standard input say, and answers each with a line; or, with arguments, opens one directory
/// and has a child of its own by `fork`.
///
/// # Errors
/// Where a line is not understood, or what it says fails and should not.
pub fn child(arguments: &[String]) -> TestResult {
    match arguments {
        [] => obey(),
        [path, end, does] => fork(path, end, does),
        _ => Err("a path, an end, and what the child does are missing".into()),
    }
}

fn obey() -> TestResult {
    let (mut opened, mut files) = (Vec::new(), Vec::new());
    for line in io::stdin().lines() {
        let line = line?;
        let (word, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match word {
            "open" => println!("{}", open(rest, &mut opened)),
            "commit" => {
                let number = rest.parse()?;
                numbers(opened.last().ok_or("nothing is open")?)?.put(number, number)?;
                println!("{DONE}");
            }
            // Until killed.
            "write" => {
                let numbers = numbers(opened.last().ok_or("nothing is open")?)?;
                for number in rest.parse()?.. {
                    numbers.put(number, number)?;
                    println!("{number}");
                }
            }
            "close" => {
                files.clear();
                let closed = opened.drain(..).try_for_each(Database::close);
                println!("{}", closed.map_or_else(|error| described(&error), |()| DONE.into()));
            }
            // Dropping the last handle closes, too.
            "drop" => {
                opened.clear();
                println!("{DONE}");
            }
            "rush" => println!("{}", rush(rest).unwrap_or_else(|error| described(&*error))),
            "cd" => {
                std::env::set_current_dir(rest)?;
                println!("{DONE}");
            }
            "descriptor" => {
                let file = File::open(rest)?;
                println!("{}", file.as_raw_fd());
                files.push(file);
            }
            _ => return Err(format!("a line `{line}`").into()),
        }
    }
    Ok(())
}

fn open(path: &str, opened: &mut Vec<Database>) -> String {
    match attempt(path) {
        Ok(Some(db)) => {
            opened.push(db);
            OPEN.into()
        }
        Ok(None) => IN_USE.into(),
        Err(error) => described(&error),
    }
}

/// Opens, commits and closes several times in a row; tells what was committed.
fn rush(what: &str) -> TestResult<String> {
    let mut words = what.splitn(3, ' ');
    let mut word = || words.next().ok_or("a word is missing");
    let (first, count, path): (u64, u64, _) = (word()?.parse()?, word()?.parse()?, word()?);
    let mut committed = DONE.to_owned();
    for number in first..first + count {
        if let Some(db) = attempt(path)? {
            numbers(&db)?.put(number, number)?;
            db.close()?;
            write!(committed, " {number}")?;
        }
    }
    Ok(committed)
}

/// Before what the child of a fork says, which goes on with the number of its process.
pub(super) const CHILD: &str = "child";
/// Before what the parent says.
pub(super) const PARENT: &str = "parent";
/// How many numbers the parent commits, from 1.
pub(super) const WRITTEN: u64 = 40;

/// Opens, and forks a child that executes no other program and ends with the standard input; both go on at the same time.
fn fork(path: &str, end: &str, does: &str) -> TestResult {
    let db = attempt(Path::new(path))?.ok_or(IN_USE)?;
    let numbers = numbers(&db)?;
    numbers.put(1, 1)?;
    if kvstore_tests::fork::fork() {
        let kept = match does {
            "drop" => {
                drop((numbers, db));
                None
            }
            _ => Some((numbers, db)),
        };
        let used = kept.as_ref().filter(|_| does == "use").map_or(Ok(()), |(numbers, db)| use_in_child(numbers, db));
        let said = used.map_or_else(|error| described(&*error), |()| DONE.into());
        println!("{CHILD} {} {said}", std::process::id());
        io::stdin().read_to_end(&mut Vec::new())?;
        std::process::exit(0);
    }
    (2..=WRITTEN).try_for_each(|number| numbers.put(number, number))?;
    println!("{PARENT} {DONE}");
    if end == "close" {
        db.close()?;
        println!("{PARENT} {DONE}");
    }
    // The child's end, too, comes with that of the input.
    io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// Calls what a forked child must not do, and drops what it has.
fn use_in_child(numbers: &MapStore<Map<u64, u64>>, db: &Database) -> TestResult {
    let calls = [
        numbers.put(1_000, 1_000),
        numbers.remove(1).map(drop),
        numbers.lock(1).map(drop),
        db.sync(),
        db.clone().close(),
    ];
    for (number, result) in calls.into_iter().enumerate() {
        if !matches!(result, Err(kvstore::Error::Forked { .. })) {
            return Err(format!("call {number} in a forked child: {result:?}").into());
        }
    }
    Ok(())
}

/// An error with its causes, on one line.
fn described(error: &dyn StdError) -> String {
    let mut text = format!("failed: {error}");
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    text.replace('\n', " ")
}
