//! Processes that fork, which a program without `unsafe` can't do by itself.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use tempfile::TempDir;

use crate::{FAR, TASK, TestResult};

/// Lets tests be run in processes that can [`fork`].
#[derive(Debug)]
pub struct Forking {
    library: TempDir,
}

impl Forking {
    /// Compiles what such processes load.
    ///
    /// # Errors
    /// If there is no C compiler.
    pub fn new() -> TestResult<Self> {
        let library = tempfile::tempdir()?;
        let source = library.path().join("fork.c");
        fs::write(&source, include_str!("fork.c"))?;
        let mut compiler = Command::new("cc");
        let forking = Self { library };
        let compiled = compiler.args(["-shared", "-fPIC", "-o"]).arg(forking.library()).arg(&source).output()?;
        if compiled.status.success() {
            Ok(forking)
        } else {
            Err(format!("not compiled: {}", String::from_utf8_lossy(&compiled.stderr)).into())
        }
    }

    /// The library that makes a process fork, to be loaded by way of [`LOADED`].
    pub fn library(&self) -> PathBuf {
        self.library.path().join("fork.so")
    }

    /// Runs one test of this very program in a process of its own, with a [`task`](crate::task).
    ///
    /// # Errors
    /// If it can't be started.
    pub fn start(&self, test: &str, task: &str) -> TestResult<Forks> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args([test, "--exact", "--nocapture"]).env(TASK, task);
        command.env(LOADED, self.library());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = process.stdout.take().ok_or("no output")?;
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if let Some(said) = line.strip_prefix(MARK) {
                    // Nobody listens to what is said at the end of a test that failed.
                    let _ = sender.send(said.to_owned());
                }
            }
        });
        Ok(Forks { process, lines })
    }
}

/// The variable that names a library to load into a process.
pub const LOADED: &str = "LD_PRELOAD";

/// What [`say`] puts before a line, to tell it from those of the test runner.
const MARK: &str = "said: ";

/// Tells a line to the test that started this process.
pub fn say(line: &str) {
    // In one piece, since two processes write to one pipe.
    print!("\n{MARK}{}\n", line.replace('\n', " "));
    // What the pipe does not take, the test misses.
    let _ = std::io::stdout().flush();
}

/// Waits for a line from the test that started this process.
pub fn listen() {
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// Forks. Returns true in the child, whose only thread is the calling one.
///
/// Forks nothing in a process that has not loaded [`Forking::library`].
pub fn fork() -> bool {
    std::os::unix::process::parent_id() == 0
}

/// A process that forks, and what it and its children say.
#[derive(Debug)]
pub struct Forks {
    /// The first of them.
    pub process: Child,
    lines: Receiver<String>,
}

impl Forks {
    /// The next line that one of them says; `None` when all of them have ended.
    ///
    /// # Errors
    /// If they neither say something nor end within [`FAR`].
    pub fn hear(&self) -> TestResult<Option<String>> {
        match self.lines.recv_timeout(FAR) {
            Ok(line) => Ok(Some(line)),
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => Ok(None),
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => Err("a process hangs".into()),
        }
    }

    /// All lines until all of them have ended.
    ///
    /// # Errors
    /// If they neither say something nor end within [`FAR`].
    pub fn hear_all(&self) -> TestResult<Vec<String>> {
        let mut lines = Vec::new();
        while let Some(line) = self.hear()? {
            lines.push(line);
        }
        Ok(lines)
    }
}
