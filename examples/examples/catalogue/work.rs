//! A worker: takes the head of the journal, hashes the file, and commits both.

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use kvstore::{Batch, Guard};
use rustix::fs::OFlags;

use crate::bell::Bell;
use crate::progress::Progress;
use crate::store::{FileStore, Hash, Meta, Outcome, Work, WorkStore};

/// Read at once.
const CHUNK: usize = 256 << 10;

/// What a worker needs.
pub(crate) struct Worker<'a> {
    pub(crate) root: &'a Path,
    pub(crate) files: &'a FileStore,
    pub(crate) journal: &'a WorkStore,
    pub(crate) run: u64,
    pub(crate) bell: &'a Bell,
    pub(crate) progress: &'a Progress,
}

impl Worker<'_> {
    /// Works until the journal is empty and the walker is done.
    ///
    /// The error is the store's own: a failed commit, made into it by `?`, lets its guards go, and with them the locks.
    pub(crate) fn run(&self) -> kvstore::Result<()> {
        let mut buffer = vec![0; CHUNK];
        loop {
            let heard = self.bell.heard();
            match self.journal.try_lock_first(..)? {
                Some(work) => self.hash_one(work, &mut buffer)?,
                None if self.bell.wait(heard) => {}
                None => return Ok(()),
            }
            if self.bell.has_failed() {
                return Ok(());
            }
        }
    }

    fn hash_one(&self, work: Guard<Work>, buffer: &mut [u8]) -> kvstore::Result<()> {
        // First the journal, then the file: the walker's order too.
        let Some(mut file) = self.files.lock(&work.path)? else {
            // They come and go in one batch, so this is damage by other hands. There is nothing to be done for it.
            return work.delete();
        };
        let attempt = file.attempts.entry(self.run).or_default();
        attempt.begun += 1;
        attempt.outcome = Outcome::Unfinished;
        file.save()?; // written, and still locked: who is killed from here on has left a trace

        let path = self.root.join(work.path.as_path());
        let mut read = 0;
        let result = hash(&path, buffer, |bytes| {
            read += bytes;
            self.progress.read(bytes);
        });
        let outcome = match result {
            Ok((meta, hash)) => {
                file.meta = meta;
                file.hash = Some(hash);
                file.error = None;
                Outcome::Hashed
            }
            Err(error) => {
                // The next run looks at the file again, whether it has changed since or not.
                if let Ok(metadata) = fs::symlink_metadata(&path) {
                    file.meta = Meta::of(&metadata);
                }
                file.hash = None;
                file.error = Some(error.to_string());
                Outcome::Failed
            }
        };
        file.attempts.entry(self.run).or_default().outcome = outcome;
        file.pending = None;
        let expected = work.size;
        // Both or neither: there is no moment at which a hashed file is still in the journal.
        Batch::new().write(file).delete(work).commit()?;
        self.progress.done(expected, read);
        Ok(())
    }
}

/// Hashes a file, and tells which state of it that was.
fn hash(path: &Path, buffer: &mut [u8], mut progress: impl FnMut(u64)) -> io::Result<(Meta, Hash)> {
    // It was a regular file when the walker saw it. If a link or a pipe has taken its place, neither is followed or
    // waited for.
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut file = OpenOptions::new().read(true).custom_flags(flags.bits().cast_signed()).open(path)?;
    let before = file.metadata()?;
    if !before.is_file() {
        return Err(io::Error::other("it is no regular file any more"));
    }
    let mut hasher = blake3::Hasher::new();
    let mut length = 0;
    loop {
        let count = match file.read(buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(buffer.get(..count).unwrap_or_default());
        length += count as u64;
        progress(count as u64);
    }
    let (before, after) = (Meta::of(&before), Meta::of(&file.metadata()?));
    if before != after || length != after.size {
        return Err(io::Error::other("it changed while it was read"));
    }
    Ok((after, Hash(*hasher.finalize().as_bytes())))
}
