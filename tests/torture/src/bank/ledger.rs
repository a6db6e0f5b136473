//! What the threads themselves say of the transfers that were acknowledged.

use std::collections::BTreeMap;

use kvstore_tests::TestResult;

use super::{Bank, FUNDS, saving};

/// One thread's acknowledged transfers, or all threads'.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    /// For each checking account, the balance after each of its moves.
    checking: BTreeMap<u32, Vec<(u64, i64)>>,
    /// For each savings account, what it got more than it gave.
    savings: BTreeMap<u32, i64>,
}

impl Ledger {
    /// A checking account has this balance after its so-manieth move.
    pub(super) fn note_checking(&mut self, account: u32, moved: u64, balance: i64) {
        self.checking.entry(account).or_default().push((moved, balance));
    }

    /// A savings account got so much.
    pub(super) fn note_saving(&mut self, account: u32, amount: i64) {
        *self.savings.entry(account).or_default() += amount;
    }

    /// Both.
    pub(super) fn and(mut self, other: Self) -> Self {
        for (account, moves) in other.checking {
            self.checking.entry(account).or_default().extend(moves);
        }
        for (account, amount) in other.savings {
            self.note_saving(account, amount);
        }
        self
    }

    /// Holds all accounts against what was acknowledged.
    pub(super) fn check(&self, bank: &Bank) -> TestResult {
        for account in 0..bank.accounts {
            let found = bank.checking.get(account)?.ok_or_else(|| format!("checking account {account} is gone"))?;
            self.check_checking(account, found.moves, found.balance)?;
            let found = bank.savings.get(saving(account))?.unwrap_or_default();
            let expected = FUNDS + self.savings.get(&account).copied().unwrap_or_default();
            if found != expected {
                return Err(format!("savings account {account} has {found}, acknowledged were {expected}").into());
            }
        }
        Ok(())
    }

    /// Each move of an account was acknowledged to one thread, and the last of them is what is there.
    fn check_checking(&self, account: u32, moves: u64, balance: i64) -> TestResult {
        let mut noted = self.checking.get(&account).cloned().unwrap_or_default();
        noted.sort_unstable();
        let last = noted.last().copied().unwrap_or((0, FUNDS));
        let wrong = noted.iter().zip(1..).position(|((moved, _), turn)| *moved != turn);
        if wrong.is_none() && last == (moves, balance) {
            return Ok(());
        }
        // Only those about the first that is out of turn.
        let about = wrong.unwrap_or(noted.len());
        let about = &noted[about.saturating_sub(2)..noted.len().min(about + 3)];
        Err(format!(
            "checking account {account} has {balance} after {moves} moves; acknowledged were {} up to {last:?}, among them \
             {about:?}",
            noted.len()
        )
        .into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lost_update_a_lost_transfer_and_money_from_nowhere_are_found() {
        let mut ledger = Ledger::default();
        ledger.note_checking(7, 1, 900);
        let mut other = Ledger::default();
        other.note_checking(7, 2, 850);
        let ledger = ledger.and(other);
        assert!(ledger.check_checking(7, 2, 850).is_ok() && ledger.check_checking(8, 0, FUNDS).is_ok());
        // The second was lost, or one that nobody made is there, or one was overwritten by another of the same turn.
        assert!(ledger.check_checking(7, 1, 900).is_err());
        assert!(ledger.check_checking(7, 3, 800).is_err());
        assert!(ledger.check_checking(8, 0, FUNDS + 1).is_err());
        let mut twice = Ledger::default();
        twice.note_checking(7, 1, 950);
        assert!(ledger.and(twice).check_checking(7, 2, 850).is_err());
    }
}
