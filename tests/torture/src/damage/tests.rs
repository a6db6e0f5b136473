//! The oracle itself: it accepts what is right, and finds each planted violation.

use kvstore::{Error, Recovery};
use kvstore_tests::TestResult;

use super::files::{Files, record_ends};
use super::history::{History, State, Step};
use super::image::Image;
use super::judge::{Outcome, judge};
use super::reading::{Reading, Scanned};
use super::writer::Ended;

const LOG: &str = "000007.log";
/// A fragment's head and what is in it.
const RECORD: u64 = 7 + 13;

fn key(number: u64) -> (String, String) {
    ("account".into(), format!("k{number}"))
}

/// Ten steps, each of which puts one key and replaces the one before it; the first three in an earlier session.
fn image(ended: Ended) -> Image {
    let step = |number: u64| {
        let mut changes = vec![(key(number), Some(format!("v{number}")))];
        changes.extend(number.checked_sub(1).map(|before| (key(before), Some("replaced".into()))));
        Step {
            changes,
            log: if number < 3 { 4 } else { 7 },
            end: RECORD * if number < 3 { number + 1 } else { number - 2 },
        }
    };
    let history = History { steps: (0..10).map(step).collect(), safe: 3 };
    let log = [&[1, 2, 3, 4, 13, 0, 1][..], &[9; 13]].concat().repeat(7);
    let files = [(LOG.to_owned(), log), ("KVSTORE".to_owned(), b"marker".to_vec())].into();
    Image { ended, files: Files(files), older: Vec::new(), history }
}

/// All that a database says that holds just this.
fn reading(image: &Image, state: &State) -> Reading {
    let found = image.history.keys().map(|key| (key.clone(), state.get(key).cloned())).collect();
    let items = state.iter().map(|((_, key), value)| Some((key.clone(), Some(value.clone())))).collect();
    let scan = Scanned {
        what: "forwards".into(),
        namespace: "account".into(),
        selects: |_| true,
        reversed: false,
        only_first: false,
        items,
    };
    Reading { found, scans: vec![scan], errors: Vec::new() }
}

fn damaged(image: &Image, change: impl FnOnce(&mut Vec<u8>)) -> Files {
    let mut files = image.files.clone();
    change(files.0.get_mut(LOG).unwrap());
    files
}

/// The verdict on a database that holds the first steps.
fn verdict(image: &Image, damaged: &Files, steps: usize, is_said: bool, recovery: Recovery) -> TestResult<Outcome> {
    let said = if is_said { vec!["cut path=/data".to_owned()] } else { Vec::new() };
    let reading = reading(image, &image.history.after(steps));
    let (found, outcome) = judge(image, damaged, &said, recovery, &reading)?;
    assert_eq!(found, steps);
    Ok(outcome)
}

#[track_caller]
fn is_violation<R: std::fmt::Debug>(result: TestResult<R>, why: &str) {
    let error = result.unwrap_err().to_string();
    assert!(error.contains(why), "{error}");
}

#[test]
fn a_prefix_must_be_said_unless_nothing_tells() {
    let image = image(Ended::Buffered);
    let auto = |files: &Files, steps, is_said| verdict(&image, files, steps, is_said, Recovery::Auto);
    let flipped = damaged(&image, |log| log[90] ^= 1);
    assert_eq!(auto(&flipped, 7, true).unwrap(), Outcome::Prefix);
    is_violation(auto(&flipped, 7, false), "7 of 10 steps without a warning");
    is_violation(auto(&flipped, 6, true), "7 are before the damage");
    is_violation(auto(&flipped, 2, true), "3 were synced");
    assert_eq!(auto(&flipped, 10, true).unwrap(), Outcome::RightAndSaid);
    let cut = damaged(&image, |log| log.truncate(80));
    assert_eq!(auto(&cut, 7, false).unwrap(), Outcome::LogCut);
    is_violation(auto(&cut, 6, false), "7 are before the damage");
    is_violation(auto(&damaged(&image, |log| log.truncate(81)), 7, false), "7 of 10 steps without a warning");
    let mut deleted = image.files.clone();
    deleted.0.remove(LOG);
    assert_eq!(auto(&deleted, 3, false).unwrap(), Outcome::LogCut);
    assert_eq!(auto(&image.files, 10, false).unwrap(), Outcome::Right);
}

