//! What becomes of damage in the write-ahead log.
//!
//! RocksDB's own recovery passes over zeroed pages, checks sequence numbers only against going backwards, drops the rest
//! of a log without a word, and never ends where a flipped bit makes a record look like one of a recycled log. So the
//! log is read here first: checksums, and that each commit follows the one before.
//!
//! | last session | nothing sound behind the damage | commits behind the damage, or missing |
//! |---|---|---|
//! | `Sync`, unclean | a commit cut short by the end of the session: cut off, said | refused |
//! | `Buffered`, unclean | the same | after power loss pages are missing anywhere: cut off, said |
//! | clean | refused, since all of it was synced | refused |
//!
//! In a directory that is marked clean, commits after the one with which it was closed are damage, too: they are of a newer state
//! of the database, over which an older copy was put.
//!
//! Where refused, `Recovery::Prefix` cuts. Whatever is cut off is put into a folder `damaged-1` and so on.
//!
//! The manifest is cut where power loss may have left a change of it half written, any of its pages or sectors missing.
//! Such a change was never applied: the log whose commits it says are in tables is there still. Where that log is missing,
//! or a table, something else has damaged the manifest, and the database is refused as it is. It is also refused, whether
//! the manifest shows damage or not, where a table that it does not list holds commits that are in no log: RocksDB removes
//! logs in any order, so that the first one may be there when later ones are gone.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fmt::Write;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::aside::Aside;
use super::files::io_error;
use super::log::{LogReader, Next, commit_head};
use super::manifest::{self, Found, Manifest};
use super::marker::{self, Marker, State};
use super::table;
use crate::error::{Error, Result};

/// The way out where what is left is refused.
const PREFIX_HINT: &str =
    "`builder().recover(Recovery::Prefix)` opens the commits before that, and puts the rest aside";

/// How RocksDB is to read the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Up to the first damage; what follows is dropped.
    Prefix,
    /// All of it, though the last record may be torn.
    Tail,
}

/// The state of the log when RocksDB may open it.
#[derive(Debug)]
pub(super) struct Recovered {
    pub(super) mode: Mode,
    /// The last sequence number known to be synced.
    pub(super) synced: u64,
    /// Whether the log was read, and holds no damage any more.
    pub(super) is_sound: bool,
    /// What was done, in words.
    pub(super) summary: String,
}

/// A log that is needed.
#[derive(Debug)]
struct Log {
    number: u64,
    path: PathBuf,
    size: u64,
}

/// What reading all logs found.
#[derive(Debug)]
struct Pass {
    logs: Vec<Log>,
    /// The last sequence number before any damage.
    last: u64,
    damage: Option<Damage>,
    /// Whether there is no log at all. Every session leaves one.
    is_missing: bool,
}

#[derive(Debug)]
struct Damage {
    /// The log, among those that are needed.
    log: usize,
    /// The end of the last sound commit in it.
    offset: u64,
    what: String,
    /// Whether commits are behind it.
    is_followed: bool,
}

