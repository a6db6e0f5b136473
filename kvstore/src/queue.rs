//! A store as a queue: the first entry of all or of a range, read or locked.

use std::collections::BTreeSet;
use std::panic::Location;

use crate::engine::Page;
use crate::error::{Error, Result};
use crate::guard::Guard;
use crate::key::hidden::KeyBuf;
use crate::key::{KeyRange, Span};
use crate::map_store::MapStore;
use crate::namespace::Handles;
use crate::scan::{decode_key, decode_row, span_of_range};
use crate::store::Store;

impl<T: Store> MapStore<T> {
    /// Locks the first free entry of a range, that is, the first one that nobody holds: the head of a queue.
    ///
    /// Returns `None` only if there was a moment during the call at which no entry of the range was free. Entries may be put
    /// or released right after it.
    ///
    /// Stays cheap however many entries were taken from the front before.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] if the range starts after its end. If the first free entry can't be decoded, returns
    /// [`Error::Decode`], [`Error::Unsupported`] or [`Error::InvalidKey`], which name the entry, and locks nothing; see
    /// [`try_lock_first_with`](Self::try_lock_first_with) to go on after it.
    ///
    /// # Locking
    /// Does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> kvstore::Result<()> {
    /// let jobs = kvstore::Database::in_memory()?.map::<u64, String>("jobs")?;
    /// jobs.create_next("first".to_string())?.commit()?;
    /// if let Some(job) = jobs.try_lock_first(..)? {
    ///     println!("{}: {}", job.key(), *job);
    ///     job.delete()?;
    /// }
    /// assert!(jobs.try_lock_first(..)?.is_none());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn try_lock_first(&self, range: impl KeyRange<T::Key>) -> Result<Option<Guard<T>>> {
        self.lock_first(&range, &mut Err, Location::caller())
    }

    /// Locks the first free entry of a range that can be decoded, as [`try_lock_first`](Self::try_lock_first) does, and lets
    /// a function decide about free entries before it that can't.
    ///
    /// `on_error` is called with the error of each such entry, at most once in a call, while nothing is locked. If it returns
    /// `Ok`, the entry is skipped. If it returns an error, the call ends with that error. So an entry that was written by
    /// another version of the program does not stop a queue.
    ///
    /// # Errors
    /// As [`try_lock_first`](Self::try_lock_first), but for entries that can't be decoded; and what `on_error` returns.
    ///
    /// # Locking
    /// Does not wait.
    ///
    /// # Examples
    ///
    /// ```
    /// # fn main() -> kvstore::Result<()> {
    /// # let jobs = kvstore::Database::in_memory()?.map::<u64, String>("jobs")?;
    /// # jobs.create_next("first".to_string())?.commit()?;
    /// let job = jobs.try_lock_first_with(.., |error| {
    ///     eprintln!("skipped: {error}"); // names the namespace and the key
    ///     Ok(())
    /// })?;
    /// # assert!(job.is_some());
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn try_lock_first_with(
        &self,
        range: impl KeyRange<T::Key>,
        mut on_error: impl FnMut(Error) -> Result<()>,
    ) -> Result<Option<Guard<T>>> {
        self.lock_first(&range, &mut on_error, Location::caller())
    }

    fn lock_first(
        &self,
        range: &impl KeyRange<T::Key>,
        on_error: &mut dyn FnMut(Error) -> Result<()>,
        taken_at: &'static Location<'static>,
    ) -> Result<Option<Guard<T>>> {
        let namespace = self.namespace();
        let span = span_of_range(namespace, range)?;
        let mut taker = Taker { namespace, on_error, taken_at, skipped: BTreeSet::new(), missed: false };
        let taken = first_where(namespace, span.clone(), true, |key, _| taker.take(key))?;
        if taken.is_some() || !taker.missed {
            return Ok(taken);
        }
        // An entry may have been released after it was met, while a later one was still free. From now on the lock table
        // notes what is released: when all that has been tried, everything else is held since it was met.
        let released = namespace.instance.engine.watch(span.clone());
        let taken = first_where(namespace, span, true, |key, _| taker.take(key))?;
        if taken.is_some() {
            return Ok(taken);
        }
        while let Some(key) = released.take_first() {
            // A lock without an entry is no head. To take it would be another release.
            if namespace.instance.contains(&key)?
                && let Some(taken) = taker.take::<T>(key.as_slice())?
            {
                return Ok(Some(taken));
            }
        }
        Ok(None)
    }

    /// The entry with the smallest key. Takes no lock, and stays cheap as [`try_lock_first`](Self::try_lock_first) does.
    ///
    /// # Errors
    /// See [`MapStore`]. If the entry can't be decoded, returns its error, not the next entry: [`iter`](Self::iter) goes on
    /// after such an entry.
    pub fn first(&self) -> Result<Option<(T::Key, T::Value)>> {
        let namespace = self.namespace();
        first_where(namespace, namespace.span(), false, |key, record| decode_row::<T>(namespace, key, record).map(Some))
    }
}

