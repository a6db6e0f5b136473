//! RocksDB's messages in `tracing`, to a subscriber that uses the same database.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, mpsc};

use kvstore::{Database, Map, MapStore};
use kvstore_tests::{FAR, TestResult, wait_until};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Keeps what is logged in a database.
#[derive(Clone, Default)]
struct IntoDatabase {
    log: Arc<OnceLock<MapStore<Map<u64, String>>>>,
    lines: Arc<AtomicU64>,
}

impl Subscriber for IntoDatabase {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "kvstore::rocksdb"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        if let Some(log) = self.log.get() {
            // A closed database takes no more lines.
            let _ = log.put(self.lines.fetch_add(1, Ordering::Relaxed), event.metadata().target().to_owned());
        }
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// RocksDB writes messages while it holds its mutex, which a commit needs.
#[test]
fn a_subscriber_may_write_into_the_database_that_the_messages_come_from() -> TestResult {
    let (done, is_done) = mpsc::channel();
    // In a thread of its own, so that the test can say that it hangs.
    std::thread::spawn(move || {
        let subscriber = IntoDatabase::default();
        let (log, lines) = (Arc::clone(&subscriber.log), Arc::clone(&subscriber.lines));
        let write = || -> TestResult {
            let directory = tempfile::tempdir()?;
            // Small buffers, so that tables are written and writes are stalled, of which RocksDB has much to say.
            let db = Database::builder().write_buffer_bytes(64 << 10).open(directory.path())?;
            let _ = log.set(db.map("log")?);
            let jobs = db.map::<u64, String>("jobs")?;
            for key in 0..3_000 {
                jobs.put(key * 7919 % 3_001, "x".repeat(500))?;
            }
            wait_until("a message is there", || lines.load(Ordering::Relaxed) > 0)?;
            Ok(db.close()?)
        };
        let _ = done.send(tracing::subscriber::with_default(subscriber, write));
    });
    is_done.recv_timeout(FAR)?
}
