//! What the tests of this package share: how long they run, where their randomness comes from, and how they report.
//!
//! Each test has a short form, which `make test` runs, and a long one: its count is then given in the environment, as
//! `make torture` does.

pub mod random;
pub mod report;

/// How often a test does what it does: the number in the environment variable `KVSTORE_TORTURE_<name>`, or else `short`.
#[must_use]
pub fn count(name: &str, short: usize) -> usize {
    let given = std::env::var(format!("KVSTORE_TORTURE_{name}")).ok();
    given.and_then(|number| number.parse().ok()).unwrap_or(short)
}
