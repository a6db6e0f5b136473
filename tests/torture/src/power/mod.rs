//! Power loss at random moments.
//!
//! A child works on a database under the shim ([`session`], [`recording`]), which records all that it does to the file
//! system and, in a ledger, what it acknowledged. A model of a [`disk`] takes that trace up to a random event, and makes
//! of it what is there when the power comes back: of what was not synced any pages, in any version, any sizes, any names.
//! The image is opened and compared with what was acknowledged up to that event ([`history`], [`judge`]). Some images are
//! then opened by a second recorded child, and power is lost again while it recovers.

pub mod disk;
pub mod file;
pub mod history;
pub mod image;
pub mod judge;
pub mod logs;
pub mod names;
pub mod recording;
pub mod replay;
pub mod run;
pub mod session;
pub mod trace;

use std::collections::BTreeMap;

use kvstore_tests::TestResult;

use self::history::Phase;
use self::judge::Found;
use self::run::Run;
use crate::shim::Shim;
use crate::trial::{Context, Report, Trial, scratch};

/// Every commit synced.
pub const SYNC: Trial = Trial {
    name: "power-sync",
    promise: "With `Durability::Sync` power loss loses nothing that was acknowledged.",
    method: "a child with several threads is recorded down to its file system calls, over several sessions, with kills, \
             flushes, compactions, copies, and namespaces made and dropped; images of what a power loss leaves at a random \
             call are made from that, unsynced pages and names surviving or not, each on its own; each is opened and \
             compared with the ledger, many after a second loss during recovery",
    unit: "images",
    short: 50,
    long: 2_000,
    run: |context| attack(context, &Attack { name: SYNC.name, sync: true, ..Attack::default() }),
};

/// The log left to the operating system.
pub const BUFFERED: Trial = Trial {
    name: "power-buffered",
    promise: "With `Durability::Buffered` power loss leaves a consistent prefix of the commits, with all that was synced, \
              and what is dropped is said; keys and namespaces are never given out twice.",
    method: "as `power-sync`; a step of one thread is not there without those of others that were acknowledged before it \
             began; what was acknowledged before a sync, a catalog change, a lease or a close is there",
    unit: "images",
    short: 50,
    long: 2_000,
    run: |context| attack(context, &Attack { name: BUFFERED.name, ..Attack::default() }),
};

/// Images of one recording.
const IMAGES: u64 = 40;

/// What is attacked, and whether a fault is planted to see that it is found.
#[derive(Debug, Clone, Copy, Default)]
pub struct Attack {
    /// The trial, for messages.
    pub name: &'static str,
    /// Whether each session syncs its commits; otherwise some of them do.
    pub sync: bool,
    /// Planted: syncs do nothing.
    pub without_syncs: bool,
    /// Planted: syncs of these paths do nothing. They are relative to the root of a recording.
    pub is_unsynced: Option<fn(&str) -> bool>,
}

impl Attack {
    /// Whether its violations are planted, so that nobody wants to look at their images.
    fn is_planted(&self) -> bool {
        self.without_syncs || self.is_unsynced.is_some()
    }
}

/// Runs an attack for as many images as the context says.
///
/// # Errors
/// The violation, with the seed, and where its image is kept.
pub fn attack(context: &Context, attack: &Attack) -> TestResult<Report> {
    let library = scratch()?;
    let shim = Shim::build(library.path())?;
    let (mut report, mut figures, mut recordings) = (Report::default(), Figures::default(), 0);
    while context.goes_on(report.rounds) {
        let seed = context.seed(recordings);
        let images = IMAGES.min(context.rounds() - report.rounds);
        let run = Run { context, shim: &shim, attack, seed };
        let struck = run.record_and_strike(images, &mut figures);
        struck.map_err(|error| format!("--only {} --rounds {IMAGES} --seed {seed}: {error}", attack.name))?;
        report.rounds += images;
        recordings += 1;
    }
    for (phase, images) in &figures.phases {
        report = report.with(*images, phase);
    }
    let found = figures.found;
    let of_which = if attack.sync { "" } else { ", none of which was synced" };
    Ok(report
        .with(recordings, "recordings")
        .with(found.lost, format!("acknowledged commits lost{of_which}"))
        .with(found.several_logs, "with several live logs")
        .with(found.cut, "logs cut, each said")
        .with(found.dropped, "of them with commits behind the cut that can be told")
        .with(found.list_cut, "lists of tables cut, each said")
        .with(found.copies, "copies opened"))
}

/// What was seen in images.
#[derive(Debug, Default)]
struct Figures {
    phases: BTreeMap<Phase, u64>,
    found: Found,
}

impl Figures {
    fn count(&mut self, phase: Phase, found: Found) {
        *self.phases.entry(phase).or_default() += 1;
        self.found += found;
    }
}
