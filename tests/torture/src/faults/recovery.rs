//! A database whose log must be cut, and what must be left of it whatever fails meanwhile.

use std::fs;
use std::path::{Path, PathBuf};

use kvstore_tests::TestResult;

use super::judge::{describe, only};
use super::plan::Plan;
use crate::workload::{self, Script, Stores, Worker};

/// Steps in the log, before it is damaged.
const STEPS: u64 = 60;

/// A database as a power loss may leave it: a page is missing within the log, and there is a log behind it.
#[derive(Debug)]
pub(super) struct Damaged {
    directory: PathBuf,
    script: u64,
    /// The steps before the damage.
    kept: u64,
    /// What is cut off, in pieces: each must be found whole in what was put aside.
    dropped: Vec<Vec<u8>>,
}

impl Damaged {
    /// Makes one, in a directory that is there.
    ///
    /// # Errors
    /// Where it can't be made, or is not as it should be.
    pub(super) fn make(root: &Path, script: u64) -> TestResult<Self> {
        let (live, directory, trial) = (root.join("live"), root.join("damaged"), root.join("trial"));
        // With one log that no flush replaces. It is copied while open, as a kill leaves it.
        let db = kvstore::Database::open(&live)?;
        let stores = Stores::open(&db)?;
        let mut worker = Worker::new(&stores, Script::new(script, 0))?;
        (0..STEPS).try_for_each(|_| worker.step(&|_: &str| Ok(())))?;
        copy(&live, &directory)?;
        db.close()?;

        let logs = files(&directory)?.into_iter().filter(|path| path.extension().is_some_and(|end| end == "log"));
        let [log] = &logs.collect::<Vec<_>>()[..] else { return Err("one log was expected".into()) };
        let number: u64 = log.file_stem().and_then(|name| name.to_str()).unwrap_or_default().parse()?;
        let mut bytes = fs::read(log)?;
        fs::write(directory.join(format!("{:06}.log", number + 1)), &bytes)?;
        let later = bytes.clone();
        let (page, behind) = (bytes.len() / 2, bytes.len() / 2 + 512);
        bytes.get_mut(page..behind).ok_or("a short log")?.fill(0);
        fs::write(log, &bytes)?;

        // What becomes of it where nothing fails.
        copy(&directory, &trial)?;
        let db = kvstore::Database::open(&trial)?;
        let state = workload::read(&db, 1)?;
        let kept = only(&state.states)?.explained_by(script, 0, 0..=STEPS).ok_or("no prefix is left")?;
        db.close()?;
        let dropped = vec![later, bytes.get(behind..).unwrap_or_default().to_vec()];
        let damaged = Self { directory, script, kept, dropped };
        damaged.check_aside(&trial)?;
        if kept == 0 || kept == STEPS {
            return Err(format!("{kept} steps are left").into());
        }
        Ok(damaged)
    }

    /// Puts a copy of it to a place where nothing is.
    ///
    /// # Errors
    /// Where it can't be copied.
    pub(super) fn copy_to(&self, directory: &Path) -> TestResult {
        copy(&self.directory, directory)
    }

    /// Judges what is left after a child has tried to open it.
    ///
    /// # Errors
    /// A violation.
    pub(super) fn judge(&self, plan: &Plan) -> TestResult {
        for _ in 0..2 {
            let db = plan.builder().open(&plan.directory).map_err(|error| describe("it does not open", error))?;
            let found = workload::read(&db, 1)?;
            let state = only(&found.states)?;
            if state.explained_by(self.script, 0, self.kept..=self.kept).is_none() {
                return Err(format!("{} steps should be left, and there is {state:?}", self.kept).into());
            }
            self.check_aside(&plan.directory)?;
            db.close().map_err(|error| describe("it does not close", error))?;
        }
        Ok(())
    }

    /// Everything that was cut off lies in one of the folders for it.
    fn check_aside(&self, directory: &Path) -> TestResult {
        let mut aside = Vec::new();
        for folder in files(directory)?.into_iter().filter(|path| path.is_dir()) {
            for file in files(&folder)? {
                aside.push(fs::read(file)?);
            }
        }
        let is_kept = |piece: &Vec<u8>| aside.iter().any(|file| file.ends_with(piece));
        if self.dropped.iter().all(is_kept) { Ok(()) } else { Err("what was cut off is not put aside".into()) }
    }
}

fn files(directory: &Path) -> TestResult<Vec<PathBuf>> {
    let files = fs::read_dir(directory)?.map(|entry| entry.map(|entry| entry.path()));
    let mut files = files.collect::<Result<Vec<_>, _>>()?;
    files.sort();
    Ok(files)
}

fn copy(from: &Path, to: &Path) -> TestResult {
    fs::create_dir(to)?;
    for file in files(from)? {
        if let Some(name) = file.file_name() {
            fs::copy(&file, to.join(name))?;
        }
    }
    Ok(())
}
