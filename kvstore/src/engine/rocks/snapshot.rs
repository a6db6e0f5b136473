//! Consistent views that own what they look at.

use std::convert::Infallible;
use std::fmt;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use rocksdb::ReadOptions;

use super::fault;
use super::session::Session;
use super::storage::{read, scan};
use crate::engine::{Page, Reader, Visit};
use crate::error::{Error, Result};
use crate::key::Span;

/// A view of the database at one moment, which keeps RocksDB open.
///
/// RocksDB's snapshot borrows the database, and a struct that holds both would borrow from itself. The body of an async
/// block may: [`hold`] owns the session and, in the same pinned frame, the snapshot that borrows from it. It never
/// ends; each poll makes one `ReadOptions` that reads as of the snapshot.
///
/// Why this is sound although `ReadOptions` names no lifetime: it holds the bare address of the snapshot, which is
/// followed only by reads. All reads with such options are made in this file, by methods that borrow the `Snapshot`;
/// the options are dropped or put back to `idle` before those return, and the iterators made from them do not leave
/// [`scan`]. So none is used after the frame, and with it the snapshot and its reference to the session, is dropped.
pub(super) struct Snapshot {
    session: Arc<Session>,
    state: Mutex<State>,
}

struct State {
    // Dropped in this order, though options that are merely dropped do not look at the snapshot.
    idle: Vec<ReadOptions>,
    source: Source,
}

/// A frame that holds a snapshot.
struct Source {
    /// Where a poll leaves what it made.
    made: Arc<Mutex<Option<ReadOptions>>>,
    frame: Pin<Box<dyn Future<Output = Infallible> + Send>>,
}

/// Takes a snapshot when first polled, and holds it until dropped.
async fn hold(session: Arc<Session>, made: Arc<Mutex<Option<ReadOptions>>>) -> Infallible {
    let snapshot = session.db().snapshot();
    loop {
        let mut options = ReadOptions::default();
        options.set_snapshot(&snapshot);
        *made.lock().unwrap_or_else(PoisonError::into_inner) = Some(options);
        pause().await;
    }
}

/// Lets one poll end and the next one go on.
async fn pause() {
    let mut paused = false;
    poll_fn(|_| if std::mem::replace(&mut paused, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

impl Source {
    fn make(&mut self) -> Option<ReadOptions> {
        // Never ready, since its value can't exist.
        let _ = self.frame.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        self.made.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Snapshot {
    pub(super) fn new(session: Arc<Session>) -> Result<Self> {
        let made = Arc::default();
        let frame = Box::pin(hold(Arc::clone(&session), Arc::clone(&made)));
        let mut source = Source { made, frame };
        // The first poll takes the snapshot: the moment of the view is now.
        let idle = vec![source.make().ok_or_else(no_options)?];
        Ok(Self { session, state: Mutex::new(State { idle, source }) })
    }

    /// Options for one call; several threads may read at a time.
    fn options(&self) -> Result<ReadOptions> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(options) = state.idle.pop() {
            return Ok(options);
        }
        state.source.make().ok_or_else(no_options)
    }
}

impl Drop for Snapshot {
    fn drop(&mut self) {
        if self.session.is_forked() {
            // RocksDB would release the snapshot under a mutex that one of the parent's threads may have had.
            let state = self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
            std::mem::forget(std::mem::replace(&mut state.source.frame, Box::pin(pending())));
        }
    }
}

impl Reader for Snapshot {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        let options = self.options()?;
        let found = read(&self.session, key, &options, visit);
        self.state.lock().unwrap_or_else(PoisonError::into_inner).idle.push(options);
        found
    }

    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        // These are used up, since they keep the bounds of the span.
        let options = self.state.lock().unwrap_or_else(PoisonError::into_inner).source.make().ok_or_else(no_options)?;
        scan(self.session.db(), options, span, page).map_err(|error| fault::failed(self.session.path(), "scan", error))
    }
}

impl fmt::Debug for Snapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Snapshot").field("session", &self.session).finish_non_exhaustive()
    }
}

fn no_options() -> Error {
    Error::Engine { action: "make a snapshot", source: "no read options were made".into() }
}
