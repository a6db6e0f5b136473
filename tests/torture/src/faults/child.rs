//! The child: everything that a program does with a database, until a call fails, and then what it must find.
//!
//! It tells what it does, in lines: those of the ledger, and `begin`, `did` and `error` with the name of an action.

use std::io::{self, Write as _};

use kvstore::{Batch, CommitError, Database, Error, Guard, Outcome};
use kvstore_tests::TestResult;

use super::case::Scenario;
use super::plan::{After, Before};
use super::plan::{AfterInit, BeforeInit, ENTRIES, LATER, PASSING, Plan};
use crate::workload::{self, Failed, Script, Stores, Work, Worker};

/// The name of the task, see [`Context::child`](crate::trial::Context::child).
pub const TASK: &str = "faults";

/// What a program does with a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    Open,
    /// Opens the stores of the workload, and makes their namespaces the first time.
    Stores,
    /// Goes on with the script until so many steps are made.
    Steps(u64),
    /// Makes two more namespaces.
    Make,
    /// Drops one of them, and makes another.
    Drop,
    /// Writes to the other one with a schema that has grown.
    Grow,
    Sync,
    Checkpoint,
    Close,
}

/// A script of 500 steps, in two sessions.
const LIFE: &[Action] = &[
    Action::Open,
    Action::Stores,
    Action::Steps(100),
    Action::Make,
    Action::Steps(180),
    Action::Sync,
    Action::Checkpoint,
    Action::Steps(260),
    Action::Close,
    Action::Open,
    Action::Stores,
    Action::Drop,
    Action::Grow,
    Action::Steps(420),
    Action::Sync,
    Action::Steps(500),
    Action::Close,
];

const RECOVERY: &[Action] = &[Action::Open, Action::Stores, Action::Close];

impl Action {
    fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Stores => "stores",
            Self::Steps(_) => "steps",
            Self::Make => "make",
            Self::Drop => "drop",
            Self::Grow => "grow",
            Self::Sync => "sync",
            Self::Checkpoint => "checkpoint",
            Self::Close => "close",
        }
    }
}

/// Runs a plan.
///
/// # Errors
/// A violation.
pub fn child(arguments: &[String]) -> TestResult {
    let plan = Plan::parse(arguments)?;
    live(&plan, &|line| io::stdout().write_all(format!("{line}\n").as_bytes()))
}

/// Does all that a plan says, and tells it.
///
/// # Errors
/// A violation, or what telling failed with.
pub(super) fn live(plan: &Plan, tell: &dyn Fn(&str) -> io::Result<()>) -> TestResult {
    let actions = match plan.scenario {
        Scenario::Life { .. } => LIFE,
        Scenario::Recovery => RECOVERY,
    };
    Life { plan, tell, db: None, opened: None, made: 0, had_fired: false, has_failed: false }.run(actions)
}

struct Life<'a> {
    plan: &'a Plan,
    tell: &'a dyn Fn(&str) -> io::Result<()>,
    db: Option<Database>,
    opened: Option<Opened>,
    /// Steps that were acknowledged.
    made: u64,
    /// Whether the fault had happened before the action or the step began.
    had_fired: bool,
    /// Whether the database refuses writes.
    has_failed: bool,
}

/// The stores, and a guard that is held all the time, so that it can be tried to commit it when writes are refused.
struct Opened {
    stores: Stores,
    held: Guard<Work>,
}

impl Opened {
    fn new(db: &Database) -> kvstore::Result<Self> {
        let stores = Stores::open(db)?;
        let held = stores.work.lock_or_create((u8::MAX, 0), Work { id: (u8::MAX, 0), step: 0 })?;
        Ok(Self { stores, held })
    }
}

/// What becomes of the rest after a failed action.
#[derive(Debug, PartialEq, Eq)]
enum Then {
    GoOn,
    End,
}

