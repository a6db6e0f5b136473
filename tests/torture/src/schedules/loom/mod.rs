//! Every interleaving of two or three threads that use a database at the same time, by loom: of the lock table in
//! `models`, of the read cache in `reads`, of queues in `queues`.

#[path = "../actor.rs"]
mod actor;
mod models;
mod queues;
mod reads;

use std::process::{Command, Stdio, exit};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ::loom::model::Builder;
use ::loom::thread;
use kvstore_loom as kvstore;
use kvstore_tests::TestResult;

use self::actor::Actor;
use self::models::{LOCKS, Model, PLANTED};
use self::queues::QUEUES;
use self::reads::READS;
use crate::trial::{Context, Report, Trial};

/// All interleavings of small programs, but for those with many preemptions.
pub const TRIAL: Trial = Trial {
    name: "loom",
    promise: "Two threads never hold one entry. Waiters are served first come, first served; none is forgotten, and who \
              gives up leaves nothing behind. Calls that lock several entries never wait for each other. No read sees less \
              than another has seen before it. No search of a queue's head passes an entry, or finds \
              none while one is free.",
    method: "kvstore, compiled on loom's threads, plays small programs of 2 or 3 threads that lock, wait until deadlines, \
             commit, batch, delete and close, and that read meanwhile, through the read cache and past it, and that look for the first \
             entry of a store or range beside others that write and remove; loom goes through \
             all interleavings of 2 threads, and of 3 through all with at most so many preemptions, each of which stops a \
             thread that could go on",
    unit: "preemptions",
    short: 2,
    long: 5,
    run,
};

/// The child that explores one program.
pub const TASK: &str = "loom";

/// More operations than any interleaving has: loom refuses one that goes on for ever.
const MAX_BRANCHES: usize = 10_000;

/// Interleavings begun in this process.
static BEGUN: AtomicU64 = AtomicU64::new(0);

fn run(context: &Context) -> TestResult<Report> {
    let mut report = Report::default();
    let (two, more): (Vec<_>, Vec<_>) = all_models().partition(|model| model.threads == 2);
    let of_two = explore_all(context, &two, None)?.unwrap_or_default();
    let mut of_more = 0;
    while context.goes_on(report.rounds) {
        // The interleavings of earlier rounds are among those of the next.
        match explore_all(context, &more, Some(report.rounds + 1))? {
            Some(interleavings) => of_more = interleavings,
            None => break,
        }
        report.rounds += 1;
    }
    Ok(report
        .with(of_two, format_args!("interleavings of {} programs with 2 threads", two.len()))
        .with(of_more, format_args!("interleavings of {} programs with 3 threads", more.len())))
}

fn all_models() -> impl Iterator<Item = &'static Model> {
    LOCKS.iter().chain(READS).chain(QUEUES)
}

/// Explores several programs, each in a child; `None` where the time was over before they were through.
fn explore_all(context: &Context, models: &[&Model], preemptions: Option<u64>) -> TestResult<Option<u64>> {
    let mut interleavings = 0;
    for model in models {
        let preemptions = preemptions.map_or_else(|| "any".to_owned(), |bound| bound.to_string());
        match explored(context, &mut context.child(TASK, [model.name, &preemptions]))? {
            Some(count) => interleavings += count,
            None => return Ok(None),
        }
    }
    Ok(Some(interleavings))
}

/// Runs a child to its end, and answers how many interleavings there are; `None` where the time is over before.
fn explored(context: &Context, command: &mut Command) -> TestResult<Option<u64>> {
    let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
    while child.try_wait()?.is_none() {
        if !context.goes_on(0) {
            child.kill()?;
            child.wait()?;
            return Ok(None);
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    let text = String::from_utf8(child.wait_with_output()?.stdout)?;
    text.trim().parse().map(Some).map_err(|_| text.into())
}

/// Explores a program, by its name, with at most so many preemptions or `any` number of them. Prints how many interleavings
/// there are, or what is wrong with one and ends the process.
///
/// # Errors
/// Where the arguments are wrong.
pub fn child(arguments: &[String]) -> TestResult {
    let [name, preemptions] = arguments else { return Err("expected the name of a program and preemptions".into()) };
    let model = all_models().chain(PLANTED).find(|model| model.name == name).ok_or("there is no such program")?;
    let place = format!("`torture child {TASK} \"{name}\" {preemptions}`");
    // What unwinds in a model gives back locks, for which it might wait without an end.
    std::panic::set_hook(Box::new(move |panic| {
        let what = panic.payload_as_str().unwrap_or("a panic");
        println!("{place}, interleaving {}: {what}", BEGUN.load(Ordering::Relaxed));
        exit(1);
    }));
    let mut builder = Builder::new();
    builder.preemption_bound = if preemptions == "any" { None } else { Some(preemptions.parse()?) };
    builder.max_branches = MAX_BRANCHES;
    builder.check(|| {
        BEGUN.fetch_add(1, Ordering::Relaxed);
        let wrong = play(model);
        assert!(wrong.is_none(), "{}", wrong.unwrap_or_default());
    });
    println!("{}", BEGUN.load(Ordering::Relaxed));
    Ok(())
}

/// Plays one interleaving, and tells what is wrong with it.
fn play(model: &Model) -> Option<String> {
    match Actor::main(model.lock_timeout, model.read_cache_bytes) {
        Ok(main) => {
            (model.play)(&main);
            main.check();
            main.seen.wrong()
        }
        Err(error) => Some(error.to_string()),
    }
}