/// Reads the logs of a database and makes them sound, or says why this must not be done.
///
/// When it returns, the manifest and all that is left of the logs are synced, though a killed process may have left them
/// unsynced: the next session's durability holds for them, and its marker may say so.
///
/// # Errors
/// `Corrupt` where commits that were synced are damaged or missing, unless `prefix` says to drop what follows them; also
/// where files of RocksDB are missing.
pub(super) fn recover(directory: &Path, marker: &Marker, prefix: bool) -> Result<Recovered> {
    let was_synced = marker.sync || marker.state == State::Clean;
    let mode = if prefix || !was_synced { Mode::Prefix } else { Mode::Tail };
    let manifest = read_manifest(directory, marker)?;
    let end = marker.end();
    let pass = manifest.as_ref().map_or(Ok(None), |(manifest, _)| read_logs(directory, manifest, end))?;
    if let Some((manifest, Some(torn))) = &manifest {
        let pass = pass.as_ref().filter(|pass| pass.last >= marker.synced);
        if !pass.map_or(Ok(false), |pass| has_first_log(&pass.logs, manifest))? {
            return Err(torn.refused(directory));
        }
    }
    let (Some((manifest, torn)), Some(mut pass)) = (manifest, pass) else {
        tracing::warn!(
            path = %directory.display(),
            "the manifest or a log can't be read beforehand: only RocksDB tells what it holds"
        );
        let summary = "the log is left to RocksDB".to_owned();
        return Ok(Recovered { mode, synced: marker.synced, is_sound: false, summary });
    };
    if !prefix && manifest.last_sequence > end {
        let reason = format!(
            "its tables hold commit {}, and it was closed with commit {end}: files of another state of the database are \
             mixed with it. Restore a copy with `Database::restore`, or into an empty directory",
            manifest.last_sequence
        );
        return Err(corrupt(directory, reason));
    }
    let unlisted = find_unlisted_commits(directory, &manifest, &pass)?;
    if let Some(found) = unlisted.as_ref().filter(|_| !prefix) {
        return Err(corrupt(directory, format!("{found}. {PREFIX_HINT}")));
    }
    // A copy made by a checkpoint may be without.
    pass.is_missing &= marker.state == State::Open;
    let lost = pass.last < marker.synced;
    let lacks_commits = pass.is_missing || pass.damage.as_ref().is_some_and(|damage| damage.is_followed);
    let is_refused = lost || (was_synced && lacks_commits);
    if is_refused && !prefix {
        return Err(corrupt(directory, format!("{}. {PREFIX_HINT}", pass.describe(marker))));
    }
    let mut summary = pass.summary(&manifest);
    let mut aside = Aside::new(directory);
    if lost || torn.is_some() || pass.is_missing || pass.damage.is_some() || unlisted.is_some() {
        // Where the manifest lacks its end, RocksDB would remove them. Done first: once the log is cut, nothing tells.
        put_unlisted_tables_aside(directory, &manifest, &mut aside)?;
    }
    if let Some(torn) = torn {
        torn.cut(&mut aside)?;
    }
    if let Some(damage) = pass.damage.take() {
        let text = pass.describe_damage(&damage);
        // Said before it is done: the next open finds nothing to say, should this process be killed right behind.
        let folder = aside.folder()?.display();
        tracing::warn!(path = %directory.display(), aside = %folder, "the write-ahead log was cut: {text}");
        cut(&mut pass.logs, &damage, &mut aside)?;
    }
    if pass.is_missing {
        tracing::warn!(path = %directory.display(), "the write-ahead log is missing, with all commits in it");
    }
    if let Some(found) = unlisted {
        tracing::warn!(path = %directory.display(), "commits are lost: {found}");
    }
    if lost {
        tracing::warn!(path = %directory.display(), last = pass.last, synced = marker.synced, "synced commits are lost");
    }
    pass.logs.iter().try_for_each(|log| sync(&log.path))?;
    if let Some(folder) = aside.made() {
        let _ = write!(summary, "; damage was cut off and put into {}", folder.display());
    }
    Ok(Recovered { mode, synced: pass.last, is_sound: true, summary })
}

/// Refuses a directory whose making was not finished, where it has commits all the same: its marker is an old one, and
/// the database would be cleared away to be made anew.
pub(super) fn check_unfinished(directory: &Path) -> Result<()> {
    let refused = |file: &Path| {
        let (marker, name) = (marker::FILE, name(file));
        Err(corrupt(directory, format!("`{marker}` says that it was never finished, but `{name}` holds commits")))
    };
    if let Some((_, table)) = numbered(directory, ".sst")?.pop_first() {
        return refused(&table);
    }
    for log in list(directory)? {
        if holds_commits(&log, 0).map_err(|error| io_error("read", &log.path, error))? {
            return refused(&log.path);
        }
    }
    Ok(())
}

/// The last commit in a copy of a database, which is not open; 0 where it can't be told.
pub(super) fn last_commit(directory: &Path) -> Result<u64> {
    let marker = Marker { state: State::Clean, ..Marker::new() };
    let Some((manifest, _)) = read_manifest(directory, &marker)? else { return Ok(0) };
    Ok(read_logs(directory, &manifest, u64::MAX)?.map_or(0, |pass| pass.last))
}

/// A manifest whose end is damaged.
struct Torn {
    path: PathBuf,
    /// The end of what is sound.
    offset: u64,
    what: &'static str,
}

impl Torn {
    fn refused(&self, directory: &Path) -> Error {
        let Self { path, offset, what } = self;
        damaged(directory, path, &format!("behind byte {offset} {what}"))
    }

    /// Cuts the end off, and keeps it aside.
    fn cut(&self, aside: &mut Aside<'_>) -> Result<()> {
        let Self { path, offset, what } = self;
        tracing::warn!(
            path = %path.display(), aside = %aside.folder()?.display(),
            "the last change of the list of tables was not written to its end: behind byte {offset} {what}"
        );
        aside.copy_end(path, *offset)?;
        aside.sync()?;
        truncate(path, *offset)
    }
}

