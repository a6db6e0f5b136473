//! Whether what was read is right, and whether what is lacking was said.

use kvstore::Recovery;
use kvstore_tests::TestResult;

use super::files::{Files, Kind, record_ends};
use super::image::Image;
use super::reading::{Reading, check_error};
use super::writer::Ended;

/// What became of a damaged database, where it is no violation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// All data, and nothing was said.
    Right,
    /// All data, and damage was said.
    RightAndSaid,
    /// A prefix of the steps, and it was said.
    Prefix,
    /// Errors where reads met the damage, and everything else was right.
    Errors,
    Refused,
    /// Refused by `Auto`, and a prefix, which was said, with `Prefix`.
    RefusedThenPrefix,
    /// Refused by both.
    RefusedByPrefix,
    /// A prefix that nobody can know to be one: a log that ends between two commits.
    LogCut,
    /// The same after a session in `Sync`.
    SyncedLogCut,
}

impl Outcome {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Right => "with all data",
            Self::RightAndSaid => "with all data and a warning",
            Self::Prefix => "with a prefix of the commits and a warning",
            Self::Errors => "with errors where the damage is read, and all other data",
            Self::Refused => "refused, untouched, and whole when mended",
            Self::RefusedThenPrefix => "refused, untouched, and a prefix with `Recovery::Prefix`",
            Self::RefusedByPrefix => "refused, untouched, by `Recovery::Prefix` too",
            Self::LogCut => "undetectable: the log of a killed `Buffered` session cut between two commits",
            Self::SyncedLogCut => "undetectable: the log of a killed `Sync` session cut between two commits",
        }
    }
}

/// Judges what an opened database said; answers the steps that are there.
///
/// # Errors
/// The violation.
pub(super) fn judge(
    image: &Image,
    damaged: &Files,
    said: &[String],
    recovery: Recovery,
    reading: &Reading,
) -> TestResult<(usize, Outcome)> {
    reading.errors.iter().try_for_each(check_error)?;
    let steps = explain(image, reading)?;
    // RocksDB's own warnings don't name the directory.
    let is_said = said.iter().any(|line| line.contains("path="));
    Ok((steps, outcome(image, damaged, steps, is_said, recovery, !reading.errors.is_empty())?))
}

/// The highest number of steps that leaves just what was read.
fn explain(image: &Image, reading: &Reading) -> TestResult<usize> {
    let mut violation = None;
    for steps in image.history.explaining(&reading.found) {
        match reading.check_scans(&image.history.after(steps)) {
            Ok(()) => return Ok(steps),
            Err(error) => violation = violation.or(Some(error)),
        }
    }
    Err(violation.unwrap_or_else(|| describe_difference(image, reading).into()))
}

/// In which keys what was read differs from all that was committed.
fn describe_difference(image: &Image, reading: &Reading) -> String {
    let all = image.history.after(usize::MAX);
    let wrong: Vec<_> = reading.found.iter().filter(|(key, value)| all.get(key) != value.as_ref()).collect();
    let shown: Vec<_> = wrong.iter().take(5).map(|(key, value)| format!("{key:?} is {value:.60?}")).collect();
    format!("no number of steps leaves what was read; of the last, {} keys differ: {}", wrong.len(), shown.join(", "))
}

fn outcome(
    image: &Image,
    damaged: &Files,
    steps: usize,
    is_said: bool,
    recovery: Recovery,
    has_errors: bool,
) -> TestResult<Outcome> {
    let all = image.history.steps.len();
    // How much was synced is known from the marker alone.
    let is_marker_true = damaged.0.get("KVSTORE") == image.files.0.get("KVSTORE");
    let safe = if is_marker_true { image.history.safe } else { 0 };
    let lost = || format!("{steps} of {all} steps");
    if recovery == Recovery::Prefix {
        if !is_said && steps < all {
            return Err(format!("`Prefix` opens {} without a warning", lost()).into());
        }
        return Ok(Outcome::RefusedThenPrefix);
    }
    if steps == all {
        return Ok(match (has_errors, is_said) {
            (true, _) => Outcome::Errors,
            (false, true) => Outcome::RightAndSaid,
            (false, false) => Outcome::Right,
        });
    }
    if steps < safe {
        return Err(format!("{} are there, and {safe} were synced", lost()).into());
    }
    let is_changed = |name: &String| damaged.0.get(name) != image.files.0.get(name);
    let is_of_logs = image.files.0.keys().all(|name| Kind::of(name) == Some(Kind::Log) || !is_changed(name));
    let intact = image.intact_steps(damaged);
    if is_of_logs && steps < intact {
        return Err(format!("{} are there, and {intact} are before the damage", lost()).into());
    }
    if is_said {
        if image.ended == Ended::Synced && is_marker_true && image.has_intact_step_behind(damaged) {
            return Err(format!("a synced log was cut to {}, and there are commits behind the damage", lost()).into());
        }
        return Ok(Outcome::Prefix);
    }
    // Where no file tells that there was more.
    let is_cut = |name: &str| {
        let Some(original) = image.files.0.get(name) else { return false };
        let found = damaged.0.get(name).map_or(&[][..], Vec::as_slice);
        let is_at_end = found.is_empty() || record_ends(original).contains(&found.len());
        found.len() < original.len() && original.starts_with(found) && is_at_end
    };
    if image.files.of_kind(Kind::Log).into_iter().any(|name| is_cut(name)) {
        return Ok(if image.ended == Ended::Synced { Outcome::SyncedLogCut } else { Outcome::LogCut });
    }
    Err(format!("{} without a warning", lost()).into())
}
