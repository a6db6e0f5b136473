//! Several processes and threads that open, or create, one directory at the same moment.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Barrier;

use fastrand::Rng;
use kvstore::Database;
use kvstore_tests::TestResult;

use super::opener::{DONE, IN_USE, OPEN};
use super::{OPENERS, Players, attempt, opener};

/// Attempts of each process in one rush.
const RUSH: u64 = 4;

/// Three contests for a directory that is not there at first, each between all players; then all commits must be there.
pub(super) fn round(players: &mut Players<'_>, rng: &mut Rng, root: &Path) -> TestResult {
    // Parents are made by whoever comes first, too.
    let directory = if rng.bool() { root.join("db") } else { root.join("some/where/db") };
    let mut ledger = Ledger { committed: BTreeSet::new(), next: 1 };
    for _ in 0..3 {
        if rng.bool() {
            contest(players, rng, &directory, &mut ledger)?;
        } else {
            rush(players, &directory, &mut ledger)?;
        }
    }
    players.holds(&directory, &ledger.committed)
}

/// The numbers that winners committed.
struct Ledger {
    committed: BTreeSet<u64>,
    next: u64,
}

impl Ledger {
    /// The next number, which is committed with what is done now.
    fn take(&mut self) -> u64 {
        let number = self.next;
        self.committed.insert(number);
        self.next += 1;
        number
    }
}

/// All open at once and stay: exactly one has it. It commits, and then closes or is killed.
fn contest(players: &mut Players<'_>, rng: &mut Rng, directory: &Path, ledger: &mut Ledger) -> TestResult {
    for process in 0..OPENERS {
        players.process(process)?.tell(format!("open {}", directory.display()))?;
    }
    let here = from_threads(rng.usize(..3), directory)?;
    let mut winners = Vec::new();
    for process in 0..OPENERS {
        match players.process(process)?.answer()? {
            answer if answer == OPEN => winners.push(process),
            answer if answer == IN_USE => players.count("openings refused"),
            answer => return Err(format!("an opener among several is answered `{answer}`").into()),
        }
    }
    players.count("contests for one directory");
    match (&winners[..], &here[..]) {
        ([], [db]) => {
            let number = ledger.take();
            opener::numbers(db)?.put(number, number)?;
        }
        (&[winner], []) if rng.bool() => {
            for _ in 0..rng.u8(1..4) {
                players.expect(winner, &format!("commit {}", ledger.take()), DONE)?;
            }
            players.expect(winner, if rng.bool() { "close" } else { "drop" }, DONE)?;
        }
        (&[winner], []) => kill(players, rng, winner, directory, ledger)?,
        _ => {
            let (processes, threads) = (winners.len(), here.len());
            return Err(format!("{processes} processes and {threads} threads opened one directory").into());
        }
    }
    here.into_iter().try_for_each(Database::close)?;
    Ok(())
}

/// Threads of this process that open it, too; answers what they opened.
fn from_threads(threads: usize, directory: &Path) -> TestResult<Vec<Database>> {
    let together = Barrier::new(threads);
    let open = || {
        together.wait();
        attempt(directory)
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..threads).map(|_| scope.spawn(open)).collect();
        let opened = threads.into_iter().map(|thread| thread.join().map_err(|_| "a thread panicked"));
        Ok(opened.collect::<Result<kvstore::Result<Vec<_>>, _>>()??.into_iter().flatten().collect())
    })
}

/// Kills the winner in the middle of its commits. Those that it told are there, and the one after may be, too.
fn kill(players: &mut Players<'_>, rng: &mut Rng, winner: usize, directory: &Path, ledger: &mut Ledger) -> TestResult {
    let process = players.process(winner)?;
    process.tell(format!("write {}", ledger.next))?;
    for _ in 0..rng.u32(1..20) {
        process.answer()?;
        ledger.take();
    }
    for _ in players.kill(winner)? {
        ledger.take();
    }
    players.count("openers killed while they wrote");
    // At once: nothing is waited for.
    let db = attempt(directory)?.ok_or("the directory of a killed process is not free")?;
    if opener::numbers(&db)?.contains(ledger.next)? {
        ledger.take();
    }
    Ok(db.close()?)
}

/// All open, commit and close several times: one after the other they may all succeed.
fn rush(players: &mut Players<'_>, directory: &Path, ledger: &mut Ledger) -> TestResult {
    for process in 0..OPENERS {
        players.process(process)?.tell(format!("rush {} {RUSH} {}", ledger.next, directory.display()))?;
        ledger.next += RUSH;
    }
    let before = ledger.committed.len();
    for process in 0..OPENERS {
        let answer = players.process(process)?.answer()?;
        let numbers = answer.strip_prefix(DONE).ok_or_else(|| format!("in a rush it is answered `{answer}`"))?;
        for number in numbers.split_whitespace() {
            ledger.committed.insert(number.parse()?);
        }
    }
    players.count("rushes to one directory");
    if ledger.committed.len() == before { Err("nobody could open the directory".into()) } else { Ok(()) }
}
