//! Other processes: this test program again, in the part of a child.

use std::env;
use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, Stdio};

use super::*;
use crate::error::Outcome;

const PART: &str = "KVSTORE_TEST_PART";
const PATH: &str = "KVSTORE_TEST_PATH";

struct Process {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Process {
    /// Starts a child; `shell` is what a shell does before it becomes the child.
    fn start(part: &str, path: &Path, shell: &str) -> Self {
        let mut child = Command::new("sh")
            .args(["-c", &format!("{shell} exec \"$0\" --exact engine::rocks::tests::processes::child --nocapture")])
            .arg(env::current_exe().unwrap())
            .env(PART, part)
            .env(PATH, path)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, lines }
    }

    /// The next line that the child said, beside those of the test runner.
    fn next(&mut self) -> Option<String> {
        self.lines.by_ref().map_while(Result::ok).find_map(|line| Some(line.strip_prefix("child: ")?.to_owned()))
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn say(text: &str) {
    println!("\nchild: {text}");
}

/// Does nothing unless started by one of the tests below.
#[test]
fn child() {
    let (Ok(part), Ok(path)) = (env::var(PART), env::var(PATH)) else { return };
    if part == "lock" {
        // As a program that opens the directory with RocksDB alone.
        let lock = fs::File::options().write(true).open(Path::new(&path).join("LOCK")).unwrap();
        rustix::fs::fcntl_lock(&lock, rustix::fs::FlockOperation::LockExclusive).unwrap();
        say("locked");
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    if part == "without threads" {
        return say(&format!("{:?}", open(Path::new(&path), &buffered()).map(drop)));
    }
    let (rocks, _) = open(Path::new(&path), &buffered()).unwrap();
    match part.as_str() {
        "hold" => {
            say("open");
            std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
            close(&rocks);
            say("closed");
        }
        "write" => {
            for index in 0_u32.. {
                put(&rocks, &index.to_be_bytes(), &[7; 100]);
                say(&index.to_string());
            }
        }
        "fill" => {
            let mut index = 0_u32;
            let (error, outcome) = loop {
                match rocks.write(&[Op::Put { key: &index.to_be_bytes(), value: &[7; 1000] }], false) {
                    Ok(()) => index += 1,
                    Err(failed) => break failed,
                }
            };
            let source = std::error::Error::source(&error).unwrap().to_string();
            assert!(matches!(error, Error::Engine { action: "write", .. }) && outcome == Outcome::Unknown, "{error:?}");
            assert!(source.contains("File too large"), "{source}");
            assert!(get(&rocks, &0_u32.to_be_bytes()).is_some());
            rocks.refuse().unwrap();
            let closed = rocks.finish().is_ok();
            say(&format!("{index} {closed}"));
        }
        other => panic!("{other}"),
    }
}

#[test]
fn another_process_is_told_apart_and_its_end_frees_the_directory() {
    let directory = directory();
    let path = directory.path().join("data");
    let mut holder = Process::start("hold", &path, "");
    assert_eq!(holder.next().unwrap(), "open");
    settle_files(&path);
    let before = contents(&path);
    for _ in 0..2 {
        let Err(Error::InUse { by, .. }) = open(&path, &buffered()) else { panic!() };
        assert_eq!(by, "another process has it open");
    }
    assert_eq!(contents(&path), before);
    drop(holder.child.stdin.take());
    assert_eq!(holder.next().unwrap(), "closed");
    close(&reopened(&path));
    holder.child.wait().unwrap();

    let mut holder = Process::start("hold", &path, "");
    assert_eq!(holder.next().unwrap(), "open");
    holder.kill();
    close(&reopened(&path));
}

#[test]
fn a_directory_that_is_open_with_rocksdb_alone_is_in_use() {
    let directory = directory();
    let path = directory.path().join("data");
    close(&reopened(&path));
    let mut holder = Process::start("lock", &path, "");
    assert_eq!(holder.next().unwrap(), "locked");
    let before = contents(&path);
    let Err(Error::InUse { by, .. }) = open(&path, &buffered()) else { panic!() };
    assert_eq!(by, "another process has it open with RocksDB");
    assert_eq!(contents(&path), before);
    holder.kill();
    close(&reopened(&path));
}

#[test]
fn a_lock_file_that_is_removed_lets_nobody_in() {
    let directory = directory();
    let path = directory.path().join("data");
    let mut holder = Process::start("hold", &path, "");
    assert_eq!(holder.next().unwrap(), "open");
    settle_files(&path);
    for name in ["KVSTORE.lock", "LOCK"] {
        fs::remove_file(path.join(name)).unwrap();
    }
    let before = contents(&path);
    let Err(Error::InUse { by, .. }) = open(&path, &buffered()) else { panic!() };
    assert_eq!(by, "another process has it open");
    assert_eq!(contents(&path), before);
    drop(holder.child.stdin.take());
    assert_eq!(holder.next().unwrap(), "closed");
    close(&reopened(&path));
    holder.child.wait().unwrap();
}

/// A program may start other programs at any time: between fork and exec these have the lock file open.
#[test]
fn children_that_are_just_started_do_not_keep_the_directory_locked() {
    let directory = directory();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                assert!(Command::new("true").status().unwrap().success());
            }
        });
        let failed = (0..40).find_map(|_| open(directory.path(), &buffered()).map(|(rocks, _)| close(&rocks)).err());
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(failed.is_none(), "{failed:?}");
    });
}

