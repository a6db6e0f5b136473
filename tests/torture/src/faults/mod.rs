//! Calls to the file system that fail.

mod case;
mod child;
mod judge;
mod plan;
mod recovery;
mod seen;
mod told;

#[cfg(test)]
mod tests;

pub use self::child::{TASK, child};

use std::collections::BTreeMap;
use std::fs;

use kvstore_tests::TestResult;

use self::case::{Case, Class, Order, Scenario};
use self::judge::judge;
use self::plan::Plan;
use self::recovery::Damaged;
use self::seen::Seen;
use self::told::Told;
use crate::process::Process;
use crate::shim::{Call, Fault, How, Shim};
use crate::trial::{Context, Report, Trial, scratch};

/// The Nth call fails, for every N.
pub const TRIAL: Trial = Trial {
    name: "faults",
    promise: "When a disk fails or is full, a call answers an error that says why, never a false success; the database \
              refuses writes where it can't tell what is on disk, reads go on, and reopened it has all that was \
              acknowledged.",
    method: "a shim below a child lets the Nth write, sync, open or rename of a script of 500 steps fail with EIO, \
             ENOSPC, EDQUOT, EMFILE, or after half of the bytes, once or from then on, for every N; the child checks \
             each error, and its ledger is compared with the database reopened without the fault; what a failed sync \
             should have written is kept, or lost",
    unit: "faults",
    short: 40,
    // Whatever N there are: it ends by itself.
    long: 1_000_000,
    run,
};

fn run(context: &Context) -> TestResult<Report> {
    let root = scratch()?;
    let classes = Class::all();
    let first = Case::of_seed(context.first_seed, classes.len());
    let damaged = Damaged::make(root.path(), first.script)?;
    let faults = Faults { context, shim: Shim::build(root.path())?, script: first.script, damaged };
    let mut calls = BTreeMap::new();
    for scenario in Scenario::ALL {
        let ran = faults.run(scenario, None).map_err(|error| format!("{scenario:?} without a fault: {error}"))?;
        if let Some(failure) = ran.told.first_error {
            return Err(format!("{scenario:?} without a fault: {failure:?}").into());
        }
        calls.insert(scenario, ran.calls);
    }
    let count = |class: &Class| calls.get(&class.scenario).and_then(|calls| calls.get(&class.call)).copied();
    let counts = classes.iter().map(|class| class.faults(count(class).unwrap_or_default() + BEHIND));

    let mut report = Report::default();
    let mut seen = Seen::default();
    for case in Order::new(first, counts) {
        if !context.goes_on(report.rounds) {
            break;
        }
        let class = classes.get(case.class).ok_or("an unknown class")?;
        let fault = class.fault(case.index);
        let ran = faults.run(class.scenario, Some(&fault)).map_err(|error| {
            format!("--only faults --rounds 1 --seed {}: {:?}, {fault:?}: {error}", case.seed(), class.scenario)
        })?;
        seen.count(fault.call, &ran);
        report.rounds += 1;
    }
    Ok(seen.tell(report))
}

/// Faults behind the last call that a child makes, to see that it was the last.
const BEHIND: u64 = 2;

/// All that a round needs.
struct Faults<'a> {
    context: &'a Context,
    shim: Shim,
    script: u64,
    damaged: Damaged,
}

/// A child that was judged.
struct Ran {
    told: Told,
    /// Whether the fault happened.
    has_fired: bool,
    /// How many calls it made.
    calls: BTreeMap<Call, u64>,
}

impl Faults<'_> {
    /// Runs a child, with a fault or without, and judges what it leaves.
    fn run(&self, scenario: Scenario, fault: Option<&Fault>) -> TestResult<Ran> {
        let root = scratch()?;
        // The shim knows files by their real paths.
        let path = root.path().canonicalize()?;
        let (disk, counts) = (path.join("disk"), path.join("counts"));
        fs::create_dir(&disk)?;
        let plan = Plan::new(&disk, &path.join("fired"), self.script, scenario, fault);
        if scenario == Scenario::Recovery {
            self.damaged.copy_to(&plan.directory)?;
        }
        let mut command = self.context.child(TASK, plan.arguments());
        self.shim.load(&mut command, &disk);
        // Nothing is lost by it, since only the process ends, and not the system.
        Shim::disable_syncs(&mut command);
        Shim::count(&mut command, &counts);
        if let Some(fault) = fault {
            Shim::fail(&mut command, *fault, &plan.fired);
        }

        let mut told = Told::new(self.script);
        let mut child = Process::start(&mut command)?;
        while let Some(line) = child.next_line()? {
            told.take(&line)?;
        }
        let (status, complaints) = child.wait()?;
        if !status.success() || !told.has_ended {
            return Err(format!("the child ended ({status}): {complaints}").into());
        }
        match scenario {
            Scenario::Life { .. } => judge(&plan, &mut told, fault.is_some_and(|fault| fault.how == How::Lost))?,
            Scenario::Recovery => self.damaged.judge(&plan)?,
        }
        Ok(Ran { told, has_fired: plan.fired.exists(), calls: Shim::counted(&counts)? })
    }
}
