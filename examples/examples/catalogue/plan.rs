//! The walker: compares the tree with the catalogue, and puts what is to be hashed into the journal.

use kvstore::{Batch, Error};

use crate::bell::Bell;
use crate::progress::Progress;
use crate::store::{File, FileInit, FilePath, FileStore, Kind, Outcome, WorkInit, WorkStore};
use crate::walk::{Found, Walk};

/// What the walker needs, and what it counts.
pub(crate) struct Planner<'a> {
    pub(crate) files: &'a FileStore,
    pub(crate) journal: &'a WorkStore,
    pub(crate) run: u64,
    pub(crate) bell: &'a Bell,
    pub(crate) progress: &'a Progress,
    /// How many names are no longer in the tree.
    pub(crate) removed: u64,
}

impl Planner<'_> {
    /// Goes through tree and catalogue side by side: both are in the order of paths.
    ///
    /// The catalogue is seen as it was when this began. What workers finish meanwhile was pending then, and pending files
    /// are left to them. So it does not matter how far an earlier process came before it was killed: this starts anew, and
    /// what is done already costs a look at the file's metadata.
    pub(crate) fn fill_journal(&mut self, walk: Walk) -> kvstore::Result<()> {
        let mut stored = self.files.iter()?.peekable();
        // The last directory that could not be read: nothing is known of what is below it.
        let mut unreadable: Option<FilePath> = None;
        for found in walk {
            if self.bell.has_failed() {
                return Ok(());
            }
            // What the catalogue has before this name, the tree has no longer.
            while let Some(entry) = stored.next_if(|entry| is_before(entry.as_ref(), &found.path)) {
                self.gone(entry?, unreadable.as_ref())?;
            }
            let same = |entry: &Entry| matches!(entry, Ok((path, _)) if *path == found.path);
            let known = stored.next_if(same).transpose()?.map(|(_, file)| file);
            if found.kind == Kind::Directory {
                unreadable = Some(found.path.clone());
            }
            self.compare(found, known)?;
        }
        stored.try_for_each(|entry| self.gone(entry?, unreadable.as_ref()))
    }

    fn compare(&self, found: Found, known: Option<File>) -> kvstore::Result<()> {
        match known {
            // A worker has it, or will, and looks at it anew.
            Some(known) if known.pending.is_some() => Ok(()),
            Some(known) if found.kind == Kind::Regular && !self.is_due(&known, &found) => Ok(()),
            Some(known) if found.kind != Kind::Regular && is_recorded(&known, &found) => Ok(()),
            _ if found.kind == Kind::Regular => self.enqueue(found),
            _ => self.record(found),
        }
    }

    /// Whether a file has changed since it was hashed, or was not hashed and this run has not tried yet.
    fn is_due(&self, known: &File, found: &Found) -> bool {
        let tried = known.attempts.get(&self.run).is_some_and(|attempt| attempt.outcome == Outcome::Failed);
        known.kind != Kind::Regular || known.meta != found.meta || (known.hash.is_none() && !tried)
    }

    /// Puts a file into the journal, and marks it as pending, in one batch: after a kill, neither is there without the
    /// other.
    fn enqueue(&self, found: Found) -> kvstore::Result<()> {
        // First the journal, then the file: the order of the workers too, so that nobody waits for somebody who waits for
        // him.
        let size = found.meta.size;
        let work = self.journal.create_next(WorkInit { path: found.path.clone(), size })?;
        let mut file = self.files.lock_or_create(&found.path, FileInit { kind: found.kind, meta: found.meta })?;
        file.kind = found.kind;
        file.meta = found.meta;
        file.hash = None;
        file.target = None;
        file.error = None;
        file.pending = Some(*work.key());
        // Counted first: once it is committed, a worker may be done with it before this goes on.
        self.progress.found(1, size);
        Batch::new().write(work).write(file).commit()?;
        self.bell.ring();
        Ok(())
    }

    /// Records what need not be hashed.
    fn record(&self, found: Found) -> kvstore::Result<()> {
        let mut file = self.files.lock_or_create(&found.path, FileInit { kind: found.kind, meta: found.meta })?;
        file.kind = found.kind;
        file.meta = found.meta;
        file.hash = None;
        file.target = found.target;
        file.error = found.error;
        file.commit()
    }

    /// Removes a name that is no longer in the tree, with its entry in the journal.
    fn gone(&mut self, (path, file): (FilePath, File), unreadable: Option<&FilePath>) -> kvstore::Result<()> {
        if unreadable.is_some_and(|directory| path != *directory && path.0.starts_with(&directory.0)) {
            return Ok(());
        }
        let work = match file.pending {
            None => None,
            Some(id) => match self.journal.try_lock(id) {
                // A worker has just taken it: it finds out by itself, and the next run removes the name.
                Err(Error::Locked { .. }) => return Ok(()),
                work => work?,
            },
        };
        if let Some(file) = self.files.lock(&path)? {
            match work {
                Some(work) => {
                    self.progress.dropped(work.size);
                    Batch::new().delete(work).delete(file).commit()?;
                }
                None => file.delete()?,
            }
            self.removed += 1;
        }
        Ok(())
    }
}

type Entry = kvstore::Result<(FilePath, File)>;

/// An entry that can't be read comes before everything, so that its error is not put off.
fn is_before(entry: Result<&(FilePath, File), &Error>, path: &FilePath) -> bool {
    entry.map_or(true, |(stored, _)| stored < path)
}

fn is_recorded(known: &File, found: &Found) -> bool {
    (known.kind, known.meta, &known.target, &known.error) == (found.kind, found.meta, &found.target, &found.error)
}
