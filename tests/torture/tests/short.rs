//! Every trial for a few rounds. `KVSTORE_ROUNDS` and `KVSTORE_SEED` make it more or other rounds.

use std::process::Command;

use kvstore_tests::TestResult;

/// The program whose children the trials are.
const PROGRAM: &str = env!("CARGO_BIN_EXE_torture");

#[test]
fn kills() -> TestResult {
    kvstore_torture::kills::TRIAL.run_short(PROGRAM)
}

#[test]
fn interrupted() -> TestResult {
    kvstore_torture::interrupted::TRIAL.run_short(PROGRAM)
}

#[test]
fn openers() -> TestResult {
    kvstore_torture::openers::TRIAL.run_short(PROGRAM)
}

#[test]
fn power_sync() -> TestResult {
    kvstore_torture::power::SYNC.run_short(PROGRAM)
}

#[test]
fn power_buffered() -> TestResult {
    kvstore_torture::power::BUFFERED.run_short(PROGRAM)
}

#[test]
fn damage() -> TestResult {
    kvstore_torture::damage::TRIAL.run_short(PROGRAM)
}

#[test]
fn model_in_memory() -> TestResult {
    kvstore_torture::model::MEMORY.run_short(PROGRAM)
}

#[test]
fn model_on_disk() -> TestResult {
    kvstore_torture::model::DISK.run_short(PROGRAM)
}

#[test]
fn loom() -> TestResult {
    kvstore_torture::schedules::LOOM.run_short(PROGRAM)
}

#[test]
fn loom_finds_a_deadlock() -> TestResult {
    let program = ["child", "loom", "one by one in opposite orders", "any"];
    let output = Command::new(PROGRAM).args(program).output()?;
    let text = String::from_utf8(output.stdout)?;
    assert!(!output.status.success() && text.contains("interleaving") && text.contains("deadlock"), "{text}");
    Ok(())
}

#[test]
fn shuttle() -> TestResult {
    kvstore_torture::schedules::SHUTTLE.run_short(PROGRAM)
}

#[test]
fn bank() -> TestResult {
    kvstore_torture::bank::TRIAL.run_short(PROGRAM)
}

#[test]
fn histories() -> TestResult {
    kvstore_torture::histories::TRIAL.run_short(PROGRAM)
}

#[test]
fn fuzz_keys() -> TestResult {
    kvstore_torture::fuzz::KEYS.run_short(PROGRAM)
}

#[test]
fn fuzz_records() -> TestResult {
    kvstore_torture::fuzz::RECORDS.run_short(PROGRAM)
}

#[test]
fn fuzz_catalog() -> TestResult {
    kvstore_torture::fuzz::CATALOG.run_short(PROGRAM)
}

#[test]
fn fuzz_derive() -> TestResult {
    kvstore_torture::fuzz::DERIVE.run_short(PROGRAM)
}

#[test]
fn fuzz_files() -> TestResult {
    kvstore_torture::fuzz::FILES.run_short(PROGRAM)
}

#[test]
fn faults() -> TestResult {
    kvstore_torture::faults::TRIAL.run_short(PROGRAM)
}

#[test]
fn full_disk() -> TestResult {
    kvstore_torture::full_disk::TRIAL.run_short(PROGRAM)
}
