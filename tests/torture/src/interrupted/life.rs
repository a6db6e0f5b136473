//! One directory, and the processes that are killed in it one after the other.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::time::Duration;

use fastrand::Rng;
use kvstore_tests::TestResult;
use tempfile::TempDir;

use super::op::Op;
use super::plan::{LAST_WRITES, Phase, Plan, plan};
use super::session::Session;
use super::verify::{Known, Torn};
use super::{Seen, TASK, directory};
use crate::process::Process;
use crate::shim::Shim;
use crate::trial::Context;

/// Sessions of one database.
const SESSIONS: u64 = 6;
/// A recovery that has a log to cut does so within so many changes.
const CUTTING: u64 = 10;
/// How long a phase takes before that was measured.
const AT_FIRST: Duration = Duration::from_millis(20);

/// A database from its making on, and what is known of it.
pub(super) struct Life<'a> {
    context: &'a Context,
    shim: &'a Shim,
    rng: Rng,
    _directory: TempDir,
    known: Known<'a>,
    stamps: u64,
    kills: u64,
    typical: &'a mut BTreeMap<Phase, Duration>,
}

impl<'a> Life<'a> {
    pub(super) fn new(
        context: &'a Context,
        shim: &'a Shim,
        seed: u64,
        seen: &'a mut Seen,
        typical: &'a mut BTreeMap<Phase, Duration>,
    ) -> TestResult<Self> {
        let directory = tempfile::tempdir()?;
        // As the system names it: the shim knows it by that name.
        let root = directory.path().canonicalize()?;
        Ok(Self {
            context,
            shim,
            rng: Rng::with_seed(seed),
            _directory: directory,
            known: Known::new(root, seen),
            stamps: 0,
            kills: 0,
            typical,
        })
    }

    /// How many processes were killed.
    pub(super) fn kills(&self) -> u64 {
        self.kills
    }

    /// Sessions, each of which is killed, as are recoveries behind it, and then looked at. So many kills were made before.
    pub(super) fn live(&mut self, before: u64) -> TestResult {
        for session in 0..SESSIONS {
            if !self.context.goes_on(before + self.kills) {
                break;
            }
            let phase = if session == 0 && self.rng.u8(..4) > 0 { Phase::Creating } else { Phase::any(&mut self.rng) };
            let plan = plan(&mut self.rng, &self.known.state, phase, &mut self.stamps);
            self.session(plan).map_err(|error| format!("session {session}, {}: {error}", phase.name()))?;
        }
        Ok(())
    }

    fn session(&mut self, plan: Plan) -> TestResult {
        let phase = plan.phase;
        let fuse = (phase != Phase::Idle && self.rng.bool()).then(|| self.rng.u64(1..=phase.changes()));
        let session = self.killed(plan, fuse)?;
        let is_torn = phase == Phase::Idle;
        let torn = if is_torn { Some(tear(&mut self.rng, &directory(&self.known.root), &session)?) } else { None };
        let recoveries = if is_torn { self.rng.u8(1..4) } else { self.rng.u8(..4).saturating_sub(1) };
        let mut warnings = Vec::new();
        for recovery in 0..recoveries {
            let phase = Phase::Recovering;
            // A log is cut with the first changes.
            let most = if is_torn && recovery == 0 { CUTTING } else { phase.changes() };
            let fuse = (most == CUTTING || self.rng.bool()).then(|| self.rng.u64(1..=most));
            let ops = vec![Op::Open { sync: self.rng.bool() }];
            warnings.extend(self.killed(Plan { phase, ops, target: 0 }, fuse)?.warnings);
        }
        self.known.verify(&session, torn.as_ref(), warnings)
    }

    /// Runs a plan in a child and kills it: in the middle of its target, after so many changes or after a random time; at
    /// the end where it is to be idle.
    fn killed(&mut self, mut plan: Plan, fuse: Option<u64>) -> TestResult<Session> {
        let phase = plan.phase;
        let has_fuse = fuse.is_some();
        if let Some(changes) = fuse {
            plan.ops.insert(plan.target, Op::Fuse { changes });
            plan.target += 1;
        }
        let mut command = self.context.child(TASK, [&self.known.root]);
        if has_fuse {
            self.shim.load(&mut command, &self.known.root);
        }
        let mut child = Process::start(&mut command)?;
        for op in &plan.ops {
            // It may have been killed already.
            let _ = child.tell(op);
        }
        let mut session = Session::new(plan, self.known.state.clone(), self.known.highest_key);
        while !session.is_idle() && (has_fuse || phase == Phase::Idle || !session.is_in_target()) {
            match child.next_line()? {
                Some(line) => session.take(&line)?,
                None if has_fuse => break,
                None => return Err(format!("the child ended: {}", child.wait()?.1).into()),
            }
        }
        if !has_fuse {
            let typical = *self.typical.entry(phase).or_insert(AT_FIRST);
            std::thread::sleep(typical.mul_f64(self.rng.f64() * 1.2));
        }
        child.kill()?;
        while let Some(line) = child.next_line()? {
            session.take(&line)?;
        }
        let (status, complaints) = child.wait()?;
        if status.signal() != Some(9) {
            return Err(format!("the child was not killed, but ended with {status}: {complaints}").into());
        }
        self.kills += 1;
        *self.known.seen.entry(phase.name()).or_default() += 1;
        if session.is_in_target() {
            // It takes longer than was thought, maybe.
            self.typical.entry(phase).and_modify(|typical| *typical += *typical / 8);
            *self.known.seen.entry("kills right in the phase").or_default() += 1;
        }
        for (phase, took) in &session.took {
            self.typical.entry(*phase).and_modify(|typical| *typical = (*typical * 3 + *took) / 4);
        }
        Ok(session)
    }
}

/// Cuts the newest log somewhere in the last commits, as a power loss does: none of them was synced.
fn tear(rng: &mut Rng, directory: &Path, session: &Session) -> TestResult<Torn> {
    let first = session.logs.len().checked_sub(LAST_WRITES).ok_or("too few commits")?;
    let last = session.logs.get(first..).ok_or("no commits")?;
    let (&[(log, begin), ..], &[.., (newest, end)]) = (last, last) else { return Err("no commits".into()) };
    let path = directory.join(format!("{log:06}.log"));
    let bytes = fs::read(&path)?;
    if newest != log || bytes.len() as u64 != end {
        return Err(format!("log {log} of {} bytes, and not log {newest} of {end}", bytes.len()).into());
    }
    let length = rng.u64(begin..end);
    let (index, (_, size)) =
        last.iter().enumerate().rfind(|(_, (_, size))| *size <= length).ok_or("no commit is left")?;
    let rest = bytes.get(usize::try_from(*size)?..usize::try_from(length)?).ok_or("the log is shorter")?.to_vec();
    File::options().write(true).open(&path)?.set_len(length)?;
    Ok(Torn { state: first + index, rest })
}
