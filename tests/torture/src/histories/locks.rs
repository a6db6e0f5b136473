//! What a history says of locks and of generated keys, besides the values of entries.

/// A hold on the lock of a key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hold {
    pub(super) key: usize,
    /// When it was asked for, and when it was given back for sure.
    pub(super) asked: u64,
    pub(super) over: u64,
    /// From when until when it was held for sure; `None` where the call that took it also gave it back.
    pub(super) sure: Option<(u64, u64)>,
}

/// A lock that was refused because it was held.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refusal {
    pub(super) key: usize,
    pub(super) invoked: u64,
    pub(super) returned: u64,
}

/// A generated key.
#[derive(Debug, Clone, Copy)]
pub(super) struct Generated {
    pub(super) invoked: u64,
    pub(super) returned: u64,
    pub(super) key: u64,
}

/// A lock is held by one at a time, and refused only where somebody can have held it.
pub(super) fn check_locks(holds: &[Hold], refusals: &[Refusal]) -> Result<(), String> {
    for (index, one) in holds.iter().enumerate() {
        let Some((from, to)) = one.sure else { continue };
        for other in holds.iter().skip(index + 1).filter(|other| other.key == one.key) {
            if other.sure.is_some_and(|(begin, end)| begin < to && from < end) {
                return Err(format!("a lock was held by two at a time: {one:?}, {other:?}"));
            }
        }
    }
    match refusals.iter().find(|refusal| {
        let explains = |hold: &Hold| hold.asked < refusal.returned && refusal.invoked < hold.over;
        !holds.iter().any(|hold| hold.key == refusal.key && explains(hold))
    }) {
        Some(refusal) => Err(format!("a lock was refused that nobody held: {refusal:?}")),
        None => Ok(()),
    }
}

/// No key is generated twice, and none is smaller than one that was there before it was asked for.
pub(super) fn check_generated(keys: &[Generated]) -> Result<(), String> {
    for one in keys {
        let before = |other: &Generated| other.returned < one.invoked && other.key >= one.key;
        let twice = |other: &Generated| other.key == one.key && other.invoked != one.invoked;
        if let Some(other) = keys.iter().find(|other| before(other) || twice(other)) {
            return Err(format!("generated keys out of order: {other:?}, then {one:?}"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hold(from: u64, to: u64) -> Hold {
        Hold { key: 0, asked: from - 1, over: to + 1, sure: Some((from, to)) }
    }

    #[test]
    fn two_holders_are_found() {
        assert!(check_locks(&[hold(1, 4), hold(5, 9)], &[]).is_ok());
        assert!(check_locks(&[hold(1, 6), hold(5, 9)], &[]).is_err());
        assert!(check_locks(&[hold(1, 6), Hold { key: 1, ..hold(5, 9) }], &[]).is_ok());
    }

    #[test]
    fn a_refusal_for_nothing_is_found() {
        let refusal = |invoked, returned| Refusal { key: 0, invoked, returned };
        assert!(check_locks(&[hold(3, 6)], &[refusal(4, 5)]).is_ok());
        assert!(check_locks(&[hold(3, 6)], &[refusal(8, 9)]).is_err());
        assert!(check_locks(&[], &[refusal(8, 9)]).is_err());
    }

    #[test]
    fn generated_keys_out_of_order_are_found() {
        let key = |invoked, returned, key| Generated { invoked, returned, key };
        assert!(check_generated(&[key(0, 1, 5), key(2, 3, 6)]).is_ok());
        assert!(check_generated(&[key(0, 3, 6), key(1, 2, 5)]).is_ok());
        assert!(check_generated(&[key(0, 1, 6), key(2, 3, 5)]).is_err());
        assert!(check_generated(&[key(0, 3, 5), key(1, 2, 5)]).is_err());
    }
}