impl Life<'_> {
    fn run(mut self, actions: &[Action]) -> TestResult {
        for &action in actions {
            self.say(&format!("begin {}", action.name()))?;
            if let Err(failed) = self.act(action)?
                && self.after_failure(action, &failed)? == Then::End
            {
                break;
            }
        }
        self.end()
    }

    fn say(&self, line: &str) -> TestResult {
        Ok((self.tell)(line)?)
    }

    /// Does something, and tells it when it is done.
    fn act(&mut self, action: Action) -> TestResult<Result<(), Failed>> {
        self.had_fired = self.plan.fired.exists();
        let done = match action {
            Action::Steps(count) => self.steps(count)?,
            Action::Open => self.open().map_err(Failed::from),
            Action::Stores => self.stores().map_err(Failed::from),
            Action::Make => self.make(),
            Action::Drop => self.drop_and_make().map_err(Failed::from),
            Action::Grow => self.grow().map_err(Failed::from),
            Action::Sync => self.db().and_then(Database::sync).map_err(Failed::from),
            Action::Checkpoint => self.db().and_then(|db| db.checkpoint(&self.plan.copy)).map_err(Failed::from),
            Action::Close => self.close().map_err(Failed::from),
        };
        if done.is_ok() {
            self.say(&format!("did {}", action.name()))?;
        }
        Ok(done)
    }

    fn db(&self) -> kvstore::Result<&Database> {
        self.db.as_ref().ok_or(Error::Closed)
    }

    fn opened(&self) -> kvstore::Result<&Opened> {
        self.opened.as_ref().ok_or(Error::Closed)
    }

    fn open(&mut self) -> kvstore::Result<()> {
        self.db = Some(self.plan.builder().open(&self.plan.directory)?);
        Ok(())
    }

    fn stores(&mut self) -> kvstore::Result<()> {
        self.opened = Some(Opened::new(self.db()?)?);
        Ok(())
    }

    fn steps(&mut self, count: u64) -> TestResult<Result<(), Failed>> {
        let Life { plan, tell, opened, made, had_fired, .. } = self;
        let Some(Opened { stores, .. }) = opened else { return Err("the stores are not open".into()) };
        let mut worker = match Worker::new(stores, Script::after(plan.seed, 0, *made)) {
            Ok(worker) => worker,
            Err(error) => return Ok(Err(error.into())),
        };
        while *made < count {
            *had_fired = plan.fired.exists();
            match worker.step(&|line: &str| tell(&line.replace('\n', " "))) {
                Ok(()) => *made += 1,
                Err(error) => return Ok(Err(*error.downcast::<Failed>()?)),
            }
        }
        Ok(Ok(()))
    }

    fn make(&self) -> Result<(), Failed> {
        let db = self.db()?;
        let passing = db.map::<u64, u64>(PASSING)?;
        let mut batch = Batch::new();
        for key in 0..ENTRIES {
            batch = batch.write(passing.lock_or_create(key, key)?);
        }
        batch.commit()?;
        db.store::<Before>()?.insert(1, BeforeInit { name: "before".into() })?;
        Ok(())
    }

    fn drop_and_make(&self) -> kvstore::Result<()> {
        let db = self.db()?;
        // A second try may find that the first has dropped it.
        db.drop_namespace(PASSING)?;
        let later = db.map::<u64, u64>(LATER)?;
        later.put(later.iter()?.count() as u64, 7)
    }

    fn grow(&self) -> kvstore::Result<()> {
        self.db()?.store::<After>()?.insert(2, AfterInit { name: "after".into() })
    }

    fn close(&mut self) -> kvstore::Result<()> {
        if let Some(Opened { held, .. }) = self.opened.take() {
            held.release();
        }
        self.db.take().map_or(Ok(()), Database::close)
    }

    /// Checks how an action failed, and what the database makes of it; tries the action again where it may.
    fn after_failure(&mut self, action: Action, failed: &Failed) -> TestResult<Then> {
        // What a failed `close` leaves is for the parent to see.
        if self.meet(action, failed)? == Then::End || action == Action::Close {
            return Ok(Then::End);
        }
        let Err(again) = self.act(action)? else { return Ok(Then::GoOn) };
        if self.meet(action, &again)? == Then::End {
            return Ok(Then::End);
        }
        match action {
            Action::Open | Action::Stores | Action::Steps(_) if self.plan.persists => Ok(Then::End),
            Action::Open | Action::Stores | Action::Steps(_) => {
                Err(format!("the fault is gone, and `{}` fails again: {again}", action.name()).into())
            }
            // What runs in the background may have failed for good, which the next commit finds out.
            _ => Ok(Then::GoOn),
        }
    }

    /// Checks a failure, and whether the database refuses all that it must.
    fn meet(&mut self, action: Action, failed: &Failed) -> TestResult<Then> {
        self.complain(action, failed)?;
        if !self.refuses(failed)? {
            return Ok(Then::GoOn);
        }
        self.check_refusal(failed)?;
        Ok(Then::End)
    }

    /// Tells of a failure, and checks that its error names what was tried, and the cause.
    fn complain(&self, action: Action, failed: &Failed) -> TestResult {
        let (name, when) = (action.name(), if self.had_fired { "later" } else { "at once" });
        let text = failed.to_string().replace('\n', " ");
        self.say(&format!("error {name} {when} {text}"))?;
        // `Failed` comes first where a write of the sweeper met the fault.
        let is_typed = failed.is_typed();
        // What RocksDB says where `CURRENT` could not be opened once, and then could.
        let is_swallowed = action == Action::Open && text.contains("Direct I/O is not supported");
        if !is_typed || !(is_swallowed || text.contains(&self.plan.cause())) {
            return Err(format!("`{name}` fails with what does not say why: {:?}", failed.error).into());
        }
        Ok(())
    }

    /// Whether the database refuses writes from now on, as it must if the outcome is unknown.
    fn refuses(&mut self, failed: &Failed) -> TestResult<bool> {
        let Some(db) = &self.db else { return Ok(false) };
        if self.opened.is_none() {
            match Opened::new(db) {
                Ok(opened) => self.opened = Some(opened),
                Err(Error::Failed { .. }) => return Ok(true),
                Err(_) => return Ok(false),
            }
        }
        let refuses = matches!(self.opened()?.stores.jobs.lock("of nobody"), Err(Error::Failed { .. }));
        if !refuses && failed.outcome == Outcome::Unknown {
            return Err(format!("writes go on after an unknown outcome: {failed}").into());
        }
        Ok(refuses)
    }

    /// Checks that everything that writes is refused, and that reads go on and find what was acknowledged.
    fn check_refusal(&mut self, failed: &Failed) -> TestResult {
        self.has_failed = true;
        let opened = self.opened.take();
        let db = self.db()?;
        let cause = self.plan.cause();
        let refused = |what: &str, result: kvstore::Result<()>| match result {
            Err(Error::Failed { reason }) if reason.contains(&cause) => Ok(()),
            other => Err(format!("the database has failed, and {what} answers {other:?}")),
        };
        refused("a new namespace", db.map::<u64, u64>("of nobody").map(drop))?;
        refused("`sync`", db.sync())?;
        let Some(Opened { stores, held }) = opened else { return Ok(()) };
        refused("`insert`", stores.jobs.insert("0/0", workload::Job::of(0, 0)))?;
        refused("`remove`", stores.jobs.remove("0/0").map(drop))?;
        refused("`create_next`", stores.tickets.create_next(workload::TicketInit { thread: 0, step: 0 }).map(drop))?;
        let Err(commit) = held.try_commit() else {
            return Err("the database has failed, and a guard is committed".into());
        };
        if commit.outcome() != Outcome::NotApplied {
            return Err("a commit that was refused is of unknown outcome".into());
        }
        refused("`commit`", Err(release(commit)))?;

        let unknown = u64::from(failed.outcome == Outcome::Unknown);
        match workload::read(db, 1) {
            Ok(contents) => {
                let [state] = &contents.states[..] else { return Err("one thread was to be read".into()) };
                match state.explained_by(self.plan.seed, 0, self.made..=self.made + unknown) {
                    Some(_) => Ok(()),
                    None => Err(format!("{} steps are acknowledged, and {state:?} is read", self.made).into()),
                }
            }
            // Of the engine's files some may have been opened for the first time.
            Err(_) if self.plan.persists && self.plan.of_open => Ok(()),
            Err(error) => Err(format!("reads don't go on: {error}").into()),
        }
    }

    /// Closes what is open, which must not seem to succeed where the database has failed.
    fn end(&mut self) -> TestResult {
        if self.db.is_some() {
            self.say("begin close")?;
            match self.close() {
                Ok(()) if self.has_failed => return Err("a database that has failed closes as if nothing were".into()),
                Ok(()) => self.say("did close")?,
                Err(error) => {
                    let text = Failed::from(error).to_string().replace('\n', " ");
                    self.say(&format!("error close later {text}"))?;
                    if !text.contains(&self.plan.cause()) {
                        return Err(format!("`close` does not say why it fails: {text}").into());
                    }
                }
            }
        }
        self.say("end")
    }
}

