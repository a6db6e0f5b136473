//! One recording, and the images made of it.

use std::path::{Path, PathBuf};

use fastrand::Rng;
use kvstore_tests::TestResult;
use tempfile::TempDir;

use super::disk::Disk;
use super::history::History;
use super::image::Image;
use super::judge::{Found, judge};
use super::recording::Recording;
use super::replay::{Moments, Replay, anywhere};
use super::session::{Session, THREADS};
use super::trace::remove_syncs;
use super::{Attack, Figures};
use crate::shim::Shim;
use crate::trial::{Context, scratch};

/// At one of so many moments the process is stopped, and another one goes on.
const STOPS: u64 = 8;
/// Which loses power at so many moments.
const MOMENTS: u64 = 3;
/// The least: tables are written and logs change all the time.
const WRITE_BUFFER: usize = 64 << 10;

/// A seed at work.
#[derive(Debug)]
pub struct Run<'a> {
    /// Starts children.
    pub context: &'a Context,
    /// Records them.
    pub shim: &'a Shim,
    /// What is attacked.
    pub attack: &'a Attack,
    /// Of all randomness.
    pub seed: u64,
}

/// How a process ends in the middle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// All that it wrote is seen by the next one, but what was not synced can still be lost.
    Killed,
    /// The next one sees what a power loss left.
    PowerLost,
}

/// A directory for something that is thrown away, or kept where it shows a violation.
#[derive(Debug)]
pub struct Place {
    directory: TempDir,
    /// What is recorded, or an image.
    root: PathBuf,
}

impl Place {
    /// An empty one.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn new() -> TestResult<Self> {
        let directory = scratch()?;
        let root = directory.path().canonicalize()?.join("root");
        std::fs::create_dir(&root)?;
        Ok(Self { directory, root })
    }

    /// What is recorded, or an image.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// A recording of what happens below the root.
    pub fn recording(&self) -> Recording {
        Recording::new(&self.root, &self.directory.path().join("trace"))
    }

    /// Is kept where the result is a violation.
    fn keep_if_violated<T>(self, attack: &Attack, result: TestResult<T>) -> TestResult<T> {
        result.map_err(|error| {
            if attack.is_planted() {
                return error;
            }
            format!("{error}\nkept in {}", self.directory.keep().display()).into()
        })
    }
}

