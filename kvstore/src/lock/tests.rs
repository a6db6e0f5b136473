use std::sync::mpsc;
use std::thread;

use super::*;

const LONG: Duration = Duration::from_mins(5);

fn key(name: &str) -> KeyBuf {
    KeyBuf::from_bytes(name.as_bytes())
}

#[track_caller]
fn lock(table: &LockTable, name: &str) -> Token {
    table.lock(key(name), Wait::AtMost(LONG), Location::caller()).unwrap()
}

/// Waits until `count` threads stand in line for a key.
fn await_waiters(table: &LockTable, count: usize) {
    while table.held().iter().map(|held| held.waiters).sum::<usize>() < count {
        thread::yield_now();
    }
}

#[test]
fn a_held_key_is_refused_and_names_its_holder() {
    let table = LockTable::default();
    let token = lock(&table, "a");
    let Err(LockRefused::Held(holding)) = table.lock(key("a"), Wait::No, Location::caller()) else { panic!() };
    assert!(holding.is_caller && holding.taken_at.file().ends_with("tests.rs"));
    assert_eq!(Some(holding.thread.as_str()), thread::current().name());
    let other = lock(&table, "b");
    table.unlock(&token);
    table.unlock(&other);
    assert!(table.held().is_empty());
}

#[test]
fn waiters_are_served_in_order_of_arrival() {
    let table = LockTable::default();
    let (done, order) = mpsc::channel();
    let token = lock(&table, "a");
    thread::scope(|scope| {
        for number in 0..8 {
            let (table, done) = (&table, done.clone());
            scope.spawn(move || {
                let token = lock(table, "a");
                done.send(number).unwrap();
                table.unlock(&token);
            });
            await_waiters(table, number + 1);
        }
        table.unlock(&token);
    });
    assert_eq!(order.try_iter().collect::<Vec<_>>(), (0..8).collect::<Vec<_>>());
    assert!(table.held().is_empty());
}

#[test]
fn who_gives_up_leaves_the_line() {
    let table = LockTable::default();
    let token = lock(&table, "a");
    let refused = table.lock(key("a"), Wait::AtMost(Duration::from_millis(1)), Location::caller());
    let Err(LockRefused::TimedOut(waited, holding)) = refused else { panic!("{refused:?}") };
    assert!(waited >= Duration::from_millis(1) && holding.is_caller && holding.waiters == 0);
    table.unlock(&token);
    assert!(table.held().is_empty());
    assert!(locked(&table.waiting).is_empty());
}

#[test]
fn close_wakes_who_waits_and_refuses_who_comes() {
    let table = LockTable::default();
    let token = lock(&table, "a");
    thread::scope(|scope| {
        let waiting = scope.spawn(|| table.lock(key("a"), Wait::AtMost(Duration::MAX), Location::caller()));
        await_waiters(&table, 1);
        table.close();
        assert!(matches!(waiting.join().unwrap(), Err(LockRefused::Closed)));
    });
    assert!(matches!(table.lock(key("b"), Wait::No, Location::caller()), Err(LockRefused::Closed)));
    table.unlock(&token);
    assert!(table.held().is_empty());
}

#[test]
fn the_holder_that_waits_elsewhere_is_told() {
    let table = LockTable::default();
    let (a, (send, receive)) = (lock(&table, "a"), mpsc::channel());
    thread::scope(|scope| {
        let table = &table;
        scope.spawn(move || {
            let b = lock(table, "b");
            send.send(()).unwrap();
            let a = lock(table, "a");
            table.unlock(&a);
            table.unlock(&b);
        });
        receive.recv().unwrap();
        await_waiters(table, 1);
        let Err(LockRefused::Held(holding)) = table.lock(key("b"), Wait::No, Location::caller()) else { panic!() };
        assert_eq!(holding.waits_for, Some(key("a")));
        table.unlock(&a);
    });
}

#[test]
fn a_stale_token_neither_holds_nor_releases() {
    let table = LockTable::default();
    let first = lock(&table, "a");
    let stale = first.stale();
    table.unlock(&first);
    let second = lock(&table, "a");
    assert!(table.holds(&second) && !table.holds(&first) && !table.holds(&stale));
    table.unlock(&first);
    table.unlock(&stale);
    assert!(table.holds(&second));
    table.unlock(&second);
}

#[test]
fn sixteen_threads_never_hold_one_key_twice() {
    let table = LockTable::default();
    let inside: Vec<_> = (0..4).map(|_| std::sync::atomic::AtomicUsize::new(0)).collect();
    thread::scope(|scope| {
        for thread in 0..16 {
            let (table, inside) = (&table, &inside);
            scope.spawn(move || {
                for round in 0..5_000 {
                    let number = (thread + round * 7) % inside.len();
                    let token = lock(table, &number.to_string());
                    assert_eq!(inside[number].fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                    inside[number].fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                    table.unlock(&token);
                }
            });
        }
    });
    assert!(table.held().is_empty());
}

#[test]
fn a_key_is_taken_if_it_is_free_and_left_alone_if_not() {
    let table = LockTable::default();
    let free = |name| table.lock_if_free(key(name), Location::caller(), Instant::now()).unwrap();
    let token = free("a").unwrap();
    assert!(free("a").is_none() && table.is_held(&key("a")) && table.holds(&token));
    assert!(!table.is_held(&key("b")));
    table.unlock(&token);
    let again = free("a").unwrap();
    assert!(!table.holds(&token) && table.holds(&again));
    table.close();
    assert!(matches!(table.lock_if_free(key("b"), Location::caller(), Instant::now()), Err(LockRefused::Closed)));
}

#[test]
fn a_watch_notes_keys_that_become_free_in_its_span() {
    let table = LockTable::default();
    let names = ["a", "b", "c", "d", "e"];
    let tokens = names.map(|name| lock(&table, name));
    let watch = table.watch(crate::key::Span { start: key("b"), end: key("e") });
    assert_eq!(watch.take_first(), None);
    thread::scope(|scope| {
        let waiting = scope.spawn(|| lock(&table, "c"));
        await_waiters(&table, 1);
        tokens.iter().rev().for_each(|token| table.unlock(token));
        // Handed over, "c" was never free.
        let handed_over = waiting.join().unwrap();
        assert_eq!([(); 3].map(|()| watch.take_first()), [Some(key("b")), Some(key("d")), None]);
        table.unlock(&handed_over);
        assert_eq!([(); 2].map(|()| watch.take_first()), [Some(key("c")), None]);
    });
    drop(watch);
    assert!(table.shards.iter().all(|shard| locked(&shard.0).watches.is_empty()));
}