#[test]
fn a_killed_process_has_lost_no_commit() {
    let directory = directory();
    let path = directory.path().join("data");
    let mut first = 0;
    for _ in 0..3 {
        let mut writer = Process::start("write", &path, "");
        for _ in 0..500 {
            first = first.max(writer.next().unwrap().parse::<usize>().unwrap() + 1);
        }
        writer.kill();
        while let Some(line) = writer.next() {
            first = first.max(line.parse::<usize>().unwrap() + 1);
        }
        let (rocks, said) = warnings(|| reopened(&path));
        // It may have been killed between a write and its line, or in the middle of a write: that tail is said.
        let found = rows(&rocks).unwrap();
        assert!(found.len() >= first, "{} of {first}", found.len());
        assert!(found.iter().enumerate().all(|(index, row)| row.0 == u32::try_from(index).unwrap().to_be_bytes()));
        assert!(said.iter().all(|line| line.contains("the write-ahead log was cut")), "{said:?}");
        close(&rocks);
    }
}

/// RocksDB would end the process.
#[test]
fn where_no_thread_can_be_made_opening_is_an_error() {
    let directory = directory();
    let path = directory.path().join("data");
    // No stack of this size can be had for a thread; the test itself runs in the first one.
    let shell = "export RUST_MIN_STACK=70368744177664 RUST_TEST_THREADS=1;";
    let mut process = Process::start("without threads", &path, shell);
    let said = process.next().unwrap();
    assert!(said.contains("Err(Io") && said.contains("start the threads for"), "{said}");
    assert!(process.child.wait().unwrap().success() && !path.exists());
}

#[test]
fn a_write_that_the_system_refuses_is_of_unknown_outcome() {
    let directory = directory();
    let path = directory.path().join("data");
    // 512 or 1024 bytes a block, by the shell: files of some megabytes, the last write of which fails in the middle.
    let mut writer = Process::start("fill", &path, "trap '' XFSZ; ulimit -f 4096;");
    let said = writer.next().unwrap();
    assert!(writer.child.wait().unwrap().success());
    let (acknowledged, closed) = said.split_once(' ').unwrap();
    let acknowledged: usize = acknowledged.parse().unwrap();
    assert!(acknowledged > 1_000, "{said}");
    let marker = Marker::read(&path).unwrap().unwrap();
    assert_eq!(marker.state, State::Open, "closed without an error: {closed}");
    let (rocks, said) = warnings(|| reopened(&path));
    let found = rows(&rocks).unwrap().len();
    // The one that failed may be there.
    assert!(found == acknowledged || found == acknowledged + 1, "{found} of {acknowledged}, {said:?}");
}
