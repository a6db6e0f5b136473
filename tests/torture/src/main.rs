//! Runs the trials for long, and prints what they found as a table.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use clap::{Parser, Subcommand};
use kvstore_tests::TestResult;
use kvstore_torture::TRIALS;
use kvstore_torture::trial::{Context, Report, Trial, grouped};

/// Attacks what kvstore promises, and prints a table of what was found.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Task>,
    /// Share out so many minutes among the trials, instead of making their full number of rounds.
    #[arg(long)]
    minutes: Option<u64>,
    /// Only these trials, by name.
    #[arg(long, value_delimiter = ' ')]
    only: Vec<String>,
    /// So many rounds of each trial.
    #[arg(long, conflicts_with = "minutes")]
    rounds: Option<u64>,
    /// Where the randomness begins; otherwise somewhere else each time.
    #[arg(long)]
    seed: Option<u64>,
    /// Trials at a time.
    #[arg(long, default_value_t = 1)]
    jobs: usize,
}

#[derive(Subcommand)]
enum Task {
    /// Part of a trial that is a process of its own.
    #[command(hide = true)]
    Child { task: String, arguments: Vec<String> },
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let result = match &arguments.command {
        Some(Task::Child { task, arguments }) => kvstore_torture::child(task, arguments).map(|()| true),
        None => torture(&arguments),
    };
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("torture: {error}");
            ExitCode::FAILURE
        }
    }
}

/// What became of one trial.
struct Outcome {
    trial: &'static Trial,
    result: Result<Report, String>,
    took: Duration,
}

/// Runs the trials; tells whether all promises held.
fn torture(arguments: &Arguments) -> TestResult<bool> {
    let trials = chosen(&arguments.only)?;
    let program = std::env::current_exe()?;
    let seed = arguments.seed.unwrap_or_else(|| fastrand::u64(..));
    println!("{} trials from seed {seed}", trials.len());
    let jobs = arguments.jobs.clamp(1, trials.len().max(1));
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                while let Some(trial) = trials.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let context = context(trial, arguments, trials.len(), jobs, program.clone(), seed);
                    let outcome = run(trial, &context);
                    outcomes.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(outcome);
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    outcomes.sort_by_key(|outcome| trials.iter().position(|trial| trial.name == outcome.trial.name));
    println!("\n{}", table(&outcomes));
    Ok(outcomes.iter().all(|outcome| outcome.result.is_ok()))
}

fn chosen(only: &[String]) -> TestResult<Vec<&'static Trial>> {
    let names: Vec<_> = TRIALS.iter().map(|trial| trial.name).collect();
    if let Some(unknown) = only.iter().find(|name| !names.contains(&name.as_str())) {
        return Err(format!("there is no trial `{unknown}`; there are: {}", names.join(", ")).into());
    }
    Ok(TRIALS.iter().copied().filter(|trial| only.is_empty() || only.iter().any(|name| name == trial.name)).collect())
}

/// How much a trial does: its rounds, or an equal share of the time.
fn context(trial: &Trial, arguments: &Arguments, trials: usize, jobs: usize, program: PathBuf, seed: u64) -> Context {
    match arguments.minutes {
        Some(minutes) => {
            let seconds = minutes.saturating_mul(60).saturating_mul(jobs as u64) / trials.max(1) as u64;
            Context::until(program, Instant::now() + Duration::from_secs(seconds), seed)
        }
        None => Context::new(program, arguments.rounds.unwrap_or(trial.long), seed),
    }
}

fn run(trial: &'static Trial, context: &Context) -> Outcome {
    eprintln!("{}: begins", trial.name);
    let began = Instant::now();
    let result = (trial.run)(context).map_err(|violation| violation.to_string());
    let took = began.elapsed();
    match &result {
        Ok(report) => eprintln!("{}: {report}; {} s", trial.name, took.as_secs()),
        Err(violation) => eprintln!("{}: VIOLATION after {} s: {violation}", trial.name, took.as_secs()),
    }
    Outcome { trial, result, took }
}

/// A table in Markdown.
fn table(outcomes: &[Outcome]) -> String {
    let head = ["| Promise | How it is attacked | Rounds | Seen | Violations |", "|---|---|---|---|---|"];
    head.into_iter().map(str::to_owned).chain(outcomes.iter().map(row)).collect::<Vec<_>>().join("\n")
}

fn row(outcome: &Outcome) -> String {
    let Outcome { trial, result, took } = outcome;
    let (rounds, seen, violations) = match result {
        Ok(report) => (format!("{} {}", grouped(report.rounds), trial.unit), report.figures.join("; "), "0".to_owned()),
        Err(violation) => (String::new(), String::new(), violation.replace(['|', '\n'], " ")),
    };
    let Trial { promise, method, name, .. } = trial;
    format!("| {promise} | {method} (`{name}`) | {rounds} in {} s | {seen} | {violations} |", took.as_secs())
}
