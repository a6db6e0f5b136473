//! A bank: many threads move money between accounts of two stores, while readers count all of it.
//!
//! A bout has a database of its own, in memory or on disk. Its transfers take their locks in every way there is, and end
//! in every way: committed as a batch, dropped, released, by a panic. No snapshot ever sees more or less money than there
//! is, and in the end each account has what the threads' own ledgers say (`ledger`).

mod ledger;
mod readers;
mod transfers;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, ScopedJoinHandle};

use fastrand::Rng;
use kvstore::{Batch, Database, Durability, Map, MapStore, Store};
use kvstore_tests::{FAR, TestResult};
use tempfile::TempDir;

use self::ledger::Ledger;
use self::transfers::Ended;
use crate::trial::{Context, Report, Trial};

/// The bank.
pub const TRIAL: Trial = Trial {
    name: "bank",
    promise: "A batch is seen whole or not at all, by everybody at every moment; a commit that returned is never lost, \
        and what did not commit leaves nothing behind, no change and no lock.",
    method: "8 to 16 threads move money between 40 or 10,000 accounts of two stores, give up, drop guards and panic, while \
        snapshots and scans count the money; each account is held against the threads' own ledgers",
    unit: "transfers",
    short: 10_000,
    long: 5_000_000,
    run,
};

/// Accounts of each store, in every other bout: so few that they are counted all the time, or so many that each is rare.
const ACCOUNTS: [u32; 2] = [20, 5_000];

/// What each account has at first.
const FUNDS: i64 = 1_000;

/// The most transfers of a bout.
const LARGEST_BOUT: u64 = 200_000;

/// How many times fewer a bout has whose commits each wait for the disk.
const SYNCED: u64 = 20;

/// A checking account. None is ever closed.
#[derive(Store)]
#[store(namespace = "checking", key = u32)]
struct Account {
    balance: i64,
    /// How many transfers it took part in.
    #[store(default)]
    moves: u64,
}

/// One bout's database.
struct Bank {
    db: Database,
    checking: MapStore<Account>,
    /// Savings accounts may be closed, and opened again.
    savings: MapStore<Map<String, i64>>,
    /// How many accounts each store has.
    accounts: u32,
    /// Whether money moves from one store to the other. Where it doesn't, each store's sum is always the same.
    crossing: bool,
}

/// What a bout came to.
#[derive(Default)]
struct Counts {
    committed: AtomicU64,
    given_up: AtomicU64,
    abandoned: AtomicU64,
    panicked: AtomicU64,
    counted: AtomicU64,
}

/// Where a bout takes place.
#[derive(Debug, Clone, Copy)]
enum Place {
    Memory,
    Disk(Durability),
}

const PLACES: [Place; 3] = [Place::Memory, Place::Disk(Durability::Buffered), Place::Disk(Durability::Sync)];

/// Bouts that the rounds are shared out to, if they are few.
const BOUTS: u64 = 6;

fn run(context: &Context) -> TestResult<Report> {
    let counts = Counts::default();
    let committed = || counts.committed.load(Ordering::Relaxed);
    let most = (context.rounds() / BOUTS).clamp(1, LARGEST_BOUT);
    let mut bouts = 0;
    while context.goes_on(committed()) {
        let seed = context.seed(bouts);
        let place = PLACES[(seed % 3) as usize];
        let size = if matches!(place, Place::Disk(Durability::Sync)) { most.div_ceil(SYNCED) } else { most };
        bout(place, seed, size.min(context.rounds() - committed()), &counts).map_err(|failure| {
            format!("{failure}, {place:?}: --only {} --rounds {} --seed {seed}", TRIAL.name, most * BOUTS)
        })?;
        bouts += 1;
    }
    let count = |count: &AtomicU64| count.load(Ordering::Relaxed);
    let report = Report { rounds: committed(), ..Report::default() }
        .with(bouts, "databases")
        .with(count(&counts.counted), "times all money counted")
        .with(count(&counts.given_up), "transfers given up for a lock")
        .with(count(&counts.abandoned), "dropped or released")
        .with(count(&counts.panicked), "ended by a panic");
    Ok(report)
}

