//! The judge itself: it accepts what is right, and finds each planted violation.

use std::cell::RefCell;
use std::path::PathBuf;

use tempfile::TempDir;

use super::*;
use crate::workload::{Script, Worker};

const SEED: u64 = 7;

/// A database in which threads have made steps, and the ledger of it.
struct World {
    root: TempDir,
    history: RefCell<History>,
    made: Vec<u64>,
}

impl World {
    fn new(opening: &str) -> Self {
        let world = Self {
            root: tempfile::tempdir().unwrap(),
            history: RefCell::new(History::new(THREADS)),
            made: vec![0; THREADS.into()],
        };
        world.say(&[opening, "at 0 0", "at 1 0", "at 2 0", "open"]);
        world.work(|_| {});
        world
    }

    fn path(&self) -> PathBuf {
        self.root.path().join(DATA)
    }

    fn say(&self, lines: &[&str]) {
        for line in lines {
            self.history.borrow_mut().take(line).unwrap();
        }
    }

    fn work(&self, work: impl FnOnce(&Database)) {
        let db = Database::open(self.path()).unwrap();
        work(&db);
        db.close().unwrap();
    }

    /// Makes steps, and tells them.
    fn step(&mut self, thread: u8, steps: u64) {
        self.step_and(thread, steps, |_| {});
    }

    /// The same, and does something else before the last ones.
    fn step_and(&mut self, thread: u8, steps: u64, other: impl Fn(&Self)) {
        self.work(|db| {
            let stores = Stores::open(db).unwrap();
            let script = Script::after(SEED, thread, self.made[usize::from(thread)]);
            let mut worker = Worker::new(&stores, script).unwrap();
            for step in 0..steps {
                if step + 10 == steps {
                    other(self);
                }
                let tell = |line: &str| {
                    self.say(&[line]);
                    Ok(())
                };
                worker.step(&tell).unwrap();
            }
        });
        self.made[usize::from(thread)] += steps;
    }

    /// Tells steps that are not made.
    fn lie(&self, thread: u8, steps: u64) {
        let made = self.history.borrow().acknowledged()[usize::from(thread)];
        (made..made + steps).for_each(|step| self.say(&[&format!("done {thread} {step}")]));
    }

    fn judge(&self) -> TestResult<Found> {
        self.judge_image(&Image::read(self.root.path(), "").unwrap())
    }

    fn judge_image(&self, image: &Image) -> TestResult<Found> {
        let history = self.history.borrow();
        // The database itself is opened, and changed.
        judge(image, self.root.path(), &history, SEED, &mut Rng::with_seed(1))
    }

    #[track_caller]
    fn is_refused(&self, why: &str) {
        let error = self.judge().unwrap_err().to_string();
        assert!(error.contains(why), "{error}");
    }
}

const BUFFERED: &str = "opening buffered";
const SYNC: &str = "opening sync";

#[test]
fn what_is_whole_passes() {
    for opening in [BUFFERED, SYNC] {
        let mut world = World::new(opening);
        (0..12).for_each(|round| world.step(round % THREADS, 10));
        assert_eq!(world.judge().unwrap().lost, 0);
    }
}

#[test]
fn lost_steps_are_counted_where_they_may_be_lost_and_found_elsewhere() {
    let mut world = World::new(BUFFERED);
    world.step(0, 30);
    world.lie(0, 20);
    assert!((15..=20).contains(&world.judge().unwrap().lost));
    let mut world = World::new(SYNC);
    world.step(0, 30);
    world.lie(0, 20);
    world.is_refused("thread 0 has made 50 steps, of which 50 must survive, and");
}

#[test]
fn a_step_without_those_before_it_is_found() {
    let mut world = World::new(BUFFERED);
    world.step(1, 30);
    world.lie(0, 20);
    world.judge().unwrap();
    // Not before the first: that would be before the lease of its keys, and durable.
    let mut world = World::new(BUFFERED);
    world.step_and(1, 30, |world| world.lie(0, 20));
    world.is_refused("acknowledged before the other began");
}

