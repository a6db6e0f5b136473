//! The texts of errors: each says in one line what failed, where, and why.

use std::io;
use std::path::PathBuf;

use kvstore::{Database, Error, Outcome, Store};
use kvstore_tests::{TestResult, on_both};

/// A cause that has a cause of its own.
#[derive(Debug, thiserror::Error)]
#[error("the disk is gone")]
struct Gone(#[source] io::Error);

fn gone() -> Box<dyn std::error::Error + Send + Sync> {
    Box::new(Gone(io::Error::other("the cable was pulled")))
}

#[test]
fn the_text_of_an_error_has_every_cause_once_and_in_one_line() {
    let (path, reason) = (PathBuf::from("/data"), "a table is missing".to_owned());
    let denied = io::Error::from(io::ErrorKind::PermissionDenied);
    let errors = [
        (Error::Io { path: path.clone(), action: "create", source: denied }, "can't create /data: permission denied"),
        (
            Error::Engine { action: "write", source: gone() },
            "the storage engine failed to write: the disk is gone: the cable was pulled",
        ),
        (
            Error::Corrupt { path: path.clone(), reason: reason.clone(), source: Some(gone()) },
            "the database at /data is damaged: a table is missing: the disk is gone: the cable was pulled",
        ),
        (
            Error::Corrupt { path: PathBuf::new(), reason, source: None },
            "the database in memory is damaged: a table is missing",
        ),
        // A cause that shows its causes itself.
        (
            Error::Corrupt {
                path,
                reason: "no table".to_owned(),
                source: Some(Box::new(Error::Engine { action: "read", source: gone() })),
            },
            "the database at /data is damaged: no table: \
             the storage engine failed to read: the disk is gone: the cable was pulled",
        ),
        (
            Error::Busy { open: 1 },
            "1 scan or snapshot is still open: the database closes when the last of them is dropped",
        ),
        (
            Error::Busy { open: 2 },
            "2 scans or snapshots are still open: the database closes when the last of them is dropped",
        ),
    ];
    for (error, text) in errors {
        assert_eq!((error.to_string(), format!("{error:#}")), (text.to_owned(), text.to_owned()));
    }
}

#[test]
fn what_a_failed_write_says_to_a_client_has_the_reason() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers = db.map::<u64, u64>("numbers")?;
    let written = "the storage engine failed to write: the write was told to fail";
    faults.fail_next_writes(1, Outcome::NotApplied);
    assert_eq!(numbers.put(1, 10).map_err(|error| error.to_string()), Err(written.to_owned()));
    faults.fail_next_writes(1, Outcome::Unknown);
    let unknown = format!("the database must be reopened to see whether this was written: {written}");
    assert_eq!(numbers.put(1, 10).map_err(|error| format!("{error:#}")), Err(unknown));
    let refused = numbers.put(1, 10).map_err(|error| error.to_string());
    assert!(refused.is_err_and(|text| text.contains("reopened") && text.ends_with(written)));
    Ok(())
}

#[test]
fn a_checkpoint_to_a_place_that_is_taken_says_why_it_fails() -> TestResult {
    let directory = tempfile::tempdir()?;
    let db = Database::open(directory.path().join("db"))?;
    let copy = directory.path().join("copy");
    std::fs::create_dir(&copy)?;
    let text = db.checkpoint(&copy).err().ok_or("something is there")?.to_string();
    assert!(text.contains(&*copy.to_string_lossy()) && text.ends_with("something is there already"), "{text}");
    Ok(())
}

#[derive(Store)]
#[store(key = u64, namespace = "jobs")]
struct Job {
    owner: String,
}

#[test]
fn a_namespace_in_use_says_what_to_do() -> TestResult {
    on_both(|db| {
        let _numbers = db.map::<u64, u64>("jobs")?;
        let text = db.store::<Job>().map(drop).map_err(|error| error.to_string());
        assert!(text.is_err_and(|text| text.contains(r#"`#[store(namespace = "..")]`"#)));
        let text = db.drop_namespace("jobs").map(drop).map_err(|error| error.to_string());
        assert!(text.is_err_and(|text| text.ends_with("drop its stores, guards and scans first")));
        Ok(())
    })
}
