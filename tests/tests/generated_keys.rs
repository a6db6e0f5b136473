//! Keys that the store makes: unique and increasing, across threads and sessions.

use std::collections::BTreeSet;
use std::thread;

use kvstore::{Database, Error, Key, Result, Store};
use kvstore_tests::{TestResult, on_both};

/// The number of a ticket.
#[derive(Key, Debug, Clone, PartialEq, PartialOrd)]
struct TicketId(u64);

/// The name of a label.
#[derive(Key, Debug, Clone, PartialEq, PartialOrd)]
struct LabelId(String);

/// A newtype of a newtype.
#[derive(Key, Debug, Clone, PartialEq, PartialOrd)]
struct Outer(TicketId);

/// An entry whose key is a field.
#[derive(Store)]
struct Ticket {
    #[store(key)]
    id: TicketId,
    title: String,
}

#[test]
fn keys_increase_within_a_thread() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let mut last = 0;
        // Beyond two leases of 1000.
        for number in 0..2_500 {
            let guard = numbers.create_next(number)?;
            assert!(*guard.key() > last);
            last = *guard.key();
            guard.commit()?;
        }
        assert_eq!(numbers.iter()?.count(), 2_500);
        Ok(())
    })
}

#[test]
fn keys_are_unique_and_increasing_across_threads() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let (latest, all) = (std::sync::atomic::AtomicU64::new(0), std::sync::Mutex::new(BTreeSet::new()));
        thread::scope(|scope| -> TestResult {
            let makers = (0..8).map(|_| {
                let (numbers, latest, all) = (&numbers, &latest, &all);
                scope.spawn(move || -> TestResult {
                    for _ in 0..500 {
                        // Every key that some thread already had is smaller than one asked for now.
                        let before = latest.load(std::sync::atomic::Ordering::SeqCst);
                        let guard = numbers.create_next(0)?;
                        assert!(*guard.key() > before);
                        latest.fetch_max(*guard.key(), std::sync::atomic::Ordering::SeqCst);
                        assert!(all.lock().unwrap().insert(*guard.key()), "{} was given out twice", guard.key());
                        guard.commit()?;
                    }
                    Ok(())
                })
            });
            let makers: Vec<_> = makers.collect();
            makers.into_iter().try_for_each(|maker| maker.join().unwrap())
        })?;
        assert_eq!(numbers.iter()?.count(), 4_000);
        Ok(())
    })
}

#[test]
fn keys_increase_across_sessions_and_gaps_are_allowed() -> TestResult {
    let directory = tempfile::tempdir()?;
    let (mut last, mut made) = (0, 0);
    for session in 0..4 {
        let db = Database::open(directory.path())?;
        let numbers = db.map::<u64, u64>("numbers")?;
        for _ in 0..10 {
            let guard = numbers.create_next(session)?;
            assert!(*guard.key() > last);
            last = *guard.key();
            guard.commit()?;
            made += 1;
        }
        // Keys that were never used don't come again.
        let unused = numbers.next_key()?;
        assert!(unused > last);
        last = unused;
        // A deleted key does not come again either.
        let deleted = numbers.create_next(session)?;
        assert!(*deleted.key() > last);
        last = *deleted.key();
        deleted.delete()?;
        if session % 2 == 0 {
            db.close()?;
        }
    }
    let numbers = Database::open(directory.path())?.map::<u64, u64>("numbers")?;
    assert_eq!(numbers.iter()?.count(), made);
    Ok(())
}

#[test]
fn keys_made_by_hand_are_skipped() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, String>("numbers")?;
        let first = *numbers.create_next("first".to_owned())?.key();
        [1, 2, 4].iter().try_for_each(|ahead| numbers.put(first + ahead, "by hand".into()))?;
        assert_eq!(numbers.next_key()?, first + 3);
        let guard = numbers.create_next("generated".to_owned())?;
        assert_eq!(*guard.key(), first + 5);
        // One that somebody is about to make by hand, too.
        let held = numbers.create(first + 6, "about to".to_owned())?;
        assert_eq!(*numbers.create_next("generated".to_owned())?.key(), first + 7);
        held.commit()?;
        guard.commit()?;
        assert_eq!(numbers.iter()?.filter(|entry| matches!(entry, Ok((_, text)) if text == "by hand")).count(), 3);
        Ok(())
    })
}

#[test]
fn string_keys_are_13_base_36_digits_in_the_order_of_their_numbers() -> TestResult {
    on_both(|db| {
        let texts = db.map::<String, u64>("texts")?;
        let mut last = String::new();
        for number in 0..100 {
            let guard = texts.create_next(number)?;
            let key = guard.key().clone();
            assert!(key.len() == 13 && key > last, "{key} after {last}");
            assert_eq!(u64::from_str_radix(&key, 36)?, number + 1);
            guard.commit()?;
            last = key;
        }
        assert_eq!(texts.iter()?.map(|entry| Ok(entry?.1)).collect::<Result<Vec<_>>>()?, (0..100).collect::<Vec<_>>());
        assert_eq!(texts.next_key()?.len(), 13);
        Ok(())
    })
}

