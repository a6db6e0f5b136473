//! Transfers: ways to lock accounts, and ways to end.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use fastrand::Rng;
use kvstore::{Batch, Error, Guard, Map, Result};
use kvstore_tests::TestResult;

use super::ledger::Ledger;
use super::{Account, Bank, saving};

/// How a transfer ended.
#[derive(Debug, Clone, Copy)]
pub(super) enum Ended {
    Committed,
    /// For a lock that was held too long, or an account that was closed.
    GivenUp,
    Abandoned,
    Panicked,
}

/// A locked account. Each transfer needs two at least.
enum Leg {
    Checking(u32, Guard<Account>),
    Saving(u32, Guard<Map<String, i64>>),
}

/// What the ledger is told of a leg when the transfer is acknowledged.
enum Note {
    Checking(u32, u64, i64),
    Saving(u32, i64),
}

impl Leg {
    fn balance(&self) -> i64 {
        match self {
            Self::Checking(_, account) => account.balance,
            Self::Saving(_, balance) => **balance,
        }
    }

    fn add(&mut self, amount: i64) -> Note {
        match self {
            Self::Checking(number, account) => {
                account.balance += amount;
                account.moves += 1;
                Note::Checking(*number, account.moves, account.balance)
            }
            Self::Saving(number, balance) => {
                **balance += amount;
                Note::Saving(*number, amount)
            }
        }
    }

    /// Savings accounts without money are closed.
    fn put_into(self, batch: Batch) -> Batch {
        match self {
            Self::Checking(_, account) => batch.write(account),
            Self::Saving(_, balance) if *balance == 0 => batch.delete(balance),
            Self::Saving(_, balance) => batch.write(balance),
        }
    }
}

/// Makes one transfer.
pub(super) fn transfer(bank: &Bank, rng: &mut Rng, ledger: &mut Ledger) -> TestResult<Ended> {
    let Some(mut legs) = lock(bank, rng)? else { return Ok(Ended::GivenUp) };
    let end = rng.u8(..16);
    if end == 0 {
        // Before anything was changed.
        drop(legs);
        return Ok(Ended::Abandoned);
    }
    let notes = shift(rng, &mut legs);
    if rng.u8(..8) == 0 {
        std::thread::yield_now();
    }
    match end {
        1 => {
            drop(legs);
            Ok(Ended::Abandoned)
        }
        2 => {
            for leg in legs {
                match leg {
                    Leg::Checking(_, account) => account.release(),
                    Leg::Saving(_, balance) => balance.release(),
                }
            }
            Ok(Ended::Abandoned)
        }
        3 => {
            drop(legs.into_iter().fold(Batch::new(), |batch, leg| leg.put_into(batch)));
            Ok(Ended::Abandoned)
        }
        4 => {
            // Without the hook, which would print each.
            let panicked = catch_unwind(AssertUnwindSafe(move || {
                let _held = legs;
                resume_unwind(Box::new("a transfer's own panic"));
            }));
            if panicked.is_err() { Ok(Ended::Panicked) } else { Err("a panic was lost".into()) }
        }
        _ => {
            legs.into_iter().fold(Batch::new(), |batch, leg| leg.put_into(batch)).commit()?;
            for note in notes {
                match note {
                    Note::Checking(account, moved, balance) => ledger.note_checking(account, moved, balance),
                    Note::Saving(account, amount) => ledger.note_saving(account, amount),
                }
            }
            Ok(Ended::Committed)
        }
    }
}

/// Moves money in a ring, so that none comes or goes: now and then all that an account has.
fn shift(rng: &mut Rng, legs: &mut [Leg]) -> Vec<Note> {
    let mut amounts = vec![0; legs.len()];
    for (giver, leg) in legs.iter().enumerate() {
        let taker = (giver + 1) % legs.len();
        let amount = if rng.u8(..16) == 0 { leg.balance() } else { rng.i64(0..50) };
        amounts[giver] -= amount;
        amounts[taker] += amount;
    }
    legs.iter_mut().zip(amounts).map(|(leg, amount)| leg.add(amount)).collect()
}

