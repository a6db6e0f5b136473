//! The judge: it accepts what is right, and finds each planted violation.

use std::cell::RefCell;

use kvstore::Database;
use tempfile::TempDir;

use super::*;
use crate::workload::{Script, Step, Stores};

const SCRIPT: u64 = 3;

/// A life without a fault, and what it told.
struct World {
    plan: Plan,
    told: Told,
    _root: TempDir,
}

fn lived() -> World {
    let root = scratch().unwrap();
    let plan = Plan::new(root.path(), &root.path().join("fired"), SCRIPT, Scenario::Life { sync: false }, None);
    let told = RefCell::new(Told::new(SCRIPT));
    child::live(&plan, &|line| {
        told.borrow_mut().take(line).unwrap();
        Ok(())
    })
    .unwrap();
    World { plan, told: told.into_inner(), _root: root }
}

impl World {
    fn db(&self) -> Database {
        self.plan.builder().open(&self.plan.directory).unwrap()
    }

    #[track_caller]
    fn refused(&mut self, is_lost: bool, why: &str) {
        let error = judge(&self.plan, &mut self.told, is_lost).unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn what_was_lived_is_accepted() {
    let mut world = lived();
    assert!(world.told.has_ended && world.told.first_error.is_none());
    assert_eq!((world.told.made(), world.told.synced()), (500, 500));
    judge(&world.plan, &mut world.told, false).unwrap();
}

#[test]
fn a_step_that_was_acknowledged_and_is_not_there_is_found() {
    let mut world = lived();
    // Up to one that writes.
    let mut script = Script::after(SCRIPT, 0, 500);
    while !matches!(script.advance(), Step::Create | Step::Batch(..)) {}
    let last = script.made() - 1;
    (500..=last).for_each(|step| world.told.take(&format!("done 0 {step}")).unwrap());
    world.refused(false, "steps, and 500 are there");
    // As what comes after a lost sync it may be gone, but not unsaid; nor what was synced.
    world.refused(true, "nobody says so");
}

#[test]
fn half_a_commit_is_found() {
    let mut world = lived();
    let stores = Stores::open(&world.db()).unwrap();
    let ticket = stores.tickets.first().unwrap().unwrap().0;
    assert!(stores.tickets.remove(ticket).unwrap());
    drop(stores);
    world.refused(false, "no number of steps");
    world.refused(true, "no number of steps");
}

#[test]
fn a_commit_that_failed_without_effect_and_is_there_is_found() {
    let mut world = lived();
    world.told.ledger.made = vec![499];
    world.refused(false, "500 are there");
    world.told.is_unknown = true;
    judge(&world.plan, &mut world.told, false).unwrap();
}

#[test]
fn namespaces_that_are_lost_or_come_back_are_found() {
    let mut world = lived();
    world.told.did.remove("drop");
    assert!(world.told.begun.remove("drop"));
    world.refused(false, "an acknowledged namespace is gone");

    let mut world = lived();
    world.db().map::<u64, u64>(plan::PASSING).unwrap().put(0, 0).unwrap();
    world.refused(false, "the dropped namespace has [(0, 0)]");

    let mut world = lived();
    world.db().map::<u64, u64>(plan::LATER).unwrap().remove(0).unwrap();
    world.refused(false, "the namespace made later has []");

    let mut world = lived();
    world.db().store::<plan::After>().unwrap().remove(2).unwrap();
    world.refused(false, "of `grow` there is None");

    let mut world = lived();
    world.db().map::<u64, u64>("new").unwrap().put(1, 1).unwrap();
    world.refused(false, "a new namespace has [(1, 1)]");
}

#[test]
fn copies_that_are_gone_or_of_another_moment_are_found() {
    let mut world = lived();
    world.told.did.insert("checkpoint".into(), 170);
    world.refused(false, "a copy of 170..=170 steps has others");

    let mut world = lived();
    fs::remove_file(world.plan.copy.join("CURRENT")).unwrap();
    world.refused(false, "the copy does not open");
    fs::remove_dir_all(&world.plan.copy).unwrap();
    world.refused(false, "an acknowledged copy is not there");
}

#[test]
fn what_a_recovery_destroys_is_found() {
    let root = scratch().unwrap();
    let damaged = Damaged::make(root.path(), SCRIPT).unwrap();
    let plan = Plan::new(&root.path().join("disk"), &root.path().join("fired"), SCRIPT, Scenario::Recovery, None);
    fs::create_dir(root.path().join("disk")).unwrap();
    damaged.copy_to(&plan.directory).unwrap();
    damaged.judge(&plan).unwrap();
    let aside = plan.directory.join("damaged-1");
    for file in fs::read_dir(&aside).unwrap() {
        fs::write(file.unwrap().path(), "").unwrap();
    }
    assert!(damaged.judge(&plan).unwrap_err().to_string().contains("is not put aside"));
}
