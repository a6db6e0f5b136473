//! The process that makes a database: several sessions, so that its commits are in tables, in logs, and in both.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use kvstore::{Batch, Database, Durability, Guard, MapStore};
use kvstore_tests::TestResult;

use super::files::Files;
use super::history::{NAMESPACES, Step};
use super::stores::{
    ACCOUNTS, Account, AccountStore, DOCUMENTS, Document, DocumentStore, LISTS, Lists, SCRATCH, Scratch, letters, list,
    number, text,
};

/// The name of the task, see [`Context::child`](crate::trial::Context::child).
pub(super) const TASK: &str = "damage-write";

/// When so many large ones were written, and there never were several logs, the disk is too fast for it.
const MOST_DOCUMENTS: u32 = 100;

/// How the last session ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// Closed.
    Closed,
    /// Killed, in `Buffered`.
    Buffered,
    /// Killed, in `Sync`.
    Synced,
    /// Killed, in `Buffered`, while it writes fast: there are several logs.
    Busy,
    /// Not at all: it is a checkpoint.
    Copied,
}

impl Ended {
    pub(super) const ALL: [Self; 5] = [Self::Closed, Self::Buffered, Self::Synced, Self::Busy, Self::Copied];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::Buffered => "buffered",
            Self::Synced => "synced",
            Self::Busy => "busy",
            Self::Copied => "copied",
        }
    }
}

/// Where a database is made: the directory itself, the ledger of its steps, and copies from before each session.
pub(super) struct Places {
    pub(super) directory: PathBuf,
    pub(super) ledger: PathBuf,
    pub(super) older: PathBuf,
}

impl Places {
    pub(super) fn of(root: &Path, ended: Ended) -> Self {
        let root = root.join(ended.name());
        Self { directory: root.join("data"), ledger: root.join("ledger"), older: root.join("older") }
    }
}

/// Makes a database. Where it is to be killed, says `ready` when it may be.
///
/// # Errors
/// Where a call fails.
pub(super) fn child(arguments: &[String]) -> TestResult {
    let [root, name] = arguments else { return Err("arguments are missing".into()) };
    let ended = Ended::ALL.into_iter().find(|ended| ended.name() == name).ok_or("an unknown end")?;
    let places = Places::of(Path::new(root), ended);
    fs::create_dir_all(&places.older)?;
    let work = places.directory.with_file_name("work");
    let directory = if ended == Ended::Copied { &work } else { &places.directory };
    let mut writer = Writer {
        directory: directory.clone(),
        ledger: File::create(&places.ledger)?,
        rng: fastrand::Rng::with_seed(1),
        documents: Vec::new(),
    };
    for session in 0..5_u8 {
        let sync = if session < 4 { session % 2 == 1 } else { ended == Ended::Synced };
        let durability = if sync { Durability::Sync } else { Durability::Buffered };
        let db = builder().durability(durability).open(directory)?;
        writer.session(&db, session)?;
        if session < 4 {
            db.close()?;
            writer.tell("safe")?;
            Files::read(directory)?.write(&places.older.join(session.to_string()))?;
            continue;
        }
        match ended {
            Ended::Closed => {
                db.close()?;
                writer.tell("safe")?;
            }
            Ended::Copied => {
                db.checkpoint(&places.directory)?;
                writer.tell("safe")?;
            }
            Ended::Busy => match writer.fill_logs(&db)? {},
            Ended::Buffered | Ended::Synced => {
                println!("ready");
                loop {
                    std::thread::park();
                }
            }
        }
    }
    Ok(())
}

/// Small tables and logs.
pub(super) fn builder() -> kvstore::DatabaseBuilder {
    Database::builder().cache_bytes(1 << 20).write_buffer_bytes(64 << 10)
}

struct Writer {
    directory: PathBuf,
    ledger: File,
    rng: fastrand::Rng,
    /// The keys of the documents, oldest first.
    documents: Vec<u64>,
}

/// The three stores that are there all the time.
struct Stores {
    accounts: AccountStore,
    documents: DocumentStore,
    lists: MapStore<Lists>,
}

type Changes = Vec<((String, String), Option<String>)>;

fn put(namespace: &str, key: String, value: String) -> ((String, String), Option<String>) {
    ((namespace.to_owned(), key), Some(value))
}

fn removed(namespace: &str, key: String) -> ((String, String), Option<String>) {
    ((namespace.to_owned(), key), None)
}

impl Writer {
    fn tell(&mut self, line: &str) -> TestResult {
        Ok(self.ledger.write_all(format!("{line}\n").as_bytes())?)
    }

    /// Tells the ledger what a call changed, and where the log ended then.
    fn step(&mut self, changes: Changes) -> TestResult {
        let log = self.logs()?.last().copied().ok_or("there is no log")?;
        let end = fs::metadata(self.directory.join(format!("{log:06}.log")))?.len();
        self.tell(&Step { changes, log, end }.to_line())
    }

    /// The numbers of the logs.
    fn logs(&self) -> TestResult<BTreeSet<u64>> {
        let mut logs = BTreeSet::new();
        for entry in fs::read_dir(&self.directory)? {
            let name = entry?.file_name();
            logs.extend(name.to_str().and_then(|name| name.strip_suffix(".log")?.parse::<u64>().ok()));
        }
        Ok(logs)
    }

