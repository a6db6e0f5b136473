//! The script of one thread.

use fastrand::Rng;

use super::State;

/// Jobs of a thread.
const JOBS: u8 = 12;
/// Units of work of a thread.
const WORK: u64 = 8;

/// Steps that the log of a job keeps.
pub(super) const LOG: usize = 3;

/// What a thread does next: one commit, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Creates or changes a job under its lock, and commits.
    Commit(u8),
    /// The same, saved only: the lock is kept.
    Save(u8),
    /// Changes the job that was saved, and commits.
    CommitSaved(u8),
    /// Changes the job that was saved, and releases it: writes nothing.
    ReleaseSaved,
    /// Replaces a job unread.
    Insert(u8),
    /// Changes a job, and drops the change.
    Forget(u8),
    /// Removes a job, whether it is there or not.
    Remove(u8),
    /// Deletes a job under its lock.
    Delete(u8),
    /// Makes a ticket.
    Create,
    /// Takes the thread's oldest ticket, if it has one.
    Take,
    /// Writes a job, writes or deletes a unit of work, makes a ticket, and takes the oldest: in one commit.
    Batch(u8, u64),
}

impl State {
    /// A step changes a job under its lock.
    fn change(&mut self, job: u8, step: u64) {
        self.jobs.insert(job, step);
        let log = self.logs.entry(job).or_default();
        log.insert(step);
        if log.len() > LOG {
            log.pop_first();
        }
    }
}

/// A deterministic sequence of steps, with all that they leave behind.
#[derive(Debug, Clone)]
pub struct Script {
    rng: Rng,
    thread: u8,
    made: u64,
    state: State,
    saved: Option<u8>,
}

impl Script {
    /// The script of a thread from its beginning.
    pub fn new(seed: u64, thread: u8) -> Self {
        let rng = Rng::with_seed(seed.rotate_left(8) ^ u64::from(thread));
        Self { rng, thread, made: 0, state: State::default(), saved: None }
    }

    /// The same, after so many steps.
    pub fn after(seed: u64, thread: u8, made: u64) -> Self {
        let mut script = Self::new(seed, thread);
        for _ in 0..made {
            script.advance();
        }
        script
    }

    /// The number of the thread.
    pub fn thread(&self) -> u8 {
        self.thread
    }

    /// How many steps were made; the number of the next one.
    pub fn made(&self) -> u64 {
        self.made
    }

    /// What must be in the database after these steps.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Chooses the next step, and counts it as made.
    pub fn advance(&mut self) -> Step {
        let step = self.choose();
        let (number, state) = (self.made, &mut self.state);
        match step {
            Step::Commit(job) | Step::Save(job) | Step::CommitSaved(job) => state.change(job, number),
            Step::Insert(job) => {
                state.jobs.insert(job, number);
                state.logs.remove(&job);
            }
            Step::Remove(job) | Step::Delete(job) => {
                state.jobs.remove(&job);
                state.logs.remove(&job);
            }
            Step::Create => {
                state.tickets.insert(number);
            }
            Step::Take => {
                state.tickets.pop_first();
            }
            Step::Batch(job, work) => {
                state.change(job, number);
                if state.work.remove(&work).is_none() {
                    state.work.insert(work, number);
                }
                state.tickets.pop_first();
                state.tickets.insert(number);
            }
            Step::ReleaseSaved | Step::Forget(_) => {}
        }
        self.saved = if let Step::Save(job) = step { Some(job) } else { None };
        self.made += 1;
        step
    }

    fn choose(&mut self) -> Step {
        // What was saved is ended by the next step, so that no step meets a lock of its own thread.
        if let Some(job) = self.saved {
            return if self.rng.bool() { Step::CommitSaved(job) } else { Step::ReleaseSaved };
        }
        let job = self.rng.u8(..JOBS);
        match self.rng.u8(..20) {
            0..4 => Step::Commit(job),
            4..6 => Step::Save(job),
            6..8 => Step::Insert(job),
            8 => Step::Forget(job),
            9 => Step::Remove(job),
            10 => Step::Delete(job),
            11..13 => Step::Create,
            13 => Step::Take,
            _ => Step::Batch(job, self.rng.u64(..WORK)),
        }
    }
}