#[test]
fn newtypes_take_generated_keys_as_their_inner_type_does() -> TestResult {
    on_both(|db| {
        let (numbers, labels, outer) =
            (db.map::<TicketId, u8>("numbers")?, db.map::<LabelId, u8>("labels")?, db.map::<Outer, u8>("outer")?);
        for _ in 0..3 {
            numbers.create_next(0)?.commit()?;
            labels.create_next(0)?.commit()?;
            outer.create_next(0)?.commit()?;
        }
        let keys = numbers.iter()?.keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(keys, [TicketId(1), TicketId(2), TicketId(3)]);
        let keys = labels.iter()?.keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(keys[2], LabelId("0000000000003".into()));
        assert_eq!(outer.next_key()?, Outer(TicketId(4)));
        Ok(())
    })
}

#[test]
fn a_key_field_is_filled_with_the_generated_key() -> TestResult {
    on_both(|db| {
        let tickets = db.store::<Ticket>()?;
        let made = tickets.create_next(TicketInit { title: "first".into() })?;
        assert_eq!(made.id, *made.key());
        made.commit()?;
        let whole = tickets.create_next(Ticket { id: TicketId(900), title: "second".into() })?;
        assert!(whole.id == *whole.key() && whole.id != TicketId(900));
        whole.commit()?;
        let stored = tickets.iter()?.map(|entry| Ok(entry?.1)).collect::<Result<Vec<_>>>()?;
        assert!(stored.iter().map(|ticket| ticket.title.as_str()).eq(["first", "second"]));
        assert!(stored.is_sorted_by(|a, b| a.id < b.id));
        Ok(())
    })
}

#[test]
fn each_namespace_counts_for_itself() -> TestResult {
    on_both(|db| {
        let (one, two) = (db.map::<u64, u8>("one")?, db.map::<u64, u8>("two")?);
        for _ in 0..5 {
            one.create_next(0)?.commit()?;
        }
        assert_eq!(two.next_key()?, 1);
        Ok(())
    })
}

#[test]
fn a_generated_entry_that_is_not_committed_never_existed() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        let first = numbers.create_next(1)?;
        assert!(first.is_new() && matches!(numbers.try_lock(*first.key()), Err(Error::Locked { .. })));
        let key = *first.key();
        drop(first);
        assert!(!numbers.contains(key)? && db.locks().is_empty());
        assert!(numbers.next_key()? > key);
        Ok(())
    })
}

#[test]
fn a_failed_lease_gives_out_no_key() -> TestResult {
    let (db, faults) = Database::in_memory_with_faults()?;
    let numbers = db.map::<u64, u64>("numbers")?;
    faults.fail_next_writes(1, kvstore::Outcome::NotApplied);
    assert!(matches!(numbers.next_key(), Err(Error::Engine { .. })));
    assert_eq!(numbers.next_key()?, 1);
    Ok(())
}

#[test]
fn keys_that_are_skipped_are_not_given_out() -> TestResult {
    on_both(|db| {
        let numbers = db.map::<u64, u64>("numbers")?;
        assert_eq!(numbers.next_key()?, 1);
        // Within the lease, beyond it, and back.
        for (skipped, next) in [(1, 2), (10, 11), (1_000, 1_001), (5_000, 5_001), (3, 5_002), (5_001, 5_003)] {
            numbers.skip_keys_to(skipped)?;
            assert_eq!(numbers.next_key()?, next, "{skipped}");
        }
        assert_eq!(*numbers.create_next(0)?.key(), 5_004);
        let most = u64::MAX - 2;
        numbers.skip_keys_to(most)?;
        assert_eq!(numbers.next_key()?, most + 1);
        for none in [most + 1, u64::MAX] {
            assert!(matches!(numbers.skip_keys_to(none), Err(Error::KeysExhausted { .. })));
        }
        assert!(matches!(numbers.next_key(), Err(Error::KeysExhausted { .. })));

        let texts = db.map::<String, u64>("texts")?;
        for (skipped, next) in
            [("", "0000000000001"), ("0000000000009", "000000000000a"), ("0000000001", "0000000001000")]
        {
            texts.skip_keys_to(skipped)?;
            assert_eq!(texts.next_key()?, next, "{skipped}");
        }
        // No generated key comes after it.
        assert!(matches!(texts.skip_keys_to("job 7"), Err(Error::KeysExhausted { .. })));
        assert_eq!(texts.next_key()?, "0000000001001");
        Ok(())
    })
}

#[test]
fn keys_that_were_skipped_stay_so() -> TestResult {
    let directory = tempfile::tempdir()?;
    let open = || -> Result<_> {
        let db = Database::open(directory.path())?;
        let numbers = db.map::<u64, u64>("numbers")?;
        Ok((db, numbers))
    };
    let (db, numbers) = open()?;
    numbers.skip_keys_to(10_000)?;
    drop((db, numbers));
    let (db, numbers) = open()?;
    assert!(numbers.next_key()? > 10_000);
    numbers.skip_keys_to(10_500)?;
    drop((db, numbers));
    let (_db, numbers) = open()?;
    assert!(numbers.next_key()? > 10_500);
    Ok(())
}
