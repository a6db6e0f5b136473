//! How faults ended, counted.

use std::collections::BTreeMap;

use super::Ran;
use super::told::Told;
use crate::shim::Call;
use crate::trial::Report;

/// How many faults ended how.
#[derive(Debug, Default)]
pub(super) struct Seen {
    calls: BTreeMap<Call, u64>,
    endings: BTreeMap<Ending, u64>,
    background: u64,
    behind: u64,
}

/// What was seen first of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Ending {
    Open,
    NotApplied,
    Unknown,
    Catalog,
    Sync,
    Checkpoint,
    Close,
    Nothing,
}

impl Ending {
    fn of(told: &Told) -> Self {
        match told.first_error.as_ref().map(|failure| failure.action.as_str()) {
            None => Self::Nothing,
            Some("open") => Self::Open,
            Some("steps") if told.is_unknown => Self::Unknown,
            Some("steps") => Self::NotApplied,
            Some("sync") => Self::Sync,
            Some("checkpoint") => Self::Checkpoint,
            Some("close") => Self::Close,
            Some(_) => Self::Catalog,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Open => "ended as a refusal to open",
            Self::NotApplied => "as a commit not applied",
            Self::Unknown => "as a commit of unknown outcome",
            Self::Catalog => "as a failed catalog change",
            Self::Sync => "as a failed `sync`",
            Self::Checkpoint => "as a failed checkpoint",
            Self::Close => "as a failed `close`",
            Self::Nothing => "without an error (tried again by RocksDB, or harmless)",
        }
    }
}

impl Seen {
    /// Counts a child that was judged.
    pub(super) fn count(&mut self, call: Call, ran: &Ran) {
        if !ran.has_fired {
            self.behind += 1;
            return;
        }
        *self.calls.entry(call).or_default() += 1;
        *self.endings.entry(Ending::of(&ran.told)).or_default() += 1;
        self.background += u64::from(ran.told.first_error.as_ref().is_some_and(|failure| failure.is_later));
    }

    /// Adds what was counted to a report.
    pub(super) fn tell(&self, report: Report) -> Report {
        let report = self
            .calls
            .iter()
            .fold(report, |report, (call, count)| report.with(*count, format_args!("faults of kind {}", call.name())));
        let report = self.endings.iter().fold(report, |report, (ending, count)| report.with(*count, ending.text()));
        report
            .with(self.background, "came in the background, and were seen by a later call")
            .with(self.behind, "numbers were behind the last call")
    }
}