#[test]
fn a_synced_log_is_cut_only_where_no_commit_follows() {
    let image = image(Ended::Synced);
    let flipped = damaged(&image, |log| log[90] ^= 1);
    is_violation(verdict(&image, &flipped, 7, true, Recovery::Auto), "there are commits behind the damage");
    assert_eq!(verdict(&image, &flipped, 7, true, Recovery::Prefix).unwrap(), Outcome::RefusedThenPrefix);
    is_violation(verdict(&image, &flipped, 7, false, Recovery::Prefix), "without a warning");
    let torn = damaged(&image, |log| log.truncate(90));
    assert_eq!(verdict(&image, &torn, 7, true, Recovery::Auto).unwrap(), Outcome::Prefix);
}

#[test]
fn what_no_steps_leave_is_found() {
    let image = image(Ended::Buffered);
    let judged = |reading: &Reading| judge(&image, &image.files, &[], Recovery::Auto, reading);
    // Half a step, a value that comes back, one that was never there.
    for (number, value) in [(9, None), (4, Some("v4".to_owned())), (4, Some("other".to_owned()))] {
        let mut reading = reading(&image, &image.history.after(10));
        reading.found.insert(key(number), value);
        is_violation(judged(&reading), "no number of steps leaves what was read");
    }
}

#[test]
fn a_scan_lacks_entries_only_where_it_says_an_error() {
    let image = image(Ended::Buffered);
    let whole = || reading(&image, &image.history.after(10));
    let judged = |reading: &Reading| judge(&image, &image.files, &[], Recovery::Auto, reading);
    let error = || Error::Corrupt { path: "/data".into(), reason: "damaged".into(), source: None };

    let mut short = whole();
    short.scans[0].items.truncate(4);
    is_violation(judged(&short), "ends without an error before k4");
    short.scans[0].items.push(None);
    short.errors.push(error());
    assert_eq!(judged(&short).unwrap(), (10, Outcome::Errors));

    let mut holed = whole();
    holed.scans[0].items.remove(4);
    is_violation(judged(&holed), "answers k5 in the place of k4");
    holed.scans[0].items.insert(4, None);
    holed.errors.push(error());
    assert_eq!(judged(&holed).unwrap(), (10, Outcome::Errors));

    let mut disordered = whole();
    disordered.scans[0].items.swap(2, 3);
    is_violation(judged(&disordered), "answers k3 in the place of k2");

    let mut wrong = whole();
    wrong.scans[0].items[3] = Some(("k3".into(), Some("other".into())));
    is_violation(judged(&wrong), "answers k3 in the place of k3");

    let mut long = whole();
    long.scans[0].items.push(Some(("x".into(), Some("v".into()))));
    is_violation(judged(&long), "answers x, which should not be there");
}

#[test]
fn an_error_means_damage_and_names_a_file() {
    let image = image(Ended::Buffered);
    for error in [
        Error::Closed,
        Error::Decode { namespace: "account".into(), key: "/k1".into(), reason: "no CBOR".into() },
        Error::Engine { action: "read", source: "something happened".into() },
    ] {
        let mut reading = reading(&image, &image.history.after(10));
        reading.errors.push(error);
        is_violation(judge(&image, &image.files, &[], Recovery::Auto, &reading), "damage is answered with");
    }
}

#[test]
fn a_ledger_is_read_as_it_was_written() {
    let image = image(Ended::Buffered);
    let mut lines: Vec<_> = image.history.steps.iter().map(Step::to_line).collect();
    let removal = Step { changes: vec![(key(1), None)], log: 7, end: 160 };
    lines.extend([removal.to_line(), "safe".into()]);
    let history = History::parse(&lines.join("\n")).unwrap();
    assert_eq!((&history.steps[..10], &history.steps[10]), (&image.history.steps[..], &removal));
    assert_eq!(history.safe, 11);
    assert!(History::parse("stop\t1\t2").is_err());
}

#[test]
fn records_end_where_they_do() {
    assert_eq!(record_ends(&image(Ended::Buffered).files.0[LOG]), [20, 40, 60, 80, 100, 120, 140]);
    // One that fills a block but for six bytes, which can't hold a head; then a record of two parts, of which the last is
    // recycled; then nothing.
    let length = (32_u16 << 10) - 7 - 6;
    let mut log = [&[0; 4][..], &length.to_le_bytes(), &[1], &vec![7; length.into()], &[0; 6]].concat();
    log.extend([&[0, 0, 0, 0, 1, 0, 2, 7][..], &[0, 0, 0, 0, 1, 0, 8, 0, 0, 0, 0, 7], &[0; 20]].concat());
    assert_eq!(record_ends(&log), [(32 << 10) - 6, (32 << 10) + 20]);
}
