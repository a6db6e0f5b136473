//! What the tests of `kvstore` share: both engines for every test, and ways to see what threads and logs do.

pub mod fork;

use std::fmt::{self, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use kvstore::{Database, DatabaseBuilder};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Dispatch, Event, Level, Metadata, Subscriber};

/// Why a test failed. `Send`, so that threads can answer it.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;

/// What a test answers.
pub type TestResult<T = ()> = Result<T, Failure>;

/// Runs a test on a new database of each engine.
///
/// # Errors
/// Those of the test.
pub fn on_both(test: impl Fn(&Database) -> TestResult) -> TestResult {
    on_both_built(&Database::builder(), test)
}

/// As [`on_both`], with other settings.
///
/// # Errors
/// Those of the test.
pub fn on_both_built(builder: &DatabaseBuilder, test: impl Fn(&Database) -> TestResult) -> TestResult {
    println!("the engine in memory:");
    test(&builder.clone().in_memory()?)?;
    println!("the engine on disk:");
    let directory = tempfile::tempdir()?;
    test(&builder.clone().cache_bytes(8 << 20).open(directory.path())?)
}

/// Far beyond what any test takes: where it passes, something hangs.
pub const FAR: Duration = Duration::from_mins(5);

/// Looks again and again until something holds.
///
/// # Errors
/// When it does not in [`FAR`].
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) -> TestResult {
    let began = Instant::now();
    while !holds() {
        if began.elapsed() > FAR {
            return Err(format!("waited in vain until {what}").into());
        }
        std::thread::yield_now();
    }
    Ok(())
}

/// Waits until so many threads wait for locks.
///
/// # Errors
/// When they don't in [`FAR`].
pub fn wait_for_waiters(db: &Database, count: usize) -> TestResult {
    wait_until("threads wait for locks", || db.locks().iter().map(kvstore::HeldLock::waiters).sum::<usize>() >= count)
}

/// Runs `call`, and returns the warnings and errors that this thread logged meanwhile, each on one line.
pub fn warnings_of<R>(call: impl FnOnce() -> R) -> (R, Vec<String>) {
    logged_by(Level::WARN, call)
}

/// Runs `call`, and returns all that this thread logged at this level or above it meanwhile, each on one line.
pub fn logged_by<R>(level: Level, call: impl FnOnce() -> R) -> (R, Vec<String>) {
    // As long as there is one subscriber alone, `tracing` asks the one of the thread that meets a line first. Other threads
    // have none, and the line would then be off for this thread, too.
    static SECOND: OnceLock<Dispatch> = OnceLock::new();
    let lines = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&lines);
    let log = Log(level, move |line| kept.lock().unwrap_or_else(PoisonError::into_inner).push(line));
    SECOND.get_or_init(|| Dispatch::new(Log(Level::ERROR, |_| {})));
    let result = tracing::subscriber::with_default(log, call);
    let lines = std::mem::take(&mut *lines.lock().unwrap_or_else(PoisonError::into_inner));
    (result, lines)
}

/// Writes the warnings and errors of all threads to the standard output from now on, each on a line behind `warning: `.
///
/// # Errors
/// Where that was asked for before.
pub fn print_warnings() -> TestResult {
    // In one piece, so that the lines of two threads don't mix.
    let log = Log(Level::WARN, |line: String| println!("warning: {}", line.replace('\n', " ")));
    Ok(tracing::subscriber::set_global_default(log)?)
}

/// Hands on what is logged at a level or above it.
struct Log<F>(Level, F);

struct Line(String);

impl Visit for Line {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        // Writing to a String does not fail.
        let _ = write!(self.0, "{field}={value:?} ");
    }
}

impl<F: Fn(String) + 'static> Subscriber for Log<F>
where
    Self: Send + Sync,
{
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() <= self.0
    }

    fn new_span(&self, _span: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _span: &Id, _values: &Record<'_>) {}

    fn record_follows_from(&self, _span: &Id, _follows: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let mut line = Line(String::new());
        event.record(&mut line);
        (self.1)(line.0);
    }

    fn enter(&self, _span: &Id) {}

    fn exit(&self, _span: &Id) {}
}

/// The variable that tells a test that it is run as a child process, and for what.
const TASK: &str = "KVSTORE_TESTS_TASK";

/// What the test that runs now is to do as a child process; `None` where it is run as a test.
pub fn task() -> Option<String> {
    std::env::var(TASK).ok()
}

/// Runs one test of this very program in a process of its own, with a [`task`].
///
/// # Errors
/// Where it can't be started.
pub fn child(test: &str, task: &str) -> TestResult<Child> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([test, "--exact", "--nocapture"]).env(TASK, task);
    Ok(command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
}
