//! What the oracle finds: directories that are not as they were left.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use kvstore_tests::TestResult;

use super::alias::fingerprint;
use super::{Players, Seen, attempt, opener};
use crate::trial::Context;

#[test]
fn lost_and_strange_commits_are_found_and_a_directory_that_is_not_free() -> TestResult {
    let root = tempfile::tempdir()?;
    let directory = root.path().join("db");
    let context = Context::new(PathBuf::new(), 1, 1);
    let mut players = Players { context: &context, processes: Vec::new(), seen: Seen::new() };
    let db = attempt(&directory)?.ok_or("in use")?;
    opener::numbers(&db)?.put(1, 1)?;
    opener::numbers(&db)?.put(3, 3)?;
    players.refused_here(&directory)?;
    let mut judged = |numbers: &[u64]| {
        let judged = players.holds(&directory, &numbers.iter().copied().collect::<BTreeSet<_>>());
        judged.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert!(judged(&[1, 3]).ends_with("is not free"));
    db.close()?;
    assert_eq!(judged(&[1, 3]), "");
    assert!(judged(&[1, 2, 3]).ends_with("{2} are lost, {} were never committed"));
    assert!(judged(&[3]).ends_with("{} are lost, {1} were never committed"));
    assert!(players.refused_here(&directory).is_err_and(|error| error.to_string().ends_with("was opened twice")));
    Ok(())
}

#[test]
fn a_directory_that_was_touched_is_not_as_before() -> TestResult {
    let root = tempfile::tempdir()?;
    let file = root.path().join("file");
    fs::write(&file, "as it was")?;
    let before = fingerprint(root.path())?;
    assert_eq!(fingerprint(root.path())?, before);
    // The same bytes, by another file.
    fs::write(root.path().join("other"), "as it was")?;
    fs::rename(root.path().join("other"), &file)?;
    assert_ne!(fingerprint(root.path())?, before);
    Ok(())
}
