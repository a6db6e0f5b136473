//! The child whose calls are recorded: opens the database, finds out how far the scripts came, goes on, and closes.
//!
//! Besides the steps of its script, the first thread does chores: syncs, makes, fills and drops namespaces, writes
//! copies. All that it does is told to a ledger below the root, so that the trace has it in order:
//!
//! ```text
//! opening sync
//! at 0 17                  17 steps of thread 0 are there
//! open
//! key 0 18 1001            before its commit
//! done 0 18
//! begins fill n2-0
//! ends fill n2-0
//! closing
//! closed
//! ```

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use fastrand::Rng;
use kvstore::{Database, DatabaseBuilder, Durability, Map, MapStore};
use kvstore_tests::TestResult;

use crate::shim::Shim;
use crate::workload::{self, Script, State, Stores, Worker};

/// The name of the task, see [`Context::child`](crate::trial::Context::child).
pub const TASK: &str = "power";

/// The name of the ledger below the root.
pub const LEDGER: &str = "ledger";
/// The database below the root: directories above it are missing at first, too.
pub const DATA: &str = "some/where/data";
/// Below the root, in a directory of its own, the copies that are made.
pub const COPIES: &str = "copies";

/// Threads.
pub const THREADS: u8 = 3;
/// Entries that a filled namespace has: of the keys from 1 on themselves.
pub const ENTRIES: u64 = 5;
/// Steps beyond those known that a thread may have made.
const UNKNOWN_STEPS: u64 = 1_000;

/// What a session is to do.
#[derive(Debug, Clone)]
pub struct Session {
    /// Below it is all that is recorded.
    pub root: PathBuf,
    /// The seed of the scripts, the same in all sessions.
    pub seed: u64,
    /// The seed of the chores, and part of their names.
    pub number: u64,
    /// Whether commits are synced.
    pub sync: bool,
    /// See [`DatabaseBuilder::write_buffer_bytes`].
    pub write_buffer: usize,
    /// How many steps each thread makes.
    pub steps: u64,
    /// After how many changes of files and directories it is killed; never where 0.
    pub kill: u64,
    /// For each thread, a number of steps that it has made for certain.
    pub least: Vec<u64>,
}

/// A store of the chores.
pub type Extra = MapStore<Map<u64, u64>>;

impl Session {
    /// As arguments of the child.
    pub fn arguments(&self) -> Vec<String> {
        let numbers = [self.seed, self.number, u64::from(self.sync), self.write_buffer as u64, self.steps, self.kill];
        let numbers = numbers.iter().chain(&self.least).map(ToString::to_string);
        [self.root.display().to_string()].into_iter().chain(numbers).collect()
    }

    fn parse(arguments: &[String]) -> TestResult<Self> {
        let (root, numbers) = arguments.split_first().ok_or("no root")?;
        let numbers = numbers.iter().map(|number| number.parse()).collect::<Result<Vec<u64>, _>>()?;
        let [seed, number, sync, write_buffer, steps, kill, ref least @ ..] = numbers[..] else {
            return Err("numbers are missing".into());
        };
        let (root, least, write_buffer) = (root.into(), least.to_vec(), usize::try_from(write_buffer)?);
        Ok(Self { root, seed, number, sync: sync != 0, write_buffer, steps, kill, least })
    }
}

/// How a database is opened.
pub fn builder(sync: bool, write_buffer: usize) -> DatabaseBuilder {
    let durability = if sync { Durability::Sync } else { Durability::Buffered };
    Database::builder().durability(durability).cache_bytes(1 << 20).write_buffer_bytes(write_buffer)
}

/// The least and the greatest number of steps from `least` to `most` that leave a state: steps that change nothing can be
/// made or not.
pub fn explanations(state: &State, seed: u64, thread: u8, least: u64, most: u64) -> Option<(u64, u64)> {
    let first = state.explained_by(seed, thread, least..=most)?;
    let mut last = first;
    while last < most
        && let Some(next) = state.explained_by(seed, thread, last + 1..=most)
    {
        last = next;
    }
    Some((first, last))
}

