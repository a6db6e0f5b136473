//! What is printed: the table at the end, `--list` and `--show`.

use std::error::Error;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;

use crate::run::{Catalogue, Finished};
use crate::store::{Attempt, File, FilePath, Kind, Outcome, Run, readable};
use crate::text::{bytes, count, throughput, time};

/// How many errors the table names.
const NAMED_ERRORS: usize = 10;

/// Files and their bytes.
#[derive(Default)]
struct Sum {
    files: u64,
    bytes: u64,
}

impl Sum {
    fn add(&mut self, file: &File) {
        self.files += 1;
        self.bytes += file.meta.size;
    }
}

#[derive(Default)]
struct Sums {
    regular: Sum,
    hashed_now: Sum,
    hashed_before: Sum,
    links: u64,
    special: u64,
    errors: u64,
    named_errors: Vec<(FilePath, String)>,
}

impl Sums {
    /// From the store alone: the same for a run that was killed and resumed as for one that was not.
    fn of(catalogue: &Catalogue, run: u64) -> kvstore::Result<Self> {
        let mut sums = Self::default();
        for entry in catalogue.files.iter()? {
            let (path, file) = entry?;
            match file.kind {
                Kind::Regular => sums.regular.add(&file),
                Kind::Link => sums.links += 1,
                Kind::Special => sums.special += 1,
                Kind::Directory | Kind::Unknown => {}
            }
            let now = file.attempts.get(&run).is_some_and(|attempt| attempt.outcome == Outcome::Hashed);
            match file.hash {
                Some(_) if now => sums.hashed_now.add(&file),
                Some(_) => sums.hashed_before.add(&file),
                None => {}
            }
            if let Some(error) = file.error {
                sums.errors += 1;
                if sums.named_errors.len() < NAMED_ERRORS {
                    sums.named_errors.push((path, error));
                }
            }
        }
        Ok(sums)
    }
}

/// Prints what a run came to.
pub(crate) fn summary(out: &mut impl Write, catalogue: &Catalogue, finished: &Finished) -> Result<(), Box<dyn Error>> {
    let Finished { number, removed, took } = *finished;
    let (_, Run { root, processes, .. }) = catalogue.last_run()?;
    let sums = Sums::of(catalogue, number)?;

    let resumed = if processes > 1 { format!(", by {processes} processes one after the other") } else { String::new() };
    writeln!(out, "Run {number} over {root}{resumed}")?;
    let mut row = |name, files: u64, sum: Option<u64>| {
        writeln!(out, "  {name:<22} {:>12} {:>12}", count(files), sum.map(bytes).unwrap_or_default())
    };
    row("files", sums.regular.files, Some(sums.regular.bytes))?;
    row("hashed in this run", sums.hashed_now.files, Some(sums.hashed_now.bytes))?;
    row("unchanged", sums.hashed_before.files, Some(sums.hashed_before.bytes))?;
    row("symbolic links", sums.links, None)?;
    row("sockets, pipes, devices", sums.special, None)?;
    row("removed", removed, None)?;
    row("errors", sums.errors, None)?;

    if sums.errors > 0 {
        writeln!(out, "Errors:")?;
        for (path, error) in &sums.named_errors {
            writeln!(out, "  {path}: {error}")?;
        }
        match sums.errors - sums.named_errors.len() as u64 {
            0 => {}
            more => writeln!(out, "  and {} more: see --list", count(more))?,
        }
    }
    if sums.hashed_now.files == 0 {
        writeln!(out, "Nothing was hashed: no file has changed. {:.1} s", took.as_secs_f64())?;
    } else if processes > 1 {
        writeln!(out, "This process took {:.1} s", took.as_secs_f64())?;
    } else {
        writeln!(out, "{:.1} s, {}", took.as_secs_f64(), throughput(sums.hashed_now.bytes, took))?;
    }
    Ok(())
}

/// A path as the store has it: below the root, whether it was given so or in full.
fn below_root(catalogue: &Catalogue, path: &OsStr) -> Result<FilePath, Box<dyn Error>> {
    let (path, (_, run)) = (path.as_bytes(), catalogue.last_run()?);
    let below = path.strip_prefix(run.root.0.as_slice()).and_then(|rest| rest.strip_prefix(b"/"));
    Ok(FilePath(below.unwrap_or(path).to_vec()))
}

/// Prints one line for each path that begins with `prefix`.
pub(crate) fn list(out: &mut impl Write, catalogue: &Catalogue, prefix: &OsStr) -> Result<(), Box<dyn Error>> {
    let prefix = below_root(catalogue, prefix)?;
    for entry in catalogue.files.prefix(prefix.0)? {
        let (path, file) = entry?;
        let what = match (file.hash, file.pending) {
            (Some(hash), _) => hash.to_string(),
            (None, Some(_)) => "pending".to_owned(),
            (None, None) => kind(&file).to_owned(),
        };
        write!(out, "{what:<64} {:>12}  {path}", file.meta.size)?;
        if let Some(target) = &file.target {
            write!(out, " -> {}", readable(target))?;
        }
        if let Some(error) = &file.error {
            write!(out, " ({error})")?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Prints all that is known of one path.
pub(crate) fn show(out: &mut impl Write, catalogue: &Catalogue, path: &OsStr) -> Result<(), Box<dyn Error>> {
    let path = below_root(catalogue, path)?;
    let file = catalogue.files.get(&path)?.ok_or_else(|| format!("the catalogue has no {path}"))?;
    writeln!(out, "{path}")?;
    let mut row = |name, text: String| writeln!(out, "  {name:<10} {text}");
    row("kind", kind(&file).to_owned())?;
    row("size", format!("{} bytes", count(file.meta.size)))?;
    row("modified", time(file.meta.modified))?;
    row("changed", time(file.meta.changed))?;
    if let Some(hash) = file.hash {
        row("BLAKE3", hash.to_string())?;
    }
    if let Some(target) = &file.target {
        row("leads to", readable(target))?;
    }
    if let Some(error) = &file.error {
        row("error", error.clone())?;
    }
    if let Some(work) = file.pending {
        row("pending", format!("number {} in the journal", work.0))?;
    }
    for (run, Attempt { begun, outcome }) in &file.attempts {
        let outcome = match outcome {
            Outcome::Unfinished => "not finished",
            Outcome::Hashed => "hashed",
            Outcome::Failed => "failed",
        };
        row("attempt", format!("in run {run}: begun {begun} times, {outcome}"))?;
    }
    Ok(())
}

fn kind(file: &File) -> &'static str {
    match file.kind {
        Kind::Regular => "file",
        Kind::Link => "symbolic link",
        Kind::Directory => "directory",
        Kind::Special => "socket, pipe or device",
        Kind::Unknown => "unknown",
    }
}

/// Does without the rest of the output where nobody reads it, as in `--list "" | head`.
pub(crate) fn unless_unread(result: Result<(), Box<dyn Error>>) -> Result<(), Box<dyn Error>> {
    let unread = |error: &io::Error| error.kind() == io::ErrorKind::BrokenPipe;
    match result {
        Err(error) if error.downcast_ref().is_some_and(unread) => Ok(()),
        result => result,
    }
}
