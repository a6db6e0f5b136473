//! A run: one walker and several workers over one store.

use std::error::Error;
use std::fs;
use std::num::NonZeroUsize;
use std::os::unix::ffi::OsStrExt;
use std::panic::resume_unwind;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use kvstore::{Database, Guard};

use crate::bell::Bell;
use crate::plan::Planner;
use crate::progress::Progress;
use crate::store::{File, FilePath, FileStore, Run, RunInit, RunStore, Time, Work, WorkStore};
use crate::walk::Walk;
use crate::work::Worker;

/// The stores of one catalogue.
pub(crate) struct Catalogue {
    pub(crate) files: FileStore,
    pub(crate) journal: WorkStore,
    pub(crate) runs: RunStore,
    db: Database,
}

impl Catalogue {
    pub(crate) fn create_or_open(path: &Path) -> Result<Self, Box<dyn Error>> {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| format!("can't create {}: {error}", parent.display()))?;
        }
        Ok(Self::of(Database::open(path)?)?)
    }

    /// Opens one that is there.
    pub(crate) fn open(path: &Path) -> kvstore::Result<Self> {
        Self::of(Database::builder().create_if_missing(false).open(path)?)
    }

    fn of(db: Database) -> kvstore::Result<Self> {
        Ok(Self { files: db.store::<File>()?, journal: db.store::<Work>()?, runs: db.store::<Run>()?, db })
    }

    pub(crate) fn close(self) -> kvstore::Result<()> {
        self.db.close()
    }

    /// The number of the last run and what is known of it.
    pub(crate) fn last_run(&self) -> Result<(u64, Run), Box<dyn Error>> {
        Ok(self.runs.last()?.ok_or("nothing was catalogued here yet")?)
    }
}

/// What came of a run that is finished.
pub(crate) struct Finished {
    pub(crate) number: u64,
    pub(crate) removed: u64,
    /// How long this process took.
    pub(crate) took: Duration,
}

/// Brings the catalogue up to date with the tree at `root`: resumes the last run where it was killed, and begins another
/// where it was not.
pub(crate) fn run(
    catalogue: &Catalogue,
    root: &Path,
    db: &Path,
    workers: NonZeroUsize,
) -> Result<Finished, Box<dyn Error>> {
    let started = Instant::now();
    let walk = Walk::new(root, &fs::canonicalize(db)?)
        .map_err(|error| format!("can't read the directory {}: {error}", root.display()))?;
    let mut run = begin(catalogue, root)?;
    let progress = Progress::new();
    for work in catalogue.journal.iter()? {
        progress.found(1, work?.1.size);
    }
    let removed = work_off(catalogue, root, *run.key(), walk, workers, &progress);
    progress.finish();
    let removed = removed?;
    // The one lock on the run was held all the time: what follows is its last word.
    run.finished = Some(Time::now());
    let number = *run.key();
    run.commit()?;
    Ok(Finished { number, removed, took: started.elapsed() })
}

/// The run to work on, counted as one process more.
fn begin(catalogue: &Catalogue, root: &Path) -> Result<Guard<Run>, Box<dyn Error>> {
    let root = FilePath(root.as_os_str().as_bytes().to_vec());
    let init = || RunInit { root: root.clone(), started: Time::now() };
    let mut run = match catalogue.runs.last()? {
        None => catalogue.runs.create(1, init())?,
        Some((_, last)) if last.root != root => {
            return Err(format!("this is a catalogue of {}: {root} needs another, by --db", last.root).into());
        }
        Some((number, Run { finished: Some(_), .. })) => catalogue.runs.create(number + 1, init())?,
        Some((number, _)) => {
            let pending = catalogue.journal.iter()?.keys().try_fold(0, |count: u64, key| key.map(|_| count + 1))?;
            println!("Resuming run {number}, which did not finish: {pending} files are still in the journal.");
            catalogue.runs.lock_or_create(number, init())?
        }
    };
    run.processes += 1;
    run.save()?;
    Ok(run)
}

/// Walks and hashes side by side, and returns how many names were removed.
fn work_off(
    catalogue: &Catalogue,
    root: &Path,
    run: u64,
    walk: Walk,
    workers: NonZeroUsize,
    progress: &Progress,
) -> Result<u64, Box<dyn Error>> {
    let Catalogue { files, journal, .. } = catalogue;
    let bell = &Bell::new();
    thread::scope(|scope| {
        // On every way out of here the workers are told that there will be no more. Only then are they waited for.
        let closing = bell.close_on_drop();
        let mut started = Vec::new();
        for number in 1..=workers.get() {
            let worker = Worker { root, files, journal, run, bell, progress };
            let work = move || worker.run().inspect_err(|_| bell.fail());
            started.push(thread::Builder::new().name(format!("worker {number}")).spawn_scoped(scope, work)?);
        }
        let mut planner = Planner { files, journal, run, bell, progress, removed: 0 };
        let walked = planner.fill_journal(walk).inspect_err(|_| bell.fail());
        drop(closing);
        for worker in started {
            worker.join().unwrap_or_else(|panic| resume_unwind(panic))?;
        }
        walked?;
        Ok(planner.removed)
    })
}
