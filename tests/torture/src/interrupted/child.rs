//! A process that does what it is told, and says when it begins and ends each thing.

use std::error::Error as StdError;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;
use std::time::Instant;

use kvstore::{Batch, Database, Durability};
use kvstore_tests::{TestResult, print_warnings};

use super::op::{Change, Op};
use super::state::{GROWN, Grown1, Grown2, Grown3, KEYS, text};
use super::{copies, directory};
use crate::shim::Shim;

/// Reads operations, one a line, and writes `begin` with the number of the line, then `end` with the number, the
/// microseconds that it took, and what it found.
///
/// # Errors
/// Those of the first operation that fails, after the line `failed`.
pub fn child(arguments: &[String]) -> TestResult {
    let [root] = arguments else { return Err("a directory is missing".into()) };
    print_warnings()?;
    let mut session = Session { root: root.into(), db: None, checkpoint: None };
    for (number, line) in io::stdin().lines().enumerate() {
        let op: Op = line?.parse()?;
        println!("begin {number}");
        let began = Instant::now();
        match session.run(op, number) {
            Ok(Some(found)) => println!("end {number} {} {found}", began.elapsed().as_micros()),
            // A thread does.
            Ok(None) => {}
            Err(error) => return Err(failed(number, &*error).into()),
        }
    }
    Ok(())
}

/// Says that an operation failed, and why, on one line.
fn failed(number: usize, error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        // Writing to a String does not fail.
        let _ = write!(text, ": {error}");
        cause = error.source();
    }
    println!("failed {number} {}", text.replace('\n', " "));
    text
}

struct Session {
    root: PathBuf,
    db: Option<Database>,
    checkpoint: Option<JoinHandle<()>>,
}

impl Session {
    /// Answers what was found; none where a thread will say that it ended.
    fn run(&mut self, op: Op, number: usize) -> TestResult<Option<String>> {
        let directory = directory(&self.root);
        if let Op::Open { sync } = op {
            let durability = if sync { Durability::Sync } else { Durability::Buffered };
            self.db = Some(Database::builder().durability(durability).cache_bytes(1 << 20).open(directory)?);
            return Ok(Some(String::new()));
        }
        if let Op::Fuse { changes } = op {
            // Nothing is there: it is the opening that counts.
            let _ = File::open(Shim::fuse(&self.root, changes));
            return Ok(Some(String::new()));
        }
        let db = self.db.as_ref().ok_or("nothing is open")?;
        match op {
            Op::Open { .. } | Op::Fuse { .. } => {}
            Op::Close => self.db.take().map_or(Ok(()), Database::close)?,
            Op::Create { namespace } if namespace == GROWN => drop(db.store::<Grown1>()?),
            Op::Create { namespace } => drop(db.map::<u64, String>(&namespace)?),
            Op::Drop { namespace } if db.drop_namespace(&namespace)? => {}
            Op::Drop { namespace } => return Err(format!("there is no namespace `{namespace}`").into()),
            Op::Write(changes) => write(db, &changes)?,
            Op::Grow { level, key, stamp } => grow(db, level, key, stamp)?,
            Op::Lease { keys } => return lease(db, keys).map(Some),
            Op::Sync => db.sync()?,
            Op::Checkpoint { name } => {
                let (db, to, began) = (db.clone(), copies(&self.root).join(name), Instant::now());
                self.checkpoint = Some(std::thread::spawn(move || {
                    // Of both kinds, with tables in common and without.
                    let made = if number.is_multiple_of(2) { db.copy_to(to) } else { db.checkpoint(to) };
                    match made {
                        Ok(()) => println!("end {number} {}", began.elapsed().as_micros()),
                        Err(error) => drop(failed(number, &error)),
                    }
                }));
                return Ok(None);
            }
            Op::Join => {
                let ended = self.checkpoint.take().map_or(Ok(()), JoinHandle::join);
                ended.map_err(|_| "the checkpoint panicked")?;
            }
        }
        Ok(Some(newest_log(&directory)?))
    }
}

/// The number and the size of the log that was begun last.
fn newest_log(directory: &Path) -> io::Result<String> {
    let mut newest = (0, 0);
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_suffix(".log")?.parse::<u64>().ok());
        // RocksDB removes logs in the background.
        if let (Some(number), Ok(found)) = (number, entry.metadata()) {
            newest = newest.max((number, found.len()));
        }
    }
    Ok(format!("{} {}", newest.0, newest.1))
}

fn write(db: &Database, changes: &[Change]) -> TestResult {
    let mut batch = Batch::new();
    for Change { namespace, key, stamp } in changes {
        let entries = db.map::<u64, String>(namespace)?;
        batch = match stamp {
            Some(stamp) => {
                let mut entry = entries.lock_or_create(key, text(*stamp))?;
                if !entry.is_new() {
                    *entry = text(*stamp);
                }
                batch.write(entry)
            }
            None => batch.delete(entries.lock(key)?.ok_or("an entry is missing")?),
        };
    }
    Ok(batch.commit()?)
}

fn grow(db: &Database, level: u8, key: u64, stamp: u64) -> kvstore::Result<()> {
    let second = text(stamp);
    match level {
        1 => db.store()?.insert(key, Grown1 { stamp, level }),
        2 => db.store()?.insert(key, Grown2 { stamp, level, second }),
        _ => db.store()?.insert(key, Grown3 { stamp, level, second, third: vec![stamp] }),
    }
}

/// Generates keys; tells the first and the last.
fn lease(db: &Database, count: u64) -> TestResult<String> {
    let keys = db.map::<u64, String>(KEYS)?;
    let first = keys.next_key()?;
    let mut last = first;
    for _ in 1..count {
        let next = keys.next_key()?;
        if next <= last {
            return Err(format!("the key {next} was given out after {last}").into());
        }
        last = next;
    }
    Ok(format!("{first} {last}"))
}
