//! kvstore against raw RocksDB and other embedded stores.

#![allow(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "counts and times as floats"
)]

mod big_entries;
mod chart;
mod compare;
mod compile_time;
mod growth;
mod locks;
mod peers;
mod report;
mod sync;

use clap::Parser;

/// What everything here returns; it goes from thread to thread.
type Result<T, E = Box<dyn std::error::Error + Send + Sync>> = std::result::Result<T, E>;

/// kvstore against raw RocksDB and other stores.
#[derive(Debug, Parser)]
enum Command {
    BigEntries(big_entries::Args),
    Compare(compare::Args),
    CompileTime(compile_time::Args),
    Locks(locks::Args),
    Sync(sync::Args),
    Growth(growth::Args),
    /// One step of `growth`, which starts a process for each.
    #[command(hide = true)]
    GrowthStep(growth::StepArgs),
}

fn main() -> Result<()> {
    match Command::parse() {
        Command::BigEntries(args) => big_entries::run(&args),
        Command::Compare(args) => compare::run(&args),
        Command::CompileTime(args) => compile_time::run(&args),
        Command::Locks(args) => locks::run(&args),
        Command::Sync(args) => sync::run(&args),
        Command::Growth(args) => growth::run(&args),
        Command::GrowthStep(args) => growth::run_step(&args),
    }
}
