//! The process that opens damaged databases: if it is killed by one, panics or hangs, the trial knows which it was.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use fastrand::Rng;
use kvstore::{Database, Durability, Error, Recovery};
use kvstore_tests::{TestResult, warnings_of};

use super::files::{Files, Kind};
use super::history::{NAMESPACES, State};
use super::image::Image;
use super::judge::{Outcome, judge};
use super::mutation::Mutation;
use super::reading::{check_error, describe, read};
use super::stores::{ACCOUNTS, Account, DOCUMENTS, Document, LISTS, list, number, text};
use super::writer::{Ended, builder};

/// The name of the task, see [`Context::child`](crate::trial::Context::child).
pub(super) const TASK: &str = "damage-examine";

/// Damages and opens one database for each seed, and tells before each what it does, and then what came of it.
///
/// # Errors
/// Where a directory can't be read or written.
pub(super) fn child(arguments: &[String]) -> TestResult {
    let [root, seeds @ ..] = arguments else { return Err("arguments are missing".into()) };
    let root = Path::new(root);
    let images = Ended::ALL.map(|ended| Image::load(root, ended)).into_iter().collect::<TestResult<Vec<_>>>()?;
    for seed in seeds {
        let mut rng = Rng::with_seed(seed.parse()?);
        let image = rng.choice(&images).ok_or("no databases")?;
        let work = tempfile::tempdir_in(root)?;
        let (mutations, damaged) = damage(&mut rng, image)?;
        println!("begin `{}`: {}", image.ended.name(), mutations.join(", and "));
        let mut round = Round { image, damaged, directory: work.path().join("data"), rng };
        match round.run() {
            Ok(outcome) => println!("outcome {}", outcome.text()),
            Err(violation) => println!("violation {}", violation.to_string().replace('\n', " ")),
        }
    }
    Ok(())
}

/// Draws one mutation, sometimes two, and applies them.
fn damage(rng: &mut Rng, image: &Image) -> TestResult<(Vec<String>, Files)> {
    let (mut mutations, mut files) = (Vec::new(), image.files.clone());
    for _ in 0..if rng.u8(..8) == 0 { 2 } else { 1 } {
        let mutation = Mutation::draw(rng, image, &files)?;
        mutation.apply(&mut files);
        mutations.push(mutation.to_string());
    }
    Ok((mutations, files))
}

struct Round<'a> {
    image: &'a Image,
    damaged: Files,
    directory: PathBuf,
    rng: Rng,
}