impl Run<'_> {
    /// Records some sessions, and makes so many images of them.
    pub(super) fn record_and_strike(&self, images: u64, figures: &mut Figures) -> TestResult {
        let mut rng = Rng::with_seed(self.seed);
        let place = Place::new()?;
        let result =
            self.record_some(&place, &mut rng).and_then(|recording| self.strike(&recording, images, figures, &mut rng));
        place.keep_if_violated(self.attack, result)
    }

    fn record_some(&self, place: &Place, rng: &mut Rng) -> TestResult<Recording> {
        let recording = place.recording();
        for number in 0..rng.u64(1..=3) {
            let kill = match rng.u8(..4) {
                // While it makes the database, or opens it.
                0 => rng.u64(1..60),
                1 => rng.u64(1..800),
                _ => 0,
            };
            let session = self.session(place, number, rng.u64(20..80), vec![0; THREADS.into()], rng);
            self.record(&recording, &Session { kill, ..session })?;
        }
        Ok(recording)
    }

    fn strike(&self, recording: &Recording, images: u64, figures: &mut Figures, rng: &mut Rng) -> TestResult {
        let stops = images / STOPS;
        let count = usize::try_from(images - stops * MOMENTS)?;
        let mut is_stopped: Vec<_> = (0..count).map(|index| (index as u64) < stops).collect();
        rng.shuffle(&mut is_stopped);
        let mut lose_power = |replay: &Replay<'_>, rng: &mut Rng| -> TestResult<Image> {
            let image = replay.disk.after_power_loss(rng);
            figures.count(replay.history.phase, self.judge(&image, &replay.history, rng)?);
            Ok(image)
        };
        self.replay(recording, Replay::from_nothing(), &anywhere(count), rng, |replay, rng| {
            let image = lose_power(replay, rng)?;
            if is_stopped.pop() != Some(true) {
                return Ok(());
            }
            let stop = if rng.u8(..3) == 0 { Stop::Killed } else { Stop::PowerLost };
            let moments = anywhere(usize::try_from(MOMENTS)?);
            self.go_on(replay, stop, &image, &moments, rng, |replay, rng| lose_power(replay, rng).map(drop))
        })
    }

    /// Stops the process where a replay is, records another one that goes on from there, and calls `strike` at moments of
    /// it. After a power loss it finds `image`.
    ///
    /// # Errors
    /// Where the other one does not go on, and those of `strike`.
    pub fn go_on(
        &self,
        replay: &Replay<'_>,
        stop: Stop,
        image: &Image,
        moments: Moments<'_>,
        rng: &mut Rng,
        strike: impl FnMut(&Replay<'_>, &mut Rng) -> TestResult,
    ) -> TestResult {
        let place = Place::new()?;
        let mut history = replay.history.clone();
        let result = (|| {
            let (disk, least) = match stop {
                Stop::Killed => {
                    replay.disk.now().write(&place.root)?;
                    (replay.disk.clone(), history.acknowledged())
                }
                Stop::PowerLost => {
                    image.write(&place.root)?;
                    history.lose_power();
                    (Disk::holding(image)?, history.durable())
                }
            };
            let recording = place.recording();
            self.record(&recording, &self.session(&place, rng.u64(100..), rng.u64(0..8), least, rng))?;
            self.replay(&recording, Replay { disk, history }, moments, rng, strike)
        })();
        place.keep_if_violated(self.attack, result)
    }

    /// Opens an image, and compares it with what was acknowledged.
    ///
    /// # Errors
    /// The violation.
    pub fn judge(&self, image: &Image, history: &History, rng: &mut Rng) -> TestResult<Found> {
        let place = Place::new()?;
        image.write(&place.root)?;
        let found = judge(image, &place.root, history, self.seed, rng);
        place.keep_if_violated(self.attack, found.map_err(|error| format!("{}: {error}", history.phase).into()))
    }

    /// Goes through a trace, and calls `strike` at moments of it.
    ///
    /// # Errors
    /// Those of `strike`, and violations that the trace itself shows.
    pub fn replay(
        &self,
        recording: &Recording,
        from: Replay<'_>,
        moments: Moments<'_>,
        rng: &mut Rng,
        mut strike: impl FnMut(&Replay<'_>, &mut Rng) -> TestResult,
    ) -> TestResult {
        let trace = recording.trace()?;
        // It lives no longer than the trace.
        let mut replay: Replay<'_> = from;
        let mut events = recording.events(&trace)?;
        if let Some(is_unsynced) = self.attack.is_unsynced {
            remove_syncs(&mut events, is_unsynced);
        }
        let mut moments = moments(&events, &replay.history, rng)?.into_iter().peekable();
        for (index, event) in events.into_iter().enumerate() {
            replay.apply(event)?;
            while moments.next_if_eq(&index).is_some() {
                strike(&replay, rng)?;
            }
        }
        recording.check(&replay.disk)
    }

    /// A session with the settings of the attack.
    pub fn session(&self, place: &Place, number: u64, steps: u64, least: Vec<u64>, rng: &mut Rng) -> Session {
        let (root, seed, sync) = (place.root.clone(), self.seed, self.attack.sync || rng.u8(..5) == 0);
        Session { root, seed, number, sync, write_buffer: WRITE_BUFFER, steps, kill: 0, least }
    }

    /// Records a session behind what a recording has.
    ///
    /// # Errors
    /// Where it fails.
    pub fn record(&self, recording: &Recording, session: &Session) -> TestResult {
        recording.run(self.context, self.shim, session, self.attack.without_syncs)
    }
}
