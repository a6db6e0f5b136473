//! Sessions under the shim, and what they did to the file system.

use std::fs;
use std::path::{Path, PathBuf};

use kvstore_tests::TestResult;

use super::disk::Disk;
use super::image::Image;
use super::session::{LEDGER, Session, TASK};
use super::trace::{Event, parse};
use crate::process::Process;
use crate::shim::Shim;
use crate::trial::Context;

/// A trace of sessions, one after the other.
#[derive(Debug)]
pub struct Recording {
    root: PathBuf,
    trace: PathBuf,
}

impl Recording {
    /// Of what happens below `root`, an absolute path without links.
    pub fn new(root: &Path, trace: &Path) -> Self {
        Self { root: root.into(), trace: trace.into() }
    }

    /// Runs a session to its end, behind what was recorded before. Its syncs do nothing where `without_syncs`.
    ///
    /// # Errors
    /// What it failed with.
    pub fn run(&self, context: &Context, shim: &Shim, session: &Session, without_syncs: bool) -> TestResult {
        let mut command = context.child(TASK, session.arguments());
        shim.load(&mut command, &self.root);
        Shim::record(&mut command, &self.trace);
        if without_syncs {
            Shim::disable_syncs(&mut command);
        }
        let mut child = Process::start(&mut command)?;
        while child.next_line()?.is_some() {}
        let (status, complaints) = child.wait()?;
        // Without a code it was killed.
        match status.code() {
            Some(0) => Ok(()),
            None if session.kill > 0 => Ok(()),
            _ => Err(format!("a session ended with {status}: {complaints}").into()),
        }
    }

    /// Compares what a replay of the whole trace leaves with what is there: whether the shim saw all that was done.
    ///
    /// # Errors
    /// What differs.
    pub fn check(&self, replayed: &Disk<'_>) -> TestResult {
        let differences = replayed.now().differences(&Image::read(&self.root, LEDGER)?);
        if differences.is_empty() {
            return Ok(());
        }
        Err(format!("a replay of the trace differs from what is there: {differences:?}").into())
    }

    /// The bytes of the trace.
    ///
    /// # Errors
    /// Of reading.
    pub fn trace(&self) -> TestResult<Vec<u8>> {
        Ok(fs::read(&self.trace)?)
    }

    /// The events of a trace.
    ///
    /// # Errors
    /// Where it is none.
    pub fn events<'t>(&self, trace: &'t [u8]) -> TestResult<Vec<Event<'t>>> {
        parse(trace, &self.root, LEDGER)
    }
}
