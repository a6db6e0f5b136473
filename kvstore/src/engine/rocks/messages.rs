//! RocksDB's own messages, on their way to `tracing`.
//!
//! RocksDB writes them while it holds its mutex. A subscriber that was called there, and reads or writes the same database,
//! would wait for itself. So they are queued, and a thread hands them on. It starts with a message, and ends when there were
//! none for a second: most databases never have one.

use std::collections::VecDeque;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rocksdb::{InfoLogger, LogLevel};
use tracing::subscriber::NoSubscriber;
use tracing::{Dispatch, Level, dispatcher};

/// Where they go in `tracing`.
const TARGET: &str = "kvstore::rocksdb";

/// Messages that wait at most. Those that come then are dropped, and counted.
const LIMIT: usize = 1024;

/// How long the thread waits for another message, and others wait for the thread.
const WAIT: Duration = Duration::from_secs(1);

/// The messages of one database.
#[derive(Debug, Clone)]
pub(super) struct Messages(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// The subscriber of the thread that opened the database.
    subscriber: Dispatch,
    queue: Mutex<Queue>,
    /// Told of the first message, of the end, and when the queue is empty.
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<(Level, String)>,
    dropped: u64,
    /// Whether the thread is in the middle of handing some on.
    is_busy: bool,
    has_thread: bool,
    has_ended: bool,
}

impl Messages {
    pub(super) fn new() -> Self {
        let subscriber = dispatcher::get_default(Clone::clone);
        Self(Arc::new(Shared { subscriber, queue: Mutex::default(), changed: Condvar::new() }))
    }

    /// A logger for RocksDB. What nobody would see is not even formatted.
    pub(super) fn logger(&self) -> InfoLogger {
        let level = if tracing::enabled!(target: TARGET, Level::DEBUG) { LogLevel::Info } else { LogLevel::Warn };
        let messages = self.clone();
        InfoLogger::new_callback_logger(level, move |level, message| {
            let level = match level {
                LogLevel::Debug => Level::TRACE,
                LogLevel::Info | LogLevel::Header => Level::DEBUG,
                LogLevel::Warn => Level::WARN,
                LogLevel::Error | LogLevel::Fatal => Level::ERROR,
            };
            messages.push(level, message.trim_end());
        })
    }

    /// Queues a message, without waiting for anybody who handles one.
    fn push(&self, level: Level, text: &str) {
        let mut queue = self.0.locked();
        if queue.waiting.len() >= LIMIT {
            queue.dropped += 1;
            return;
        }
        queue.waiting.push_back((level, text.to_owned()));
        if !queue.has_thread {
            let shared = Arc::clone(&self.0);
            let started = thread::Builder::new().name("kvstore-log".into()).spawn(move || shared.hand_on());
            // Otherwise the next message tries again.
            queue.has_thread = started.is_ok();
        }
        drop(queue);
        self.0.changed.notify_all();
    }

    /// Waits until the messages so far are handed on, but not for ever: a subscriber may itself wait for the caller.
    pub(super) fn settle(&self) {
        let queue = self.0.locked();
        let is_pending = |queue: &mut Queue| queue.has_thread && (queue.is_busy || !queue.waiting.is_empty());
        // A poisoned mutex has nobody to wait for.
        drop(self.0.changed.wait_timeout_while(queue, WAIT, is_pending));
    }

    /// The same when there will be no more.
    pub(super) fn end(&self) {
        self.0.locked().has_ended = true;
        self.0.changed.notify_all();
        self.settle();
    }
}