fn release(failed: CommitError<Guard<Work>>) -> Error {
    let (error, guard) = failed.into_parts();
    guard.release();
    error
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::shim::{Call, Fault, How};

    fn life(root: &Path, run: impl FnOnce(Life<'_>)) {
        let scenario = Scenario::Life { sync: false };
        let fault = Fault { call: Call::Write, nth: 1, errno: 5, how: How::Once };
        let plan = Plan::new(root, &root.join("fired"), 1, scenario, Some(&fault));
        let db = Some(plan.builder().open(&plan.directory).unwrap());
        let mut life =
            Life { plan: &plan, tell: &|_| Ok(()), db, opened: None, made: 0, had_fired: false, has_failed: false };
        life.stores().unwrap();
        run(life);
    }

    fn failed(source: &str, outcome: Outcome) -> Failed {
        Failed { error: Error::Engine { action: "write", source: source.into() }, outcome }
    }

    #[test]
    fn an_error_without_its_cause_is_found() {
        let root = tempfile::tempdir().unwrap();
        life(root.path(), |life| {
            let complain = |failed| life.complain(Action::Sync, &failed).is_ok();
            assert!(complain(failed("IO error: data/7.log: Input/output error", Outcome::Unknown)));
            assert!(!complain(failed("IO error: Writer has previous error", Outcome::Unknown)));
            assert!(!complain(Error::Closed.into()));
        });
    }

    #[test]
    fn writes_that_go_on_and_reads_that_do_not_fit_are_found() {
        let root = tempfile::tempdir().unwrap();
        life(root.path(), |mut life| {
            assert!(life.refuses(&failed("no", Outcome::Unknown)).unwrap_err().to_string().contains("writes go on"));
            assert!(!life.refuses(&failed("no", Outcome::NotApplied)).unwrap());
            let found = life.check_refusal(&failed("no", Outcome::Unknown)).unwrap_err().to_string();
            assert!(found.contains("a new namespace answers Ok"), "{found}");
            life.has_failed = true;
            assert!(life.end().unwrap_err().to_string().contains("closes as if"));
        });
    }
}