#[test]
fn what_no_steps_explain_is_found() {
    let mut world = World::new(BUFFERED);
    world.step(2, 30);
    world.work(|db| assert!(Stores::open(db).unwrap().jobs.remove("2/1").unwrap()));
    world.is_refused("no number of steps leaves");
}

#[test]
fn keys_given_out_again_are_found() {
    let mut world = World::new(BUFFERED);
    world.step(0, 30);
    world.say(&["key 0 30 500000"]);
    world.is_refused("is given out, and 500000 was before");
    let mut world = World::new(BUFFERED);
    world.step(0, 30);
    world.history.borrow_mut().keys.clear();
    world.is_refused("which nobody was given");
}

#[test]
fn namespaces_that_are_not_as_the_catalog_said_are_found() {
    let world = World::new(BUFFERED);
    world.say(&["begins create a"]);
    world.judge().unwrap();
    world.say(&["ends create a"]);
    world.is_refused("the namespace a is gone");

    let fill = |entries: u64| {
        move |db: &Database| (1..=entries).for_each(|key| db.map::<u64, u64>("a").unwrap().put(key, key).unwrap())
    };
    for (opening, entries, passes) in
        [(BUFFERED, 3, true), (SYNC, 3, false), (SYNC, ENTRIES, true), (SYNC, ENTRIES + 1, false)]
    {
        let world = World::new(opening);
        world.work(fill(entries));
        world.say(&["begins create a", "ends create a", "begins fill a", "ends fill a"]);
        if passes {
            world.judge().unwrap();
        } else {
            world.is_refused("the namespace a, Filled, holds");
        }
    }

    let world = World::new(BUFFERED);
    world.work(fill(1));
    world.say(&["begins create a", "ends create a", "begins drop a"]);
    world.judge().unwrap();
    world.say(&["ends drop a"]);
    world.is_refused("the namespace a is there again");

    // As of a number that was given out before.
    let world = World::new(BUFFERED);
    world.work(|db| db.map::<u64, u64>(NEW).unwrap().put(1, 1).unwrap());
    world.is_refused("a new namespace holds");
}

#[test]
fn a_copy_that_is_missing_or_not_whole_is_found() {
    let mut world = World::new(BUFFERED);
    world.step(0, 30);
    world.say(&["begins copy a"]);
    world.judge().unwrap();
    world.say(&["ends copy a"]);
    world.is_refused("copy a: it was made, and is not there");
    let copy = world.root.path().join(COPIES).join("a");
    world.work(|db| db.checkpoint(&copy).unwrap());
    assert_eq!(world.judge().unwrap().copies, 1);
    world.lie(0, 20);
    world.say(&["begins copy a", "ends copy a"]);
    world.is_refused("copy a: it should hold 50 to 50 steps of thread 0");
    std::fs::remove_file(copy.join("CURRENT")).unwrap();
    world.is_refused("copy a: it does not open");
}

#[test]
fn what_is_dropped_without_a_word_is_found() {
    let mut world = World::new(BUFFERED);
    world.step(0, 30);
    let other = World::new(BUFFERED);
    let mut image = Image::read(world.root.path(), "").unwrap();
    other.work(|db| Stores::open(db).unwrap().jobs.insert("1/3", workload::Job::of(1, 99)).unwrap());
    let logs = Image::read(other.root.path(), "").unwrap().entries.into_iter().filter(|(path, _)| logs::is_log(path));
    image.entries.extend(logs.map(|(path, log)| (format!("{path}.log"), log)));
    let error = world.judge_image(&image).unwrap_err().to_string();
    assert!(error.contains("step 99 of thread 1 is in the log, and was dropped without a word"), "{error}");
}

#[test]
fn what_does_not_open_is_found() {
    let world = World::new(BUFFERED);
    std::fs::remove_file(world.path().join("CURRENT")).unwrap();
    world.is_refused("it does not open: ");
}