/// Takes the first free entry of those that it is shown.
struct Taker<'a> {
    namespace: &'a Handles,
    on_error: &'a mut dyn FnMut(Error) -> Result<()>,
    taken_at: &'static Location<'static>,
    /// Entries that can't be decoded, and were skipped.
    skipped: BTreeSet<KeyBuf>,
    /// Whether an entry was held, gone already, or skipped.
    missed: bool,
}

impl Taker<'_> {
    fn take<T: Store>(&mut self, key: &[u8]) -> Result<Option<Guard<T>>> {
        let buf = KeyBuf::from_bytes(key);
        if self.skipped.contains(&buf) {
            return Ok(None);
        }
        match self.lock::<T>(buf) {
            Ok(None) => self.missed = true,
            Err(error @ (Error::Decode { .. } | Error::Unsupported { .. } | Error::InvalidKey { .. })) => {
                (self.on_error)(error)?;
                self.skipped.insert(KeyBuf::from_bytes(key));
                // It took time to find out, in which an entry before it may have been written.
                self.missed = true;
            }
            taken => return taken,
        }
        Ok(None)
    }

    fn lock<T: Store>(&self, key: KeyBuf) -> Result<Option<Guard<T>>> {
        let locked = self.namespace.lock_if_free(key, self.taken_at);
        let Some(mut entry) = locked.map_err(|failure| self.namespace.lock_error(failure))? else { return Ok(None) };
        // It may have been deleted since it was found.
        let Some(value) = entry.read::<T>()? else { return Ok(None) };
        // `Guard::key` relies on stored keys being readable.
        decode_key::<T>(self.namespace, entry.key().as_slice())?;
        entry.into_guard(value).map(Some)
    }
}

/// The first row of a span that `choose` makes something of.
pub(crate) fn first_where<R>(
    namespace: &Handles,
    mut span: Span,
    keys_only: bool,
    mut choose: impl FnMut(&[u8], &[u8]) -> Result<Option<R>>,
) -> Result<Option<R>> {
    if span.is_empty() {
        // Its end may lie before its start, and is no place to look on from.
        return Ok(None);
    }
    let engine = &namespace.instance.engine;
    let (mut page, mut rows) = (Page::new(), 4);
    page.keys_only = keys_only;
    let mut search = namespace.search_front(&span);
    loop {
        span.start = search.from().clone();
        page.clear(rows);
        engine.page(&span, &mut page)?;
        let first = page.row(0).map(|(key, _)| KeyBuf::from_bytes(key));
        if search.finish(first.as_ref().unwrap_or(&span.end)) {
            break;
        }
    }
    loop {
        for (key, record) in (0..page.len()).filter_map(|index| page.row(index)) {
            if let Some(chosen) = choose(key, record)? {
                return Ok(Some(chosen));
            }
        }
        match page.len().checked_sub(1).and_then(|last| page.row(last)) {
            Some((last, _)) if page.more => {
                span.start = KeyBuf::from_bytes(last);
                span.start.push(0);
                rows = (rows * 4).min(256);
            }
            _ => return Ok(None),
        }
        page.clear(rows);
        engine.page(&span, &mut page)?;
    }
}

#[cfg(test)]
mod tests;