fn damaged(directory: &Path, manifest: &Path, what: &str) -> Error {
    let name = name(manifest);
    corrupt(directory, format!("`{name}`, in which RocksDB lists its tables, is damaged: {what}"))
}

/// Reads the manifest, and finds whether its end is damaged; `None` where it is in a form that is not known here.
fn read_manifest(directory: &Path, marker: &Marker) -> Result<Option<(Manifest, Option<Torn>)>> {
    let path = manifest::locate(directory).map_err(|error| io_error("read", &directory.join("CURRENT"), error))?;
    let path = path.map_err(|missing| corrupt(directory, missing))?;
    let found = manifest::read(&path).map_err(|error| io_error("read", &path, error))?;
    // What it says of logs that are not needed any more is believed from here on.
    sync(&path)?;
    let (manifest, torn) = match found {
        Found::Sound(manifest) => (manifest, None),
        Found::Damaged(manifest, offset, what) => (manifest, Some(Torn { path: path.clone(), offset, what })),
        Found::Unknown => return Ok(None),
    };
    if let Some(torn) = torn.as_ref().filter(|_| marker.state == State::Clean) {
        return Err(torn.refused(directory));
    }
    if !manifest.is_complete() {
        return Err(damaged(directory, &path, "its end is missing"));
    }
    // If it lacks its end, it may list tables that were replaced since.
    if let Some(missing) = manifest.find_missing(directory).map_err(|error| io_error("list", directory, error))? {
        let reason = format!("the table {missing}, according to `{}`, in which RocksDB lists its tables", name(&path));
        return Err(corrupt(directory, reason));
    }
    Ok(Some((manifest, torn)))
}

/// Reads all logs that are needed; `None` where one is in a form that is not known here. A commit after `end` is damage.
fn read_logs(directory: &Path, manifest: &Manifest, end: u64) -> Result<Option<Pass>> {
    let mut logs = list(directory)?;
    let is_missing = logs.is_empty();
    logs.retain(|log| log.number >= manifest.first_log);
    let mut pass = Pass { logs, last: manifest.last_sequence, damage: None, is_missing };
    let mut last = None;
    for index in 0..pass.logs.len() {
        let Some(log) = pass.logs.get(index) else { break };
        let failed = |error| io_error("read", &log.path, error);
        let mut damage = match read_log(log, &mut last, manifest, end).map_err(failed)? {
            Read::Sound => continue,
            Read::Unknown => return Ok(None),
            Read::Damaged(damage) => damage,
        };
        damage.log = index;
        let next = last.unwrap_or(0) + 1;
        for later in pass.logs.iter().skip(index + 1) {
            damage.is_followed = damage.is_followed || holds_commits(later, next).map_err(failed)?;
        }
        pass.damage = Some(damage);
        break;
    }
    pass.last = pass.last.max(last.unwrap_or(0));
    Ok(Some(pass))
}

/// Whether the oldest log is the one that follows what the manifest says is in tables: it had been begun, and does not begin
/// with a later commit. A compaction may have counted a log as begun whose predecessor was still needed then.
fn has_first_log(logs: &[Log], manifest: &Manifest) -> Result<bool> {
    let Some(log) = logs.first().filter(|log| log.number < manifest.next_file) else { return Ok(false) };
    let first = first_commit(log).map_err(|error| io_error("read", &log.path, error))?;
    // Where nothing can be read of it, power loss may have left it so.
    Ok(first.is_none_or(|first| first <= manifest.last_sequence + 1))
}

