//! Every trial for a few rounds. `KVSTORE_ROUNDS` and `KVSTORE_SEED` make it more or other rounds.

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