/// So many transfers in a database of their own.
fn bout(place: Place, seed: u64, size: u64, counts: &Counts) -> TestResult {
    let mut rng = Rng::with_seed(seed);
    let directory = tempfile::tempdir()?;
    let (accounts, crossing) = (ACCOUNTS[usize::from(rng.bool())], rng.bool());
    let bank = Bank::open(place, &directory, accounts, crossing)?;
    bank.fill()?;
    let (threads, readers) = (rng.usize(8..=16), rng.usize(1..=3));
    let until = counts.committed.load(Ordering::Relaxed) + size;
    // Whoever ends, all end: the transfers are made, or somebody found a violation.
    let over = AtomicBool::new(false);
    let ledgers = thread::scope(|scope| {
        let reading: Vec<_> = (0..readers)
            .map(|_| {
                let (rng, bank, over) = (rng.fork(), &bank, &over);
                scope.spawn(move || readers::read(bank, rng, &counts.counted, over))
            })
            .collect();
        let working: Vec<_> = (readers..threads)
            .map(|_| {
                let (rng, bank, over) = (rng.fork(), &bank, &over);
                scope.spawn(move || work(bank, rng, until, counts, over))
            })
            .collect();
        let ledgers = working.into_iter().map(joined).collect::<TestResult<Vec<_>>>();
        over.store(true, Ordering::Relaxed);
        reading.into_iter().try_for_each(joined)?;
        ledgers
    })?;
    let ledger = ledgers.into_iter().fold(Ledger::default(), Ledger::and);
    bank.check(&ledger)?;
    if let Place::Disk(_) = place {
        bank.db.close()?;
        Bank::open(place, &directory, accounts, crossing)?.check(&ledger)?;
    }
    Ok(())
}

/// What a thread answered.
fn joined<R>(thread: ScopedJoinHandle<'_, TestResult<R>>) -> TestResult<R> {
    thread.join().unwrap_or_else(|_| Err("a thread panicked".into()))
}

/// Makes transfers until there are enough.
fn work(bank: &Bank, mut rng: Rng, until: u64, counts: &Counts, over: &AtomicBool) -> TestResult<Ledger> {
    let mut ledger = Ledger::default();
    while !over.load(Ordering::Relaxed) && counts.committed.load(Ordering::Relaxed) < until {
        let ended =
            transfers::transfer(bank, &mut rng, &mut ledger).inspect_err(|_| over.store(true, Ordering::Relaxed))?;
        let count = match ended {
            Ended::Committed => &counts.committed,
            Ended::GivenUp => &counts.given_up,
            Ended::Abandoned => &counts.abandoned,
            Ended::Panicked => &counts.panicked,
        };
        count.fetch_add(1, Ordering::Relaxed);
    }
    Ok(ledger)
}

impl Bank {
    fn open(place: Place, directory: &TempDir, accounts: u32, crossing: bool) -> TestResult<Self> {
        // Who waits so long for a lock waits for ever.
        let builder = Database::builder().lock_timeout(FAR);
        let db = match place {
            Place::Memory => builder.in_memory()?,
            Place::Disk(durability) => builder.durability(durability).open(directory.path())?,
        };
        Ok(Self { checking: db.store()?, savings: db.map("savings")?, db, accounts, crossing })
    }

    /// Gives each account its funds, in one commit: each by itself would take long where commits wait for the disk.
    fn fill(&self) -> TestResult {
        let mut batch = Batch::new();
        for account in 0..self.accounts {
            batch = batch.write(self.checking.create(account, AccountInit { balance: FUNDS })?);
            batch = batch.write(self.savings.create(saving(account), FUNDS)?);
        }
        Ok(batch.commit()?)
    }

    /// What all accounts of one store have together, at first, and always where no money crosses.
    fn funds(&self) -> i64 {
        i64::from(self.accounts) * FUNDS
    }

    /// Holds every account against the ledger, when all is quiet.
    fn check(&self, ledger: &Ledger) -> TestResult {
        let locks = self.db.locks();
        if !locks.is_empty() {
            return Err(format!("locks are left behind: {locks:?}").into());
        }
        ledger.check(self)?;
        readers::check_sum(self, &self.db.snapshot()?, false)
    }
}

/// The key of a savings account.
fn saving(account: u32) -> String {
    format!("saving/{account}")
}