/// A table with commits that neither the manifest nor a log has, in words.
///
/// A table is made of one log or of several, and their names survive power loss before it is listed. So where the manifest
/// lacks no more than the change that was being written, there are as many logs as such tables. A table of the last level
/// does not say any more which commits it holds.
fn find_unlisted_commits(directory: &Path, manifest: &Manifest, pass: &Pass) -> Result<Option<String>> {
    let mut tables = BTreeMap::new();
    for (number, path) in numbered(directory, ".sst")? {
        if !manifest.tables.contains_key(&number) {
            let last = table::last_sequence(&path).map_err(|error| io_error("read", &path, error))?;
            tables.extend(last.map(|last| (last, path)));
        }
    }
    if tables.last_key_value().is_none_or(|(last, _)| *last <= pass.last) {
        return Ok(None);
    }
    let mut firsts = Vec::new();
    for log in &pass.logs {
        firsts.push(first_commit(log).map_err(|error| io_error("read", &log.path, error))?);
    }
    // What was replaced long ago, and not removed yet.
    let is_old = |last: u64| {
        let is_before_logs = firsts.first().is_none_or(|first| first.is_none_or(|first| last < first));
        last <= manifest.last_in_tables || (last <= manifest.last_sequence && is_before_logs)
    };
    tables.retain(|last, _| !is_old(*last));
    for (count, (last, path)) in (1..).zip(&tables) {
        let logs = firsts.iter().filter(|first| first.is_none_or(|first| first <= *last)).count();
        if *last > pass.last && count > logs {
            let manifest = manifest::locate(directory).map_err(|error| io_error("read", directory, error))?;
            let manifest = manifest.map(|path| name(&path)).unwrap_or_default();
            return Ok(Some(format!(
                "`{manifest}`, in which RocksDB lists its tables, is damaged: it lacks `{}`, which holds commits up to {last}, \
                 and the log that they came from is gone",
                name(path)
            )));
        }
    }
    Ok(None)
}

/// The first commit in a log; `None` where it can't be told.
fn first_commit(log: &Log) -> io::Result<Option<u64>> {
    let mut reader = LogReader::new(File::open(&log.path)?, log.number, 12);
    while let Next::Record { .. } = reader.next()? {
        match commit_head(reader.payload()) {
            // Empty commits have no sequence number of their own.
            Some((_, 0)) => {}
            found => return Ok(found.map(|(sequence, _)| sequence)),
        }
    }
    Ok(None)
}

/// What reading one log found.
enum Read {
    Sound,
    Damaged(Damage),
    /// It is in a form that is not known here.
    Unknown,
}

/// Reads one log, and counts `last` up to the last sound commit.
fn read_log(log: &Log, last: &mut Option<u64>, manifest: &Manifest, end: u64) -> io::Result<Read> {
    let mut reader = LogReader::new(File::open(&log.path)?, log.number, 12);
    let mut offset = 0;
    loop {
        match reader.next()? {
            Next::Record { end: after } => {
                let Some((sequence, count)) = commit_head(reader.payload()) else {
                    let is_followed = reader.is_followed_by(last.unwrap_or(0) + 1)?;
                    let what = "a record is no commit".into();
                    return Ok(Read::Damaged(Damage { log: 0, offset, what, is_followed }));
                };
                // RocksDB begins a log with an empty commit, which has no sequence number of its own.
                if count > 0 {
                    // What was in earlier logs is in tables. RocksDB would take a log that holds some of it, such as an
                    // older one in the place of the right one, for newer than these.
                    let (fits, expected) = match *last {
                        Some(last) => (sequence == last + 1, last + 1),
                        None => (
                            (manifest.last_in_tables + 1..=manifest.last_sequence + 1).contains(&sequence),
                            manifest.last_sequence + 1,
                        ),
                    };
                    if !fits {
                        let what = format!("commit {expected} should follow, but it is commit {sequence}");
                        return Ok(Read::Damaged(Damage { log: 0, offset, what, is_followed: true }));
                    }
                    let newest = sequence + u64::from(count) - 1;
                    if newest > end {
                        let what = format!(
                            "commit {sequence} follows, but the database was closed with commit {end}: an older copy was \
                             put over a newer state of it, whose log is still there. Restore copies with \
                             `Database::restore`, or into an empty directory"
                        );
                        return Ok(Read::Damaged(Damage { log: 0, offset, what, is_followed: true }));
                    }
                    *last = Some(newest);
                }
                offset = after;
            }
            Next::End => return Ok(Read::Sound),
            Next::Unknown(_) => return Ok(Read::Unknown),
            Next::Damage(what) => {
                let is_followed = reader.is_followed_by(last.unwrap_or(0) + 1)?;
                return Ok(Read::Damaged(Damage { log: 0, offset, what: what.into(), is_followed }));
            }
        }
    }
}

/// Whether a log behind the damaged one holds any commit.
fn holds_commits(log: &Log, sequence: u64) -> io::Result<bool> {
    LogReader::new(File::open(&log.path)?, log.number, 12).is_followed_by(sequence)
}

/// All logs, in order.
fn list(directory: &Path) -> Result<Vec<Log>> {
    let mut logs = Vec::new();
    for (number, path) in numbered(directory, ".log")? {
        let found = fs::metadata(&path).map_err(|error| io_error("read", &path, error))?;
        logs.push(Log { number, path, size: found.len() });
    }
    Ok(logs)
}

