//! What kvstore promises, and how it is held to it.
//!
//! A [`Trial`](trial::Trial) attacks one promise for as many rounds as it is told, with an oracle outside the code under
//! test. `cargo test` runs each trial for a few rounds, and the program `torture` (`make torture`) for many: it prints
//! the table of the book's chapter "What you can rely on". A trial that finds a violation answers an error with the seed
//! that finds it again.

pub mod bank;
pub mod damage;
pub mod faults;
pub mod full_disk;
pub mod fuzz;
pub mod histories;
pub mod interrupted;
pub mod kills;
pub mod model;
pub mod openers;
pub mod power;
pub mod process;
pub mod schedules;
pub mod shim;
pub mod trial;
pub mod workload;

/// All trials, in the order of the table.
pub const TRIALS: &[&trial::Trial] = &[
    &kills::TRIAL,
    &interrupted::TRIAL,
    &openers::TRIAL,
    &power::SYNC,
    &power::BUFFERED,
    &faults::TRIAL,
    &full_disk::TRIAL,
    &damage::TRIAL,
    &model::MEMORY,
    &model::DISK,
    &schedules::LOOM,
    &schedules::SHUTTLE,
    &bank::TRIAL,
    &histories::TRIAL,
    &fuzz::KEYS,
    &fuzz::RECORDS,
    &fuzz::CATALOG,
    &fuzz::DERIVE,
    &fuzz::FILES,
];

/// What the program `torture` does as a child of a trial: the code that is killed, cut off from power, or lied to.
///
/// # Errors
/// Those of the task; for one that nobody knows, its name.
pub fn child(task: &str, arguments: &[String]) -> kvstore_tests::TestResult {
    match task {
        faults::TASK => faults::child(arguments),
        full_disk::TASK => full_disk::child(arguments),
        fuzz::TASK => fuzz::child(arguments),
        interrupted::TASK => interrupted::child(arguments),
        openers::TASK => openers::child(arguments),
        schedules::loom::TASK => schedules::loom::child(arguments),
        power::session::TASK => power::session::child(arguments),
        workload::TASK => workload::child(arguments),
        _ => damage::child(task, arguments).unwrap_or_else(|| Err(format!("no trial has a child for `{task}`").into())),
    }
}
