//! The oracle itself: it accepts what is right, and finds each planted violation.

use std::cell::RefCell;

use super::*;

const SEED: u64 = 7;

/// A database in memory in which one thread has made steps, and its ledger.
struct World {
    db: Database,
    ledger: Ledger,
}

fn after(steps: u64) -> World {
    let db = Database::in_memory().unwrap();
    let stores = Stores::open(&db).unwrap();
    let ledger = RefCell::new(Ledger::new(SEED, 1));
    let mut worker = Worker::new(&stores, Script::new(SEED, 0)).unwrap();
    for _ in 0..steps {
        worker
            .step(&|line: &str| {
                ledger.borrow_mut().take(line).unwrap();
                Ok(())
            })
            .unwrap();
    }
    World { db, ledger: ledger.into_inner() }
}

impl World {
    fn settle(&mut self) -> TestResult {
        self.ledger.settle(&read(&self.db, 1)?)
    }

    fn stores(&self) -> Stores {
        Stores::open(&self.db).unwrap()
    }

    #[track_caller]
    fn refuses(mut self, why: &str) {
        let error = self.settle().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

/// The first number of steps, from `from` on, after which the last step was one that `is` accepts.
fn steps_until(from: u64, is: impl Fn(Step) -> bool) -> u64 {
    let mut script = Script::after(SEED, 0, from);
    loop {
        if is(script.advance()) {
            return script.made();
        }
    }
}

#[test]
fn every_number_of_steps_is_explained() {
    for steps in 0..300 {
        let mut world = after(steps);
        world.settle().unwrap();
        assert!(world.ledger.made[0] <= steps);
    }
}

#[test]
fn a_lost_step_is_found_and_one_in_flight_is_not_taken_for_it() {
    let commit = steps_until(100, |step| matches!(step, Step::Commit(_)));
    let mut world = after(commit);
    // The last step was not acknowledged: it may be there.
    world.ledger.made = vec![commit - 1];
    world.settle().unwrap();
    assert_eq!(world.ledger.made, [commit]);
    let mut world = after(commit - 1);
    world.ledger.made = vec![commit];
    world.refuses(&format!("has made {commit} steps, and {} are there", commit - 1));
}

#[test]
fn half_a_batch_is_found() {
    let made = steps_until(100, |step| matches!(step, Step::Batch(..)));
    let world = after(made);
    let last = world.stores().tickets.last().unwrap().unwrap();
    assert_eq!(last.1.step, made - 1);
    world.stores().tickets.remove(last.0).unwrap();
    world.refuses("no number of steps");
}

#[test]
fn what_was_never_committed_is_found() {
    let world = after(100);
    world.stores().jobs.insert("0/3", Job::of(0, 1_000)).unwrap();
    world.refuses("no number of steps");
    let world = after(100);
    world.stores().tickets.insert(4_000, TicketInit { thread: 0, step: 4_000 }).unwrap();
    world.refuses("no number of steps");
    let world = after(100);
    let mut job = Job::of(0, 1);
    job.padding.push(1);
    world.stores().jobs.insert("0/3", job).unwrap();
    world.refuses("is not what step 1 wrote");
}

#[test]
fn a_lost_element_is_found() {
    let made = steps_until(100, |step| matches!(step, Step::Commit(_)));
    let world = after(made);
    let script = Script::after(SEED, 0, made);
    let (job, log) = script.state().logs.iter().find(|(_, log)| log.contains(&(made - 1))).unwrap();
    let mut guard = world.stores().jobs.lock(format!("0/{job}")).unwrap().unwrap();
    assert!(guard.elements(Job::LOG).remove(log.last().unwrap()).unwrap());
    guard.commit().unwrap();
    world.refuses("no number of steps");
}

#[test]
fn a_generated_key_that_is_given_out_twice_is_found() {
    let mut ledger = Ledger::new(SEED, 1);
    ledger.take("key 0 1 5").unwrap();
    assert!(ledger.take("key 0 2 5").is_err());
    ledger.begin_session();
    assert!(ledger.take("key 0 2 4").is_err());
    ledger.take("key 0 2 6").unwrap();
    assert!(ledger.take("dine 0 2").is_err());
}