impl Shared {
    fn locked(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the thread does.
    fn hand_on(&self) {
        let mut queue = self.locked();
        loop {
            let waiting = std::mem::take(&mut queue.waiting);
            let dropped = std::mem::take(&mut queue.dropped);
            if waiting.is_empty() && dropped == 0 {
                queue.is_busy = false;
                self.changed.notify_all();
                let is_idle = |queue: &mut Queue| queue.waiting.is_empty() && !queue.has_ended;
                let waited = self.changed.wait_timeout_while(queue, WAIT, is_idle);
                queue = waited.unwrap_or_else(PoisonError::into_inner).0;
                if queue.waiting.is_empty() {
                    queue.has_thread = false;
                    return;
                }
                continue;
            }
            queue.is_busy = true;
            drop(queue);
            let emit_all = || {
                for (level, text) in &waiting {
                    emit(*level, text);
                }
                if dropped > 0 {
                    emit(Level::WARN, &format!("{dropped} messages of RocksDB were dropped: they came too fast"));
                }
            };
            // Without one of its own, the thread uses that of the whole program, which may be set later.
            let emit_all = || {
                if self.subscriber.is::<NoSubscriber>() {
                    emit_all();
                } else {
                    dispatcher::with_default(&self.subscriber, emit_all);
                }
            };
            // A subscriber that panics loses these messages, and not those to come.
            let _ = panic::catch_unwind(AssertUnwindSafe(emit_all));
            queue = self.locked();
        }
    }
}

fn emit(level: Level, text: &str) {
    if level == Level::ERROR {
        tracing::error!(target: TARGET, "{text}");
    } else if level == Level::WARN {
        tracing::warn!(target: TARGET, "{text}");
    } else if level == Level::DEBUG {
        tracing::debug!(target: TARGET, "{text}");
    } else {
        tracing::trace!(target: TARGET, "{text}");
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{self, Receiver, Sender};

    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Metadata, Subscriber};

    use super::*;

    /// Sends the texts on, once it may; panics at one of them.
    struct Slow {
        seen: Sender<String>,
        may: Mutex<Receiver<()>>,
    }

    impl Subscriber for Slow {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }
        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }
        fn record(&self, _: &Id, _: &Record<'_>) {}
        fn record_follows_from(&self, _: &Id, _: &Id) {}
        fn event(&self, event: &Event<'_>) {
            let _ = self.may.lock().unwrap().recv();
            let mut text = String::new();
            event.record(&mut |_: &tracing::field::Field, value: &dyn std::fmt::Debug| text = format!("{value:?}"));
            self.seen.send(text.clone()).unwrap();
            assert_ne!(text, "bad");
        }
        fn enter(&self, _: &Id) {}
        fn exit(&self, _: &Id) {}
    }

    fn messages() -> (Messages, Receiver<String>, Sender<()>) {
        let (seen, receiver) = mpsc::channel();
        let (may, waits) = mpsc::channel();
        let slow = Slow { seen, may: Mutex::new(waits) };
        (tracing::subscriber::with_default(slow, Messages::new), receiver, may)
    }

    #[test]
    fn messages_are_handed_on_in_order_to_the_subscriber_of_the_thread_that_opened() {
        let (messages, seen, may) = messages();
        drop(may);
        for number in 0..100 {
            messages.push(Level::WARN, &number.to_string());
        }
        messages.end();
        assert!(seen.iter().take(100).eq((0..100).map(|number| number.to_string())));
        // What comes late, too.
        messages.push(Level::ERROR, "late");
        assert_eq!(seen.recv().unwrap(), "late");
    }

    #[test]
    fn a_slow_subscriber_keeps_nobody_waiting_and_is_told_what_it_missed() {
        let (messages, seen, may) = messages();
        messages.push(Level::WARN, "first");
        while !messages.0.locked().is_busy {
            thread::yield_now();
        }
        for _ in 0..LIMIT + 50 {
            messages.push(Level::WARN, "more");
        }
        drop(may);
        let last = seen.iter().nth(1 + LIMIT).unwrap();
        assert!(last.starts_with("50 messages of RocksDB were dropped"), "{last}");
    }

    #[test]
    fn a_subscriber_that_panics_gets_the_next_messages() {
        let (messages, seen, may) = messages();
        drop(may);
        for text in ["bad", "good"] {
            messages.push(Level::WARN, text);
            messages.settle();
            assert_eq!(seen.recv().unwrap(), text);
        }
    }
}