/// Runs a session.
///
/// # Errors
/// What failed.
pub fn child(arguments: &[String]) -> TestResult {
    let session = Session::parse(arguments)?;
    if session.kill > 0 {
        // It is not there: opening it is what tells the shim.
        let _ = File::open(Shim::fuse(&session.root, session.kill));
    }
    let ledger = Mutex::new(File::options().append(true).create(true).open(session.root.join(LEDGER))?);
    // One call for a line, so that the trace has it as a whole.
    let tell = |line: &str| {
        let mut ledger = ledger.lock().unwrap_or_else(PoisonError::into_inner);
        ledger.write_all(format!("{line}\n").as_bytes())
    };
    tell(if session.sync { "opening sync" } else { "opening buffered" })?;
    let db = builder(session.sync, session.write_buffer).open(session.root.join(DATA))?;
    let found = workload::read(&db, THREADS)?;
    let mut scripts = Vec::new();
    for ((thread, state), &least) in (0..).zip(&found.states).zip(&session.least) {
        let (_, made) = explanations(state, session.seed, thread, least, least + UNKNOWN_STEPS)
            .ok_or_else(|| format!("no number of steps from {least} on of thread {thread} leaves {state:?}"))?;
        tell(&format!("at {thread} {made}"))?;
        scripts.push(Script::after(session.seed, thread, made));
    }
    tell("open")?;
    let stores = Stores::open(&db)?;
    std::thread::scope(|scope| {
        let threads: Vec<_> = scripts
            .into_iter()
            .map(|script| {
                let (db, stores, session, tell) = (&db, &stores, &session, &tell);
                scope.spawn(move || -> TestResult {
                    let mut chores = (script.thread() == 0).then(|| Chores::new(db, session));
                    let mut worker = Worker::new(stores, script)?;
                    for _ in 0..session.steps {
                        if let Some(chores) = &mut chores {
                            chores.maybe(tell)?;
                        }
                        worker.step(tell)?;
                    }
                    Ok(())
                })
            })
            .collect();
        threads.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    drop(stores);
    // By turns closing meets tables that are just being written.
    if session.number.is_multiple_of(2) {
        let bulk = db.map::<u64, Vec<u8>>("bulk")?;
        (0..3).try_for_each(|key| bulk.put(key, vec![0; session.write_buffer / 2]))?;
    }
    tell("closing")?;
    db.close()?;
    Ok(tell("closed")?)
}

/// What the first thread does now and then.
struct Chores<'a> {
    db: &'a Database,
    rng: Rng,
    root: &'a Path,
    session: u64,
    /// For the names of namespaces and copies.
    made: u64,
}

impl<'a> Chores<'a> {
    fn new(db: &'a Database, session: &'a Session) -> Self {
        let rng = Rng::with_seed(session.seed ^ session.number);
        Self { db, rng, root: &session.root, session: session.number, made: 0 }
    }

    fn maybe(&mut self, tell: &impl Fn(&str) -> io::Result<()>) -> TestResult {
        match self.rng.u8(..50) {
            0..2 => self.tell(tell, "sync -", |chores| Ok(chores.db.sync()?)),
            2 => {
                let name = self.name();
                let mut made = None;
                self.tell(tell, &format!("create {name}"), |chores| {
                    made = Some(chores.db.map::<u64, u64>(&name)?);
                    Ok(())
                })?;
                let Some(store) = made else { return Ok(()) };
                self.tell(tell, &format!("fill {name}"), |_| Ok((1..=ENTRIES).try_for_each(|key| store.put(key, key))?))
            }
            3 => {
                // Those that this session made are in use.
                let own = format!("n{}-", self.session);
                let namespaces = self.db.namespaces()?;
                let old = namespaces.iter().map(kvstore::NamespaceInfo::name);
                let Some(name) = old.into_iter().find(|name| name.starts_with('n') && !name.starts_with(&own)) else {
                    return Ok(());
                };
                self.tell(tell, &format!("drop {name}"), |chores| {
                    if chores.db.drop_namespace(name)? { Ok(()) } else { Err("there was none".into()) }
                })
            }
            4 if self.made.is_multiple_of(2) => {
                let name = self.name();
                self.tell(tell, &format!("copy {name}"), |chores| {
                    Ok(chores.db.checkpoint(chores.root.join(COPIES).join(&name))?)
                })
            }
            _ => Ok(()),
        }
    }

    fn name(&mut self) -> String {
        self.made += 1;
        format!("n{}-{}", self.session, self.made)
    }

    fn tell(
        &mut self,
        tell: &impl Fn(&str) -> io::Result<()>,
        what: &str,
        chore: impl FnOnce(&mut Self) -> TestResult,
    ) -> TestResult {
        tell(&format!("begins {what}"))?;
        chore(self)?;
        Ok(tell(&format!("ends {what}"))?)
    }
}
