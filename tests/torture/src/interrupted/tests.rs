//! What the oracle finds: databases that are not what the session said.

use std::collections::BTreeMap;
use std::fs;

use kvstore::Database;
use kvstore_tests::TestResult;

use super::op::Op;
use super::plan::{Phase, Plan};
use super::session::Session;
use super::state::text;
use super::verify::{Known, Torn};
use super::{Seen, copies, directory};

/// What a child would be told, and what it says until it is killed in its last operation.
const OPS: [&str; 5] =
    ["open false", "create left", "create keys", "write left:1:10 left:2:20", "write left:1: left:2:21 left:3:30"];
const SAID: [&str; 9] = [
    "begin 0",
    "end 0 100",
    "begin 1",
    "end 1 100 4 0",
    "begin 2",
    "end 2 100 4 0",
    "begin 3",
    "end 3 100 4 200",
    "begin 4",
];

fn session(ops: &[&str], said: &[&str]) -> TestResult<Session> {
    let ops = ops.iter().map(|op| op.parse()).collect::<TestResult<Vec<Op>>>()?;
    let target = ops.len() - 1;
    let mut session = Session::new(Plan { phase: Phase::Idle, ops, target }, BTreeMap::new(), 0);
    said.iter().try_for_each(|line| session.take(line))?;
    Ok(session)
}

/// Makes a database with these entries of `left`, changes what was known of it, and lets the oracle judge: answers what
/// it finds.
fn found(
    entries: &[(u64, u64)],
    session: &Session,
    torn: Option<&Torn>,
    warnings: &[&str],
    change: impl FnOnce(&mut Known<'_>) -> TestResult,
) -> TestResult<String> {
    let root = tempfile::tempdir()?;
    let mut seen = Seen::new();
    let mut known = Known::new(root.path().into(), &mut seen);
    let db = Database::open(directory(&known.root))?;
    let left = db.map::<u64, String>("left")?;
    db.map::<u64, String>("keys")?;
    for (key, stamp) in entries {
        left.put(key, text(*stamp))?;
    }
    db.close()?;
    change(&mut known)?;
    let warnings = warnings.iter().map(ToString::to_string).collect();
    Ok(known.verify(session, torn, warnings).err().map(|error| error.to_string()).unwrap_or_default())
}

#[test]
fn a_commit_that_was_cut_off_may_be_there_but_only_whole() -> TestResult {
    let session = session(&OPS, &SAID)?;
    let judged = |entries: &[(u64, u64)]| found(entries, &session, None, &[], |_| Ok(()));
    assert_eq!(judged(&[(1, 10), (2, 20)])?, "");
    assert_eq!(judged(&[(2, 21), (3, 30)])?, "");
    for half in [&[(1, 10), (2, 21), (3, 30)][..], &[(2, 20)], &[(1, 10), (2, 20), (3, 30)], &[(1, 10)], &[]] {
        assert!(judged(half)?.contains("`left` lacks ["), "{half:?}");
    }
    Ok(())
}

#[test]
fn numbers_and_keys_that_come_twice_are_found() -> TestResult {
    let session = session(&OPS, &SAID)?;
    let entries = [(1, 10), (2, 20)];
    let judged = |change: fn(&mut Known<'_>)| {
        found(&entries, &session, None, &[], |known| {
            change(known);
            Ok(())
        })
    };
    assert_eq!(judged(|known| known.numbers = BTreeMap::from([("left".into(), 1)]))?, "");
    assert!(judged(|known| known.numbers = BTreeMap::from([("left".into(), 7)]))?.contains("has the number 1"));
    assert!(judged(|known| known.numbers_ever.extend([2]))?.contains("`keys` has the number 2"));

    let lease = |before: u64| {
        let mut session = super::tests::session(&["open false", "lease 5"], &["begin 0", "end 0 100", "begin 1"])?;
        session.highest_key = before;
        session.take("end 1 100 11 15")?;
        Ok::<_, kvstore_tests::Failure>(session.highest_key)
    };
    assert_eq!(lease(10)?, 15);
    assert!(lease(11).is_err());
    // The next key of the new database is 1.
    let mut with_keys = super::tests::session(&OPS, &SAID)?;
    with_keys.highest_key = 1;
    assert!(found(&entries, &with_keys, None, &[], |_| Ok(()))?.contains("the key 1 is given out after 1"));
    Ok(())
}

#[test]
fn what_is_dropped_must_be_said_and_put_aside() -> TestResult {
    let said: Vec<_> = SAID.into_iter().chain(["end 4 100 4 300"]).collect();
    let session = session(&OPS, &said)?;
    let torn = |rest: &[u8]| Torn { state: 3, rest: rest.to_vec() };
    let cut = ["the write-ahead log was cut: in words"];
    let judged = |entries: &[(u64, u64)], rest: &[u8], warnings: &[&str]| {
        found(entries, &session, Some(&torn(rest)), warnings, |known| {
            let aside = directory(&known.root).join("damaged-1");
            fs::create_dir(&aside)?;
            Ok(fs::write(aside.join("000004.log.from-200"), "cut off")?)
        })
    };
    let left = [(1, 10), (2, 20)];
    assert_eq!(judged(&left, b"cut off", &cut)?, "");
    assert_eq!(judged(&left, b"", &[])?, "");
    assert!(judged(&left, b"cut off", &[])?.contains("nobody said so"));
    assert!(judged(&left, b"cut", &cut)?.contains("not put aside"));
    assert_eq!(judged(&left, b"cut off", &["something else"])?, "something else");
    // What lies before the cut is not lost, and what lies behind it is not there.
    for wrong in [&[(2, 21), (3, 30)][..], &[(1, 10)]] {
        assert!(judged(wrong, b"cut off", &cut)?.contains("`left` lacks ["));
    }
    Ok(())
}

#[test]
fn a_checkpoint_is_of_one_commit_since_it_began() -> TestResult {
    let ops = ["open false", "create left", "create keys", "write left:1:10", "checkpoint copy", "write left:2:20"];
    let mut said = vec!["begin 0", "end 0 9", "begin 1", "end 1 9 4 0", "begin 2", "end 2 9 4 0", "begin 3"];
    said.extend(["end 3 9 4 9", "begin 4", "begin 5", "end 5 9 4 9", "end 4 9"]);
    let acknowledged = session(&ops, &said)?;
    let cut_off = session(&ops, &said[..said.len() - 1])?;
    let judged = |session: &Session, entries: &[(u64, u64)]| {
        found(&[(1, 10), (2, 20)], session, None, &[], |known| {
            let copy = Database::open(copies(&known.root).join("copy"))?;
            copy.map::<u64, String>("keys")?;
            let left = copy.map::<u64, String>("left")?;
            entries.iter().try_for_each(|(key, stamp)| left.put(key, text(*stamp)))?;
            Ok(copy.close()?)
        })
    };
    for session in [&acknowledged, &cut_off] {
        assert_eq!(judged(session, &[(1, 10)])?, "");
        assert_eq!(judged(session, &[(1, 10), (2, 20)])?, "");
        for wrong in [&[][..], &[(2, 20)]] {
            assert!(judged(session, wrong)?.contains("a checkpoint is not what was there"));
        }
    }
    let gone = |session| found(&[(1, 10), (2, 20)], session, None, &[], |_| Ok(()));
    assert!(gone(&acknowledged)?.contains("a checkpoint that was acknowledged is gone"));
    assert_eq!(gone(&cut_off)?, "");
    Ok(())
}
