//! A thread at its script.

use std::collections::BTreeMap;
use std::{fmt, io};

use kvstore::{Batch, Database, Error, Guard, Outcome};

use super::script::LOG;
use super::{Job, JobGuard, JobStore, Script, Step, Ticket, TicketInit, TicketStore, Work, WorkStore};

/// The three stores.
#[derive(Debug, Clone)]
pub struct Stores {
    /// Jobs.
    pub jobs: JobStore,
    /// Units of work.
    pub work: WorkStore,
    /// Tickets.
    pub tickets: TicketStore,
}

impl Stores {
    /// Opens them.
    ///
    /// # Errors
    /// As [`Database::store`].
    pub fn open(db: &Database) -> kvstore::Result<Self> {
        Ok(Self { jobs: db.store()?, work: db.store()?, tickets: db.store()? })
    }
}

/// A step that failed.
#[derive(Debug)]
pub struct Failed {
    /// Why.
    pub error: Error,
    /// Whether its commit took effect all the same.
    pub outcome: Outcome,
}

impl Failed {
    /// Whether the error is one of those that a failing disk may cause.
    pub fn is_typed(&self) -> bool {
        use Error::{Engine, Failed, Io, OutcomeUnknown};
        matches!(self.error, Engine { .. } | OutcomeUnknown { .. } | Io { .. } | Failed { .. })
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        let outcome = match error {
            Error::OutcomeUnknown { .. } => Outcome::Unknown,
            _ => Outcome::NotApplied,
        };
        Self { error, outcome }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.outcome, self.error)?;
        let mut cause = std::error::Error::source(&self.error);
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl std::error::Error for Failed {}

/// Runs a script against the stores.
#[derive(Debug)]
pub struct Worker<'a> {
    stores: &'a Stores,
    script: Script,
    saved: Option<JobGuard>,
    /// The keys of this thread's tickets, by the step that made them.
    tickets: BTreeMap<u64, u64>,
}

impl<'a> Worker<'a> {
    /// A worker that goes on where the script is.
    ///
    /// # Errors
    /// Where the tickets that are there can't be read.
    pub fn new(stores: &'a Stores, script: Script) -> kvstore::Result<Self> {
        let mut tickets = BTreeMap::new();
        for entry in stores.tickets.iter()? {
            let (key, ticket) = entry?;
            if ticket.thread == script.thread() {
                tickets.insert(ticket.step, key);
            }
        }
        Ok(Self { stores, script, saved: None, tickets })
    }

    /// Makes one step, and tells the ledger: `key` of a generated key before its commit, then `done` or `failed`.
    ///
    /// # Errors
    /// [`Failed`], or what telling failed with.
    pub fn step(&mut self, tell: &impl Fn(&str) -> io::Result<()>) -> Result<(), kvstore_tests::Failure> {
        let (thread, number) = (self.script.thread(), self.script.made());
        let step = self.script.advance();
        match self.run(step, number, tell) {
            Ok(()) => Ok(tell(&format!("done {thread} {number}"))?),
            Err(Refused::Telling(error)) => Err(error.into()),
            Err(Refused::Step(failed)) => {
                tell(&format!("failed {thread} {number} {failed}"))?;
                Err(failed.into())
            }
        }
    }

    fn run(&mut self, step: Step, number: u64, tell: &impl Fn(&str) -> io::Result<()>) -> Result<(), Refused> {
        let thread = self.script.thread();
        let Stores { jobs, .. } = self.stores;
        let key = |job: u8| format!("{thread}/{job}");
        let value = || Job::of(thread, number);
        match step {
            Step::Commit(job) => self.locked(job, number)?.commit()?,
            Step::Save(job) => {
                let mut guard = self.locked(job, number)?;
                guard.save()?;
                self.saved = Some(guard);
            }
            Step::CommitSaved(job) => {
                let mut guard = match self.saved.take() {
                    Some(guard) => guard,
                    // A restart came between the two steps.
                    None => self.locked(job, number)?,
                };
                self.change(&mut guard, number)?;
                guard.commit()?;
            }
            Step::ReleaseSaved => {
                if let Some(mut guard) = self.saved.take() {
                    self.change(&mut guard, number)?;
                    guard.release();
                }
            }
            Step::Insert(job) => jobs.insert(key(job), value())?,
            Step::Forget(job) => self.locked(job, number)?.release(),
            Step::Remove(job) => {
                jobs.remove(key(job))?;
            }
            Step::Delete(job) => {
                if let Some(guard) = jobs.lock(key(job))? {
                    guard.delete()?;
                }
            }
            Step::Create => {
                let guard = self.ticket(number, tell)?;
                let key = *guard.key();
                guard.commit()?;
                self.tickets.insert(number, key);
            }
            Step::Take => {
                if let Some(guard) = self.oldest()? {
                    guard.delete()?;
                    self.tickets.pop_first();
                }
            }
            Step::Batch(job, work) => {
                let guard = self.ticket(number, tell)?;
                let key = *guard.key();
                let mut batch = Batch::new().write(guard).write(self.locked(job, number)?);
                let unit =
                    self.stores.work.lock_or_create((thread, work), Work { id: (thread, work), step: number })?;
                batch = if unit.is_new() { batch.write(unit) } else { batch.delete(unit) };
                if let Some(oldest) = self.oldest()? {
                    batch = batch.delete(oldest);
                }
                batch.commit()?;
                self.tickets.pop_first();
                self.tickets.insert(number, key);
            }
        }
        Ok(())
    }

    /// A job with the value of this step, not written yet.
    fn locked(&self, job: u8, number: u64) -> Result<JobGuard, Failed> {
        let thread = self.script.thread();
        let mut guard = self.stores.jobs.lock_or_create(format!("{thread}/{job}"), Job::of(thread, number))?;
        self.change(&mut guard, number)?;
        Ok(guard)
    }

    /// Gives a job the value of this step, and an element more in its log.
    fn change(&self, guard: &mut JobGuard, number: u64) -> Result<(), Failed> {
        **guard = Job::of(self.script.thread(), number);
        let mut log = guard.elements(Job::LOG);
        log.insert(number, format!("step {number}"))?;
        if log.count()? > LOG as u64
            && let Some((oldest, _)) = log.first()?
        {
            log.remove(oldest)?;
        }
        Ok(())
    }

    fn ticket(&self, step: u64, tell: &impl Fn(&str) -> io::Result<()>) -> Result<Guard<Ticket>, Refused> {
        let thread = self.script.thread();
        let guard = self.stores.tickets.create_next(TicketInit { thread, step })?;
        tell(&format!("key {thread} {step} {}", guard.key())).map_err(Refused::Telling)?;
        Ok(guard)
    }

    fn oldest(&self) -> Result<Option<Guard<Ticket>>, Failed> {
        let Some((_, &key)) = self.tickets.first_key_value() else { return Ok(None) };
        Ok(self.stores.tickets.try_lock_first(key..=key)?)
    }
}

/// Why a step was not made.
enum Refused {
    Step(Failed),
    /// The ledger could not be written.
    Telling(io::Error),
}

impl<E: Into<Failed>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self::Step(error.into())
    }
}
