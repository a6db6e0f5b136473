//! A bank: several threads move money between accounts, and nobody ever sees a sum that is wrong.

use std::error::Error;
use std::thread;

// ANCHOR: store
use kvstore::{Batch, Database, Store};

#[derive(Store)]
#[store(key = u32)]
struct Account {
    #[store(default)]
    balance: u64,
}
// ANCHOR_END: store

const ACCOUNTS: u32 = 10;
const EACH: u64 = 100;
const TRANSFERS: u32 = 500;
const THREADS: u32 = 4;

// ANCHOR: transfer
/// Moves an amount from one account to another, and tells whether there was enough.
fn transfer(accounts: &AccountStore, from: u32, to: u32, amount: u64) -> kvstore::Result<bool> {
    // In one call: two transfers between the same accounts, one each way, never wait for each other.
    let mut locked = accounts.lock_all([from, to])?.into_iter().flatten();
    let (Some(mut from), Some(mut to)) = (locked.next(), locked.next()) else { return Ok(false) };
    let Some(left) = from.balance.checked_sub(amount) else { return Ok(false) };
    from.balance = left;
    to.balance += amount;
    Batch::new().write(from).write(to).commit()?;
    Ok(true)
}
// ANCHOR_END: transfer

// ANCHOR: sum
/// The money in the bank, as of one moment.
fn sum(db: &Database, accounts: &AccountStore) -> kvstore::Result<u64> {
    let snapshot = db.snapshot()?;
    let mut sum = 0;
    for entry in accounts.at(&snapshot).iter()? {
        sum += entry?.1.balance;
    }
    Ok(sum)
}
// ANCHOR_END: sum

/// Makes transfers between accounts as a simple sequence of numbers has it; returns how many there was money for.
fn customer(accounts: &AccountStore, seed: u32) -> kvstore::Result<u32> {
    let mut state = seed;
    let mut next = |below: u32| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) % below
    };
    let mut done = 0;
    for _ in 0..TRANSFERS {
        let from = next(ACCOUNTS);
        let to = (from + 1 + next(ACCOUNTS - 1)) % ACCOUNTS; // another one
        done += u32::from(transfer(accounts, from, to, u64::from(next(50)))?);
    }
    Ok(done)
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path().join("bank"))?;
    let accounts = db.store::<Account>()?;
    for number in 0..ACCOUNTS {
        accounts.insert(number, Account { balance: EACH })?;
    }
    let total = u64::from(ACCOUNTS) * EACH;

    let transfers = thread::scope(|scope| {
        let customers: Vec<_> = (1..=THREADS)
            .map(|seed| {
                scope.spawn({
                    let accounts = &accounts;
                    move || customer(accounts, seed)
                })
            })
            .collect();
        let mut checks = 0;
        while !customers.iter().all(thread::ScopedJoinHandle::is_finished) {
            let sum = sum(&db, &accounts)?;
            assert_eq!(sum, total, "money came or went");
            checks += 1;
        }
        println!("{checks} sums, each as of one moment: all {total}");
        let mut transfers = 0;
        for customer in customers {
            transfers += customer.join().map_err(|_| "a customer panicked")??;
        }
        Ok::<u32, Box<dyn Error>>(transfers)
    })?;

    assert_eq!(sum(&db, &accounts)?, total);
    assert!(!transfer(&accounts, 0, ACCOUNTS, 1)?, "there is no such account");
    assert!(db.locks().is_empty());
    db.close()?;
    println!("{transfers} of {} transfers by {THREADS} threads; {total} before, {total} after", TRANSFERS * THREADS);
    Ok(())
}