impl Round<'_> {
    fn run(&mut self) -> TestResult<Outcome> {
        self.damaged.write(&self.directory)?;
        let (opened, said) = self.open(Recovery::Auto);
        match opened {
            Ok(db) => self.opened(db, &said, Recovery::Auto),
            Err(error) => self.refused(&error, &said),
        }
    }

    fn open(&mut self, recovery: Recovery) -> (kvstore::Result<Database>, Vec<String>) {
        let durability = if self.rng.bool() { Durability::Buffered } else { Durability::Sync };
        warnings_of(|| builder().durability(durability).recover(recovery).open(&self.directory))
    }

    /// Reads everything, writes something, and reads again after a restart.
    fn opened(&mut self, db: Database, said: &[String], recovery: Recovery) -> TestResult<Outcome> {
        let image = self.image;
        let never = (ACCOUNTS.to_owned(), "a".to_owned());
        let reading = read(&db, image.history.keys().chain([&never]))?;
        let (steps, outcome) = judge(image, &self.damaged, said, recovery, &reading)?;
        let had_errors = !reading.errors.is_empty();
        let mut state = image.history.after(steps);
        let uncertain = self.write(&db, &mut state)?;
        let closed = db.close();
        if let Err(error) = &closed {
            check_error(error)?;
        }
        let (db, said) = self.open(Recovery::Auto);
        let db = match db {
            Ok(db) => db,
            Err(error) if had_errors || closed.is_err() => return check_error(&error).map(|()| outcome),
            Err(error) => return Err(format!("{outcome:?}, but then not opened again: {}", describe(&error)).into()),
        };
        // RocksDB's own warnings don't name the directory. Where reads meet damage, a compaction may meet it, too.
        let mut unexpected = said.iter().filter(|line| !had_errors || line.contains("path="));
        if closed.is_ok() && uncertain.is_empty() && unexpected.next().is_some() {
            return Err(format!("{outcome:?}, and after a restart it says: {said:?}").into());
        }
        let mut reading = read(&db, state.keys().chain(image.history.keys()))?;
        reading.errors.iter().try_for_each(check_error)?;
        if !had_errors && !reading.errors.is_empty() {
            return Err(format!("{outcome:?}, but then errors: {:?}", reading.errors).into());
        }
        reading.found.retain(|key, _| !uncertain.contains(key));
        let wrong = reading.found.iter().find(|(key, value)| state.get(key) != value.as_ref());
        if let Some((key, value)) = wrong {
            let expected = state.get(key);
            return Err(format!("{outcome:?}, but then {key:?} is {value:?} instead of {expected:?}").into());
        }
        if uncertain.is_empty() {
            reading.check_scans(&state).map_err(|error| format!("{outcome:?}, but then {error}"))?;
        }
        Ok(outcome)
    }

    /// Writes something, and applies it to `state`; answers the keys of which it is not known whether they were written.
    fn write(&mut self, db: &Database, state: &mut State) -> TestResult<BTreeSet<(String, String)>> {
        let rng = &mut self.rng;
        let mut uncertain = BTreeSet::new();
        let mut done = |namespace: &str, key: String, value: Option<String>, result: kvstore::Result<()>| {
            let key = (namespace.to_owned(), key);
            match result {
                Ok(()) => {}
                // What an earlier write met.
                Err(Error::Failed { .. }) => drop(uncertain.insert(key.clone())),
                Err(error) => {
                    uncertain.insert(key.clone());
                    check_error(&error)?;
                }
            }
            match value {
                Some(value) => drop(state.insert(key, value)),
                None => drop(state.remove(&key)),
            }
            TestResult::Ok(())
        };
        if let Ok(accounts) = db.store::<Account>() {
            done(NAMESPACES, ACCOUNTS.into(), Some(String::new()), Ok(()))?;
            let account = Account::random(rng);
            let value = text(&account);
            done(ACCOUNTS, "d5".into(), Some(value), accounts.insert("d5", account))?;
            done(ACCOUNTS, "c5".into(), None, accounts.remove("c5").map(drop))?;
        }
        if let Ok(documents) = db.store::<Document>() {
            done(NAMESPACES, DOCUMENTS.into(), Some(String::new()), Ok(()))?;
            // Where the last key that was given out can't be read, there is no next one.
            if let Ok(guard) = documents.create_next(Document::random(rng)) {
                let (key, value) = (number(*guard.key()), text(&*guard));
                done(DOCUMENTS, key, Some(value), guard.commit())?;
            }
        }
        if let Ok(lists) = db.map::<(String, u32), Vec<u64>>(LISTS) {
            done(NAMESPACES, LISTS.into(), Some(String::new()), Ok(()))?;
            let list = list(rng);
            let value = text(&list);
            done(LISTS, format!("nn/{}", number(5)), Some(value), lists.put(("nn", 5), list))?;
        }
        Ok(uncertain)
    }

    /// Nothing was changed; what was damaged can be put back, and all is there; or `Prefix` opens what was before the
    /// damage.
    fn refused(&mut self, error: &Error, before: &[String]) -> TestResult<Outcome> {
        check_error(error)?;
        let said = describe(error);
        self.check_untouched(&said)?;
        if said.contains("Recovery::Prefix") {
            let (opened, warnings) = self.open(Recovery::Prefix);
            return match opened {
                Ok(db) => self.opened(db, &warnings, Recovery::Prefix),
                Err(error) => {
                    check_error(&error)?;
                    self.check_untouched(&describe(&error))?;
                    Ok(Outcome::RefusedByPrefix)
                }
            };
        }
        // Where RocksDB met what it refuses, a log or the manifest that was damaged, too, had been dealt with before.
        let changed = |name: &String| self.damaged.0.get(name) != self.image.files.0.get(name);
        let mut recovered = [Kind::Log, Kind::Manifest].into_iter().flat_map(|kind| self.image.files.of_kind(kind));
        let is_cut = said.contains("RocksDB") && recovered.any(changed);
        for (name, bytes) in &self.image.files.0 {
            if self.damaged.0.get(name) != Some(bytes) {
                fs::write(self.directory.join(name), bytes)?;
            }
        }
        let (opened, mut warnings) = self.open(Recovery::Auto);
        let db = opened.map_err(|error| format!("refused, and again when it was mended: {}", describe(&error)))?;
        if !is_cut {
            self.damaged = self.image.files.clone();
        }
        if is_cut {
            warnings.extend_from_slice(before);
        }
        let mended = self.opened(db, &warnings, Recovery::Auto);
        match mended.map_err(|error| format!("refused ({said}), and when it was mended: {error}"))? {
            Outcome::Right => Ok(Outcome::Refused),
            Outcome::RightAndSaid | Outcome::Prefix | Outcome::LogCut | Outcome::SyncedLogCut if is_cut => {
                Ok(Outcome::Refused)
            }
            other => Err(format!("refused ({said}), and when it was mended: {other:?}").into()),
        }
    }

    fn check_untouched(&self, said: &str) -> TestResult {
        // RocksDB may have written new files before it met the damage.
        if said.contains("RocksDB") {
            return Ok(());
        }
        let (before, now) = (self.damaged.clone().without_locks(), Files::read(&self.directory)?.without_locks());
        if before == now {
            return Ok(());
        }
        let names: BTreeSet<_> = before.0.keys().chain(now.0.keys()).collect();
        let changed: Vec<_> = names.into_iter().filter(|name| before.0.get(*name) != now.0.get(*name)).collect();
        Err(format!("refused ({said}), but {changed:?} changed").into())
    }
}
