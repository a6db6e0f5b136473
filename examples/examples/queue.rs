//! A queue: keys generated in order, producers at one end and consumers at the other.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::mpsc;
use std::thread;

// ANCHOR: store
use kvstore::{Database, Guard, Key, Store};

/// The place of a task in the queue.
#[derive(Key, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct TaskId(u64);

#[derive(Store)]
#[store(key = TaskId)]
struct Task {
    command: String,
}
// ANCHOR_END: store

const PRODUCERS: usize = 2;
const CONSUMERS: usize = 3;
const EACH: usize = 100;

// ANCHOR: produce
fn produce(tasks: &TaskStore, commands: impl IntoIterator<Item = String>) -> kvstore::Result<Vec<TaskId>> {
    let mut given = Vec::new();
    for command in commands {
        let task = tasks.create_next(TaskInit { command })?; // whoever calls later gets a greater key
        given.push(*task.key());
        task.commit()?;
    }
    Ok(given)
}
// ANCHOR_END: produce

// ANCHOR: consume
/// Takes the oldest task that nobody has, until there is none.
fn consume(tasks: &TaskStore, mut run: impl FnMut(&Task) -> bool) -> kvstore::Result<()> {
    while let Some(task) = tasks.try_lock_first(..)? {
        if run(&task) {
            task.delete()?; // done: gone, and released
        } else {
            task.release(); // not done: the next one who asks gets it, as if this one had been killed
        }
    }
    Ok(())
}
// ANCHOR_END: consume

/// A queue in which an older program has left an entry that this one can't read.
mod unreadable {
    use std::path::Path;

    use kvstore::{Database, Error, Map, MapStore};
    use serde::{Deserialize, Serialize};

    #[derive(Serialize, Deserialize)]
    enum OldMessage {
        Mail(String),
        Fax(String),
    }

    #[derive(Serialize, Deserialize)]
    enum Message {
        Mail(String),
    }

    type Messages = MapStore<Map<u64, Message>>;

    // ANCHOR: skip
    /// Takes the messages that can be read. Others are reported, and left where they are.
    fn send_readable(messages: &Messages, mut report: impl FnMut(&Error)) -> kvstore::Result<()> {
        while let Some(message) = messages.try_lock_first_with(.., |error| {
            report(&error); // names the namespace and the key
            Ok(()) // skip this one; an error would end the search
        })? {
            let Message::Mail(text) = &*message;
            println!("sent: {text}");
            message.delete()?;
        }
        Ok(())
    }
    // ANCHOR_END: skip

    // ANCHOR: remove
    /// Removes the messages that can't be read, wherever in the queue they are.
    fn remove_unreadable(messages: &Messages) -> kvstore::Result<u64> {
        let mut removed = 0;
        for number in messages.iter()?.keys() {
            let number = number?; // keys are read without the values
            if matches!(messages.get(number), Err(Error::Decode { .. })) && messages.remove(number)? {
                removed += 1; // `remove` does not read the value either
            }
        }
        Ok(removed)
    }
    // ANCHOR_END: remove

    pub(crate) fn run(dir: &Path) -> kvstore::Result<()> {
        let db = Database::open(dir)?;
        let old = db.map::<u64, OldMessage>("messages")?;
        old.create_next(OldMessage::Fax("old".into()))?.commit()?;
        old.create_next(OldMessage::Mail("new".into()))?.commit()?;
        drop(old);
        db.close()?;

        let db = Database::open(dir)?;
        let messages: Messages = db.map("messages")?;
        assert!(matches!(messages.try_lock_first(..), Err(Error::Decode { .. })));
        let mut reported = 0;
        send_readable(&messages, |error| {
            eprintln!("{error}");
            reported += 1;
        })?;
        // Once when the mail was found after it, and once when nothing was.
        assert_eq!((reported, messages.iter()?.count()), (2, 1));
        assert_eq!((remove_unreadable(&messages)?, messages.iter()?.count()), (1, 0));
        db.close()
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path().join("queue"))?;
    let tasks = db.store::<Task>()?;

    thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|name| {
                let tasks = &tasks;
                scope.spawn(move || produce(tasks, (0..EACH).map(|n| format!("command {n} of {name}"))))
            })
            .collect();
        let mut all = BTreeSet::new();
        for producer in producers {
            let given = producer.join().map_err(|_| "a producer panicked")??;
            assert!(given.is_sorted(), "to each caller the keys increase");
            all.extend(given);
        }
        assert_eq!(all.len(), PRODUCERS * EACH, "no key was given twice");
        Ok::<(), Box<dyn Error>>(())
    })?;

    // ANCHOR: peek
    let head: Option<(TaskId, Task)> = tasks.first()?; // a look, no lock
    // ANCHOR_END: peek
    let held: Option<Guard<Task>> = tasks.try_lock_first(..)?;
    assert_eq!(held.as_ref().map(|task| *task.key()), head.map(|(id, _)| id));
    assert_ne!(held.as_ref().map(|task| *task.key()), tasks.try_lock_first(..)?.map(|task| *task.key()), "it is held");
    drop(held);

    // ANCHOR: range
    // Those from the tenth on: what comes before is left to others.
    let later = tasks.try_lock_first(TaskId(10)..)?;
    // ANCHOR_END: range
    assert!(later.is_some_and(|task| *task.key() >= TaskId(10)));

    let (send, receive) = mpsc::channel();
    thread::scope(|scope| {
        let consumers: Vec<_> = (0..CONSUMERS)
            .map(|_| {
                let (tasks, send) = (&tasks, send.clone());
                scope.spawn(move || consume(tasks, |task| send.send(task.command.clone()).is_ok()))
            })
            .collect();
        for consumer in consumers {
            consumer.join().map_err(|_| "a consumer panicked")??;
        }
        Ok::<(), Box<dyn Error>>(())
    })?;
    drop(send);

    let run: Vec<String> = receive.iter().collect();
    assert_eq!(run.len(), PRODUCERS * EACH);
    assert_eq!(run.iter().collect::<BTreeSet<_>>().len(), run.len(), "no task ran twice");
    assert!(tasks.first()?.is_none());
    drop(tasks);
    db.close()?;
    unreadable::run(&dir.path().join("messages"))?;
    println!("{} tasks by {PRODUCERS} producers, each run once by one of {CONSUMERS} consumers", run.len());
    Ok(())
}