    fn session(&mut self, db: &Database, session: u8) -> TestResult {
        if session > 0 {
            self.tell("safe")?;
        }
        let is_new = session == 0;
        let accounts = db.store::<Account>()?;
        self.opened(is_new, ACCOUNTS)?;
        let documents = db.store::<Document>()?;
        self.opened(is_new, DOCUMENTS)?;
        let lists = db.map(LISTS)?;
        self.opened(is_new, LISTS)?;
        let stores = Stores { accounts, documents, lists };
        let steps = if is_new { 60 } else { 25 };
        for _ in 0..steps / 2 {
            self.change(&stores)?;
        }
        // Every session drops what the one before it made. Compactions and a new log follow.
        if let Some(before) = session.checked_sub(1) {
            let name = format!("{SCRATCH}{before}");
            db.drop_namespace(&name)?;
            let mut changes: Changes = (0..6).map(|key| removed(&name, number(key))).collect();
            changes.push(removed(NAMESPACES, name));
            self.step(changes)?;
        }
        let name = format!("{SCRATCH}{session}");
        let scratch: MapStore<Scratch> = db.map(&name)?;
        self.opened(true, &name)?;
        for key in 0..6 {
            let value = letters(&mut self.rng, 0..100);
            scratch.insert(key, value.clone())?;
            self.step(vec![put(&name, number(key), text(&value))])?;
        }
        for _ in 0..steps / 2 {
            self.change(&stores)?;
        }
        Ok(())
    }

    /// Writes faster than tables can be made of it, and dies when there are several logs.
    fn fill_logs(&mut self, db: &Database) -> TestResult<Infallible> {
        let documents = db.store::<Document>()?;
        // Made before, so that nothing but writing takes time.
        let made: Vec<_> = (0..MOST_DOCUMENTS)
            .map(|_| Document { body: letters(&mut self.rng, 2_000..15_000), ..Document::random(&mut self.rng) })
            .collect();
        let mut newest = 0;
        for (document, index) in made.into_iter().zip(0..) {
            let guard = documents.create_next(document)?;
            let (key, value) = (*guard.key(), text(&*guard));
            guard.commit()?;
            self.step(vec![put(DOCUMENTS, number(key), value)])?;
            let logs = self.logs()?;
            let before = std::mem::replace(&mut newest, logs.last().copied().unwrap_or_default());
            // Three are best. Just behind the beginning of one, a table is still being made of the one before.
            if logs.len() > 2 || (logs.len() > 1 && newest > before && index > MOST_DOCUMENTS / 2) {
                std::process::abort();
            }
        }
        std::process::abort();
    }

    fn opened(&mut self, is_new: bool, namespace: &str) -> TestResult {
        if is_new { self.step(vec![put(NAMESPACES, namespace.to_owned(), String::new())]) } else { Ok(()) }
    }

    fn change(&mut self, stores: &Stores) -> TestResult {
        let account_key = format!("{}{}", self.rng.char('a'..='f'), self.rng.u8(..10));
        let list_key = ((*self.rng.choice(["aa", "mm", "zz"]).ok_or("no name")?).to_owned(), self.rng.u32(..8));
        let list_text = format!("{}/{}", list_key.0, number(u64::from(list_key.1)));
        let kind = self.rng.u8(..10);
        let changes = match kind {
            0..3 => {
                let account = Account::random(&mut self.rng);
                let value = text(&account);
                stores.accounts.insert(&account_key, account)?;
                vec![put(ACCOUNTS, account_key, value)]
            }
            3 => {
                stores.accounts.remove(&account_key)?;
                vec![removed(ACCOUNTS, account_key)]
            }
            4..6 => {
                let (guard, key, value) = self.document(stores)?;
                guard.commit()?;
                vec![put(DOCUMENTS, key, value)]
            }
            6 if self.documents.len() > 3 => {
                let oldest = self.documents.remove(0);
                stores.documents.remove(oldest)?;
                vec![removed(DOCUMENTS, number(oldest))]
            }
            6..9 => {
                let value = list(&mut self.rng);
                stores.lists.put(&list_key, value.clone())?;
                vec![put(LISTS, list_text, text(&value))]
            }
            _ => {
                let (document, key, value) = self.document(stores)?;
                let mut changes = vec![put(DOCUMENTS, key, value)];
                let mut batch = Batch::new().write(document);
                let mut account = stores.accounts.lock_or_create(&account_key, Account::random(&mut self.rng))?;
                *account = Account::random(&mut self.rng);
                changes.push(put(ACCOUNTS, account_key, text(&*account)));
                batch = batch.write(account);
                if let Some(guard) = stores.lists.lock(&list_key)? {
                    batch = batch.delete(guard);
                    changes.push(removed(LISTS, list_text));
                }
                batch.commit()?;
                changes
            }
        };
        self.step(changes)
    }

    /// A new document, not committed yet, with its key and value as text.
    fn document(&mut self, stores: &Stores) -> TestResult<(Guard<Document>, String, String)> {
        let guard = stores.documents.create_next(Document::random(&mut self.rng))?;
        let (key, value) = (*guard.key(), text(&*guard));
        self.documents.push(key);
        Ok((guard, number(key), value))
    }
}
