//! Runs every example as a program of its own, and looks at what it prints.

#![allow(clippy::unwrap_used, reason = "where a helper of a test fails, the test fails")]

use std::fs;
use std::process::Command;

mod programs;

/// Runs an example in an empty directory for temporary files, and answers what it printed.
fn run(name: &str) -> String {
    let temporary = tempfile::tempdir().unwrap();
    let printed = run_in(name, temporary.path());
    let left: Vec<_> = fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{name} left {left:?} behind");
    printed
}

fn run_in(name: &str, temporary: &std::path::Path) -> String {
    let output = Command::new(programs::example(name)).env("TMPDIR", temporary).output().unwrap();
    let (printed, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {}\n{printed}{errors}", output.status);
    printed
}

/// Checks that what was printed has these lines, or lines that begin with these, in this order.
fn assert_lines(printed: &str, expected: &[&str]) {
    let mut lines = printed.lines();
    for line in expected {
        assert!(
            lines.any(|printed| printed.starts_with(line)),
            "no line {line:?}, or not in its place, in:\n{printed}"
        );
    }
}

#[test]
fn quick_start() {
    assert_lines(&run("quick_start"), &["/a of me: 1 attempts", "/b of you", "/c of you", "quick start: done"]);
}

#[test]
fn readme() {
    let temporary = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        // The second time it finds what the first one left.
        assert_lines(&run_in("readme", temporary.path()), &["/a of me: 1 attempts, 3 retries left"]);
    }
}

#[test]
fn derive_reference() {
    run("derive_reference"); // has assertions of its own
}

#[test]
fn bank() {
    let printed = run("bank");
    assert!(printed.contains("each as of one moment: all 1000"), "{printed}");
    assert!(printed.contains("1000 before, 1000 after"), "{printed}");
}

#[test]
fn queue() {
    assert_lines(&run("queue"), &["200 tasks by 2 producers, each run once by one of 3 consumers"]);
}

#[test]
fn settings() {
    let expected = ["ui.dark = Switch(true)", "ui.width = Number(121)", "settings: 3 kept"];
    assert_lines(&run("settings"), &expected);
}

#[test]
fn locks() {
    let printed = run("locks");
    assert_lines(&printed, &["somebody has it: ", "waited ", "job[\"/a\"] by `main` at ", "locks: done"]);
    // Who waited in vain is told who holds the entry, and where that was written.
    let timeout = printed.lines().find(|line| line.starts_with("waited ")).unwrap();
    assert!(timeout.contains("locks.rs:") && timeout.contains(" on thread `main`"), "{timeout}");
}

#[test]
fn async_program() {
    let expected = ["blocking thread: 1 visit", "one task at a time: 3 visits", "refused: ", "async program: done"];
    assert_lines(&run("async_program"), &expected);
}

#[test]
fn commits() {
    assert_lines(&run("commits"), &["not written: ", "not written: ", "commits: done"]);
}

#[test]
fn keys_and_scans() {
    let expected = ["1: Red", "left out: colors[2] can't be decoded", "3: Red", "keys and scans: done"];
    assert_lines(&run("keys_and_scans"), &expected);
}

#[test]
fn elements() {
    assert_lines(&run("elements"), &["the warmest of the last seconds: 21.5 degrees", "elements: done"]);
}

#[test]
fn durability() {
    assert_lines(&run("durability"), &["1 scan is still open", "durability: done"]);
}

#[test]
fn errors() {
    let printed = run("errors");
    assert_lines(
        &printed,
        &[
            "/a is submitted",
            "\"/a\" was submitted before",
            "/a is being worked on, at ",
            "a path has at most 65536 bytes",
            "there is no job /z",
            "the program is running already",
            "field `owner`",
        ],
    );
    let expected = [
        "the database must be reopened to see whether this was written: the storage engine failed to write: the write was told",
        "end the work, and open the database again",
    ];
    assert!(printed.contains("a file belongs to something else"), "{printed}");
    assert_lines(&printed, &expected);
}
