//! A trace, gone through event by event, and moments in it.

use std::collections::HashMap;
use std::ops::Range;

use fastrand::Rng;
use kvstore_tests::TestResult;

use super::disk::Disk;
use super::history::History;
use super::logs::is_log;
use super::session::THREADS;
use super::trace::Event;

/// What there is at a moment of a trace.
#[derive(Debug, Clone)]
pub struct Replay<'t> {
    /// The file system.
    pub disk: Disk<'t>,
    /// What was acknowledged.
    pub history: History,
}

/// Chooses events of a trace, in order, with what was acknowledged before it.
pub type Moments<'a> = &'a dyn Fn(&[Event<'_>], &History, &mut Rng) -> TestResult<Vec<usize>>;

impl<'t> Replay<'t> {
    /// An empty disk.
    pub fn from_nothing() -> Self {
        Self { disk: Disk::default(), history: History::new(THREADS) }
    }

    /// Takes the next event.
    ///
    /// # Errors
    /// Where it does not fit: a violation, or a trace that is not whole.
    pub fn apply(&mut self, event: Event<'t>) -> TestResult {
        note(&mut self.history, event)?;
        self.disk.apply(event)
    }
}

fn note(history: &mut History, event: Event<'_>) -> TestResult {
    match event {
        Event::Begin => history.begin(),
        Event::Line(line) => history.take(line)?,
        _ => {}
    }
    Ok(())
}

/// So many events. A third of them lie anywhere, a third in a phase that is chosen first, since most phases are short, and
/// a third before a sync of something other than a log, where most is at stake.
pub fn anywhere(count: usize) -> impl Fn(&[Event<'_>], &History, &mut Rng) -> TestResult<Vec<usize>> {
    move |events, history, rng| {
        let (phases, syncs) = (phases(events, history.clone())?, syncs(events, |path| !is_log(path)));
        let mut moments: Vec<_> = (0..count)
            .map(|_| {
                let anywhere = rng.usize(..events.len());
                match rng.u8(..3) {
                    0 => rng.choice(&phases).cloned().map_or(anywhere, |phase| rng.usize(phase)),
                    // A child that is killed early syncs nothing.
                    1 => rng.choice(&syncs).copied().unwrap_or(anywhere),
                    _ => anywhere,
                }
            })
            .collect();
        moments.sort_unstable();
        Ok(moments)
    }
}

fn phases(events: &[Event<'_>], mut history: History) -> TestResult<Vec<Range<usize>>> {
    let mut phases: Vec<Range<usize>> = Vec::new();
    let mut last = None;
    for (index, event) in events.iter().enumerate() {
        note(&mut history, *event)?;
        match phases.last_mut() {
            Some(phase) if last == Some(history.phase) && *event != Event::Begin => phase.end = index + 1,
            _ => phases.push(index..index + 1),
        }
        last = Some(history.phase);
    }
    Ok(phases)
}

/// Before each sync of some paths.
pub fn before_syncs_of(
    is_meant: fn(&str) -> bool,
) -> impl Fn(&[Event<'_>], &History, &mut Rng) -> TestResult<Vec<usize>> {
    move |events, _, _| Ok(syncs(events, is_meant))
}

/// The events before syncs of some paths.
fn syncs(events: &[Event<'_>], is_meant: impl Fn(&str) -> bool) -> Vec<usize> {
    let mut open = HashMap::new();
    let mut syncs = Vec::new();
    for (index, event) in events.iter().enumerate() {
        match event {
            Event::Open { fd, path, .. } => drop(open.insert(*fd, *path)),
            Event::Sync { fd } if open.get(fd).is_some_and(|path| is_meant(path)) => {
                syncs.push(index.saturating_sub(1));
            }
            _ => {}
        }
    }
    syncs
}
