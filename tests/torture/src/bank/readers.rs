//! Readers: they count the money while it moves.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use fastrand::Rng;
use kvstore::Snapshot;
use kvstore_tests::TestResult;

use super::{Bank, saving};

/// Counts until the bout is over.
pub(super) fn read(bank: &Bank, mut rng: Rng, counted: &AtomicU64, over: &AtomicBool) -> TestResult {
    while !over.load(Ordering::Relaxed) {
        count_once(bank, &mut rng).inspect_err(|_| over.store(true, Ordering::Relaxed))?;
        counted.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

fn count_once(bank: &Bank, rng: &mut Rng) -> TestResult {
    if !bank.crossing && rng.bool() {
        return count_stores(bank);
    }
    let snapshot = bank.db.snapshot()?;
    check_sum(bank, &snapshot, rng.bool())?;
    if rng.bool() {
        // The same moment, much later.
        std::thread::yield_now();
        check_sum(bank, &snapshot, rng.bool())?;
        check_gets(bank, &snapshot, rng)?;
    }
    Ok(())
}

/// Each store by itself: a scan sees one moment, too.
fn count_stores(bank: &Bank) -> TestResult {
    let expected = bank.funds();
    let mut found = (0, 0);
    for account in bank.checking.iter()? {
        found.0 += account?.1.balance;
    }
    for account in bank.savings.prefix("saving/")? {
        found.1 += account?.1;
    }
    if found == (expected, expected) {
        return Ok(());
    }
    Err(format!("scans of the two stores have {found:?}, expected {expected} each").into())
}

/// A snapshot sees all the money, and every checking account.
pub(super) fn check_sum(bank: &Bank, snapshot: &Snapshot, reversed: bool) -> TestResult {
    let (checking, savings) = (bank.checking.at(snapshot).iter()?, bank.savings.at(snapshot).iter()?);
    let (checking, savings) = if reversed { (checking.reversed(), savings.reversed()) } else { (checking, savings) };
    let (mut sum, mut accounts) = (0, 0);
    for account in checking {
        sum += account?.1.balance;
        accounts += 1;
    }
    for account in savings {
        sum += account?.1;
    }
    if (sum, accounts) == (2 * bank.funds(), bank.accounts) {
        return Ok(());
    }
    Err(format!("a snapshot has {sum} in all and {accounts} checking accounts of {}", bank.accounts).into())
}

/// Single reads of a snapshot see what its scans see.
fn check_gets(bank: &Bank, snapshot: &Snapshot, rng: &mut Rng) -> TestResult {
    let (checking, savings) = (bank.checking.at(snapshot), bank.savings.at(snapshot));
    for _ in 0..20 {
        let account = rng.u32(..bank.accounts);
        let scanned = checking.range(account..=account)?.next().transpose()?.map(|(_, found)| found.balance);
        let read = checking.get(account)?.map(|found| found.balance);
        let key = saving(account);
        let scanned_saving = savings.range(&key..=&key)?.next().transpose()?.map(|(_, found)| found);
        let read_saving = savings.get(&key)?;
        if (scanned, scanned_saving) != (read, read_saving) {
            let (scanned, read) = ((scanned, scanned_saving), (read, read_saving));
            return Err(format!("account {account}: a snapshot's scans have {scanned:?}, its reads {read:?}").into());
        }
    }
    Ok(())
}
