//! The checker finds what is planted, and agrees with one that tries every order.

use fastrand::Rng;

use super::*;

fn call(thread: usize, invoked: u64, returned: u64, saw: &[(usize, Seen)], wrote: &[(usize, Option<u32>)]) -> Call {
    let effect = Effect { saw: saw.to_vec(), wrote: wrote.to_vec() };
    Call { thread, name: "call", invoked, returned, effect, unknown: false }
}

fn put(thread: usize, invoked: u64, returned: u64, value: u32) -> Call {
    call(thread, invoked, returned, &[], &[(0, Some(value))])
}

fn get(thread: usize, invoked: u64, returned: u64, value: Option<u32>) -> Call {
    call(thread, invoked, returned, &[(0, Seen::Value(value))], &[])
}

fn update(thread: usize, invoked: u64, returned: u64, from: u32, to: u32) -> Call {
    call(thread, invoked, returned, &[(0, Seen::Value(Some(from)))], &[(0, Some(to))])
}

fn is_explained(calls: &[Call]) -> bool {
    check(calls).is_ok()
}

#[test]
fn a_read_during_a_write_may_see_either() {
    for seen in [Some(1), Some(2)] {
        assert!(is_explained(&[put(0, 0, 1, 1), put(0, 2, 9, 2), get(1, 3, 4, seen)]));
    }
}

#[test]
fn a_stale_read_is_found() {
    assert!(!is_explained(&[put(0, 0, 1, 1), put(0, 2, 3, 2), get(1, 4, 5, Some(1))]));
    // Also where both reads lie within the write, but the later one goes back.
    let write = [put(0, 0, 1, 1), put(0, 2, 9, 2)];
    assert!(is_explained(&[&write[..], &[get(1, 3, 4, Some(1)), get(1, 5, 6, Some(2))]].concat()));
    assert!(!is_explained(&[&write[..], &[get(1, 3, 4, Some(2)), get(1, 5, 6, Some(1))]].concat()));
}

#[test]
fn a_lost_update_is_found() {
    let first = put(0, 0, 1, 1);
    assert!(is_explained(&[first.clone(), update(0, 2, 8, 1, 2), update(1, 3, 9, 2, 3)]));
    assert!(!is_explained(&[first, update(0, 2, 8, 1, 2), update(1, 3, 9, 1, 3)]));
}

#[test]
fn a_value_that_was_never_committed_is_found() {
    assert!(!is_explained(&[put(0, 0, 1, 1), get(1, 0, 9, Some(7))]));
    assert!(!is_explained(&[call(0, 0, 1, &[(0, Seen::Present(true))], &[])]));
}

#[test]
fn writes_seen_in_another_order_than_they_were_made_in_are_found() {
    let writes = [put(0, 0, 1, 1), put(0, 2, 3, 2)];
    assert!(!is_explained(&[&writes[..], &[get(1, 4, 5, Some(2)), get(2, 6, 7, Some(1))]].concat()));
    // Two that see concurrent writes in different orders.
    let writes = [put(0, 0, 9, 1), put(1, 0, 9, 2)];
    let reads = |first, second, thread| [get(thread, 10, 11, Some(first)), get(thread, 12, 13, Some(second))];
    assert!(is_explained(&[&writes[..], &reads(1, 1, 2)].concat()));
    assert!(!is_explained(&[&writes[..], &reads(1, 2, 2)].concat()));
}

#[test]
fn half_a_batch_is_found() {
    let batch = call(0, 0, 9, &[], &[(0, Some(1)), (1, Some(2))]);
    let snapshot = |first, second| call(1, 3, 4, &[(0, Seen::Value(first)), (1, Seen::Value(second))], &[]);
    assert!(is_explained(&[batch.clone(), snapshot(None, None)]));
    assert!(is_explained(&[batch.clone(), snapshot(Some(1), Some(2))]));
    assert!(!is_explained(&[batch.clone(), snapshot(Some(1), None)]));
    assert!(!is_explained(&[batch, snapshot(None, Some(2))]));
}

#[test]
fn an_unknown_outcome_may_come_true_late_or_never_and_only_once() {
    let unknown = Call { unknown: true, ..put(0, 2, 3, 2) };
    let before = [put(1, 0, 1, 1), unknown];
    assert!(is_explained(&[&before[..], &[get(1, 4, 5, Some(1))]].concat()));
    assert!(is_explained(&[&before[..], &[get(1, 4, 5, Some(1)), get(1, 6, 7, Some(2))]].concat()));
    let there_and_gone = [get(1, 4, 5, Some(2)), get(1, 6, 7, Some(1))];
    assert!(!is_explained(&[&before[..], &there_and_gone].concat()));
    // Not before it was invoked.
    assert!(!is_explained(&[get(1, 0, 1, Some(2)), Call { unknown: true, ..put(0, 2, 3, 2) }]));
}

/// Tries every order.
fn is_explained_by_any_order(calls: &[Call], before: &[usize], values: Values) -> bool {
    let left: Vec<_> = (0..calls.len()).filter(|call| !before.contains(call)).collect();
    if left.iter().all(|call| calls[*call].unknown) {
        return true;
    }
    left.iter().any(|next| {
        let in_time = left.iter().all(|other| other == next || calls[*next].invoked < calls[*other].ended());
        let after = calls[*next].effect.on(&values).filter(|_| in_time);
        after.is_some_and(|values| is_explained_by_any_order(calls, &[before, &[*next]].concat(), values))
    })
}

#[test]
fn it_agrees_with_one_that_tries_every_order() {
    let mut rng = Rng::with_seed(1);
    let mut explained = 0;
    for _ in 0..5_000 {
        let calls: Vec<_> = (0..rng.usize(1..=6))
            .map(|thread| {
                let invoked = rng.u64(..20);
                let mut value = || (rng.usize(..2), rng.bool().then(|| rng.u32(..3)));
                let ((key, seen), wrote) = (value(), value());
                let seen = if rng.bool() { Seen::Value(seen) } else { Seen::Present(seen.is_some()) };
                let saw = if rng.bool() { vec![(key, seen)] } else { vec![] };
                let wrote = if rng.bool() { vec![wrote] } else { vec![] };
                let mut call = call(thread, invoked, invoked + rng.u64(1..12), &saw, &wrote);
                call.unknown = rng.u8(..8) == 0;
                call
            })
            .collect();
        let expected = is_explained_by_any_order(&calls, &[], [None; KEYS]);
        explained += usize::from(expected);
        assert_eq!(is_explained(&calls), expected, "{calls:?}");
    }
    // Both answers were put to the test.
    assert!((1_000..4_000).contains(&explained), "{explained}");
}