/// Half of all transfers are between few accounts.
fn account(bank: &Bank, rng: &mut Rng) -> u32 {
    if rng.bool() { rng.u32(..8) } else { rng.u32(..bank.accounts) }
}

/// Two accounts.
fn two(bank: &Bank, rng: &mut Rng) -> (u32, u32) {
    let first = account(bank, rng);
    loop {
        let second = account(bank, rng);
        if second != first {
            return (first, second);
        }
    }
}

/// How long a transfer waits for a lock that it takes out of order.
const SHORT: Duration = Duration::from_millis(1);

/// Locks accounts in one of the ways there are; `None` where it gave up.
fn lock(bank: &Bank, rng: &mut Rng) -> TestResult<Option<Vec<Leg>>> {
    let (first, second) = two(bank, rng);
    let (checking, savings) = (&bank.checking, &bank.savings);
    let legs = match rng.u8(..8) {
        0 | 1 if bank.crossing => {
            let requests = (checking.wanted(first), savings.wanted_or_create(saving(second), 0));
            let (from, to) = bank.db.lock_together(requests)?;
            Some(vec![checked(first, from)?, Leg::Saving(second, to)])
        }
        0 | 1 => {
            let requests = (checking.wanted(first), checking.wanted(second));
            let (from, to) = bank.db.lock_together(requests)?;
            Some(vec![checked(first, from)?, checked(second, to)?])
        }
        2 => {
            let requests = (savings.wanted_or_create(saving(first), 0), savings.wanted_or_create(saving(second), 0));
            let (from, to) = bank.db.lock_together(requests)?;
            Some(vec![Leg::Saving(first, from), Leg::Saving(second, to)])
        }
        3 | 4 => {
            let accounts: BTreeSet<_> =
                [first, second].into_iter().chain((0..rng.u8(..4)).map(|_| account(bank, rng))).collect();
            let mut accounts: Vec<_> = accounts.into_iter().collect();
            rng.shuffle(&mut accounts);
            let guards = checking.lock_all(&accounts)?;
            let legs = accounts.into_iter().zip(guards).map(|(account, guard)| checked(account, guard));
            Some(legs.collect::<TestResult<_>>()?)
        }
        5 => {
            let guards = savings.lock_all([saving(first), saving(second)])?;
            let legs = [first, second].into_iter().zip(guards);
            legs.map(|(account, guard)| guard.map(|guard| Leg::Saving(account, guard))).collect()
        }
        6 => {
            // In whatever order: two such transfers may want each other's accounts, and one has to give up.
            let from = checked(first, checking.lock(first)?)?;
            let to = held(checking.lock_for(second, SHORT))?;
            to.map(|to| Ok::<_, kvstore_tests::Failure>(vec![from, checked(second, to)?])).transpose()?
        }
        _ => {
            let from = held(checking.try_lock(first))?.map(|from| checked(first, from)).transpose()?;
            let to = held(checking.try_lock(second))?.map(|to| checked(second, to)).transpose()?;
            from.into_iter().zip(to).next().map(|(from, to)| vec![from, to])
        }
    };
    Ok(legs)
}

/// Checking accounts are always there.
fn checked(number: u32, guard: Option<Guard<Account>>) -> TestResult<Leg> {
    let guard = guard.ok_or_else(|| format!("checking account {number} is gone"))?;
    Ok(Leg::Checking(number, guard))
}

/// `None` where somebody else holds the lock.
fn held<G>(result: Result<G>) -> TestResult<Option<G>> {
    match result {
        Ok(guard) => Ok(Some(guard)),
        Err(Error::Locked { .. } | Error::LockTimeout { .. }) => Ok(None),
        Err(other) => Err(other.into()),
    }
}
