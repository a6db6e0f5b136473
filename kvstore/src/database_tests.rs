//! What a database does while its storage takes long.

use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::engine::local::{Local, Storage};
use crate::engine::memory::{Faults, Memory};
use crate::engine::{Op, Page, Reader, Tables, Visit};
use crate::error::{Outcome, Result};
use crate::key::Span;
use crate::options::DatabaseBuilder;
use crate::{Database, Map};

/// Memory that is given back only when the other side says so.
struct Slow {
    memory: Memory,
    begun: Sender<()>,
    may: Mutex<Receiver<()>>,
}

impl Reader for Slow {
    fn read(&self, key: &[u8], visit: Visit<'_>) -> Result<bool> {
        self.memory.read(key, visit)
    }
    fn page(&self, span: &Span, page: &mut Page) -> Result<()> {
        self.memory.page(span, page)
    }
}

impl Storage for Slow {
    fn check_open(&self) -> Result<()> {
        self.memory.check_open()
    }
    fn snapshot(&self) -> Result<Arc<dyn Reader>> {
        self.memory.snapshot()
    }
    fn write(&self, ops: &[Op<'_>], sync: bool) -> Result<(), (crate::Error, Outcome)> {
        self.memory.write(ops, sync)
    }
    fn sync(&self) -> Result<()> {
        self.memory.sync()
    }
    fn checkpoint(&self, to: &std::path::Path, tables: Tables) -> Result<()> {
        self.memory.checkpoint(to, tables)
    }
    fn estimated_keys(&self, span: &Span) -> Result<u64> {
        self.memory.estimated_keys(span)
    }
    fn reclaim(&self, span: &Span) -> Result<()> {
        self.begun.send(()).unwrap();
        // The sender goes when the test has seen enough, or failed.
        let _ = self.may.lock().unwrap().recv();
        self.memory.reclaim(span)
    }
    fn compact(&self) -> Result<()> {
        self.memory.compact()
    }
    fn refuse(&self) -> Result<()> {
        self.memory.refuse()
    }
    fn finish(&self) -> Result<()> {
        self.memory.finish()
    }
}

#[test]
fn stores_can_be_opened_while_a_namespace_gives_its_space_back() {
    let ((begun, has_begun), (may, waits)) = (channel(), channel::<()>());
    let slow = Slow { memory: Memory::new(Faults::default()), begun, may: Mutex::new(waits) };
    let db = Database::new(Arc::new(Local::new(slow)), &DatabaseBuilder::default()).unwrap();
    drop(db.map::<u64, u64>("other").unwrap());
    let again = Database { opened: Arc::default(), ..db.clone() };
    std::thread::scope(|scope| {
        let dropped = scope.spawn(|| again.drop_namespace("other"));
        has_begun.recv().unwrap();
        let (opened, is_opened) = channel();
        let again = again.clone();
        // Not of this scope, which would wait for it in vain.
        std::thread::spawn(move || {
            let opening =
                again.map::<u64, u64>("another").and_then(|map: crate::MapStore<Map<u64, u64>>| map.put(1, 1));
            // A new namespace of the name that was dropped, too.
            let _ = opened.send(opening.and_then(|()| again.map::<u64, u64>("other")?.get(1)));
        });
        let found = is_opened.recv_timeout(Duration::from_mins(5));
        drop(may);
        assert!(matches!(found, Ok(Ok(None))), "{found:?}");
        assert!(dropped.join().unwrap().unwrap());
    });
}