/// The bytes of all logs, needed or not.
pub(super) fn size_of_logs(directory: &Path) -> Result<u64> {
    Ok(list(directory)?.into_iter().map(|log| log.size).sum())
}

/// The files of RocksDB with a number and this ending, in order.
fn numbered(directory: &Path, ending: &str) -> Result<BTreeMap<u64, PathBuf>> {
    let failed = |error| io_error("list", directory, error);
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(OsStr::to_str);
        if let Some(number) = name.and_then(|name| name.strip_suffix(ending)?.parse().ok()) {
            found.insert(number, path);
        }
    }
    Ok(found)
}

fn name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

impl Pass {
    /// Says what of the logs is to be put into tables.
    fn summary(&self, manifest: &Manifest) -> String {
        let commits = self.last.saturating_sub(manifest.last_sequence);
        let bytes: u64 = self.logs.iter().map(|log| log.size).sum();
        match (self.logs.len(), commits) {
            (_, 0) => "nothing to replay".into(),
            (logs, changes) => format!("{changes} changes replayed from {bytes} bytes in {logs} logs"),
        }
    }

    fn describe(&self, marker: &Marker) -> String {
        let mut text = self.damage.as_ref().map(|damage| self.describe_damage(damage)).unwrap_or_default();
        if self.is_missing {
            text.push_str("the write-ahead log is missing, with all commits in it");
        }
        if self.last < marker.synced {
            let separator = if text.is_empty() { "" } else { "; " };
            let _ = write!(
                text,
                "{separator}the log holds commits up to {} only, and {} was synced when the database was last \
                 opened or closed",
                self.last, marker.synced
            );
        }
        text
    }

    fn describe_damage(&self, damage: &Damage) -> String {
        let mut text = String::new();
        let mut bytes = 0;
        if let Some(log) = self.logs.get(damage.log) {
            bytes = log.size.saturating_sub(damage.offset);
            let _ = write!(text, "`{}` is damaged behind byte {}: {}", name(&log.path), damage.offset, damage.what);
        }
        let later = self.logs.get(damage.log + 1..).unwrap_or_default();
        bytes += later.iter().map(|log| log.size).sum::<u64>();
        let kept = self.last;
        let what = if damage.is_followed { "commits follow it that are sound; " } else { "" };
        let _ =
            write!(text, "; {what}the last commit before it is {kept}, and {bytes} bytes of log are dropped behind it");
        if !later.is_empty() {
            let names: Vec<_> = later.iter().map(|log| name(&log.path)).collect();
            let _ = write!(text, ", with {}", names.join(", "));
        }
        text
    }
}

/// Cuts the logs at the damage. What is cut off is kept aside; a crash meanwhile leaves the damage in place, to be found
/// again.
fn cut(logs: &mut Vec<Log>, damage: &Damage, aside: &mut Aside<'_>) -> Result<()> {
    let Some(damaged) = logs.get(damage.log) else { return Ok(()) };
    aside.copy_end(&damaged.path, damage.offset)?;
    // From the last one on, so that what is left is damaged where it was. The damaged one stays, though nothing may be left
    // of it: a database without a log has lost it.
    for log in logs.drain(damage.log + 1..).rev() {
        aside.take(&log.path)?;
    }
    aside.sync()?;
    logs.get(damage.log).map_or(Ok(()), |log| truncate(&log.path, damage.offset))
}

fn truncate(file: &Path, size: u64) -> Result<()> {
    let opened = File::options().write(true).open(file);
    let cut = opened.and_then(|opened| opened.set_len(size).and_then(|()| opened.sync_all()));
    cut.map_err(|error| io_error("cut", file, error))
}

fn sync(file: &Path) -> Result<()> {
    File::open(file).and_then(|opened| opened.sync_all()).map_err(|error| io_error("sync", file, error))
}

/// Puts the tables aside that the manifest does not list.
fn put_unlisted_tables_aside(directory: &Path, manifest: &Manifest, aside: &mut Aside<'_>) -> Result<()> {
    for (number, path) in numbered(directory, ".sst")? {
        if !manifest.tables.contains_key(&number) {
            aside.take(&path)?;
        }
    }
    aside.sync()
}

fn corrupt(directory: &Path, reason: String) -> Error {
    Error::Corrupt { path: directory.into(), reason, source: None }
}
