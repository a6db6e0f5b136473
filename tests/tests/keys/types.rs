//! Keys of the standard library beyond numbers and text.

use std::cmp::Reverse;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kvstore::Error;
use kvstore_tests::{TestResult, on_both};
use proptest::prelude::*;

use crate::check::{bytes, check, check_ranges, number, part_form, text};
use crate::{Name, Place, place};

macro_rules! nonzero {
    ($($type:ident)*) => {$(
        #[test]
        fn $type() -> TestResult {
            let keys = [$type::MIN, $type::MIN + 1, 1, 2, $type::MAX].into_iter().filter_map(NonZero::new);
            let extremes: std::collections::BTreeSet<_> = keys.collect();
            let extremes: Vec<NonZero<$type>> = extremes.into_iter().collect();
            check(&extremes, number([$type::MIN, 1, 2, $type::MAX]).prop_filter_map("zero", NonZero::new))?;
            on_both(|db| check_ranges(&db.map("keys")?, &extremes))
        }
    )*};
}

mod nonzero {
    use super::*;
    nonzero!(u8 u16 u32 u64 u128 i8 i16 i32 i64 i128);
}

#[test]
fn options_begin_with_none() -> TestResult {
    let numbers = [None, Some(0), Some(1), Some(u64::MAX)];
    check(&numbers, any::<Option<u64>>())?;
    let texts = [None, Some(String::new()), Some("\0".into()), Some("a".into())];
    check(&texts, proptest::option::of(text()))?;
    check(&[], (proptest::option::of(text()), proptest::option::of(bytes())))?;
    check(&[None, Some(None), Some(Some(0))], any::<Option<Option<u8>>>())?;
    check(&[], proptest::option::of(place()))?;
    on_both(|db| {
        check_ranges(&db.map("numbers")?, &numbers)?;
        check_ranges(&db.map("texts")?, &texts)
    })
}

/// Reversed keys have what those they are of have, in the opposite order, strings that begin alike among them.
#[test]
fn reversed_keys_run_backwards() -> TestResult {
    let texts = ["", "\0", "\0\u{1}", "a", "a\0", "a\0b", "ab", "b"].map(|text| Reverse(String::from(text)));
    check(&texts, text().prop_map(Reverse))?;
    check(&[Reverse(i64::MIN), Reverse(-1), Reverse(0), Reverse(i64::MAX)], any::<i64>().prop_map(Reverse))?;
    check(&[], (text().prop_map(Reverse), text()))?;
    check(&[], (text(), bytes().prop_map(Reverse), any::<u8>().prop_map(Reverse)))?;
    check(&[], (text(), bytes(), any::<bool>()).prop_map(Reverse))?;
    check(&[], proptest::option::of(text()).prop_map(Reverse))?;
    check(&[], proptest::option::of(bytes().prop_map(Reverse)))?;
    check(&[], text().prop_map(|text| Reverse(Reverse(text))))?;
    check(&[], place().prop_map(Reverse))?;
    // Longer than what a key has in place.
    let long = [71, 72, 73].map(|len| Reverse("x".repeat(len)));
    check(&long, Just(Reverse(String::new())))?;
    on_both(|db| check_ranges(&db.map("texts")?, &texts))
}

#[test]
fn addresses() -> TestResult {
    let (v4, v6) = (any::<Ipv4Addr>, any::<Ipv6Addr>);
    check(&[Ipv4Addr::UNSPECIFIED, Ipv4Addr::LOCALHOST, Ipv4Addr::BROADCAST], v4())?;
    check(&[Ipv6Addr::UNSPECIFIED, Ipv6Addr::LOCALHOST, Ipv6Addr::from([0xFF; 16])], v6())?;
    let ips: [IpAddr; 4] = [[0, 0, 0, 0].into(), [255, 255, 255, 255].into(), [0_u16; 8].into(), [u16::MAX; 8].into()];
    check(&ips, any::<IpAddr>())?;
    let sockets4 = |ip: Ipv4Addr, port| SocketAddrV4::new(ip, port);
    let sockets6 = |ip: Ipv6Addr, port, flow, scope| SocketAddrV6::new(ip, port, flow, scope);
    let low = Ipv6Addr::UNSPECIFIED;
    let extremes4 = [sockets4(Ipv4Addr::UNSPECIFIED, 1), sockets4(Ipv4Addr::UNSPECIFIED, 256)];
    check(&extremes4, (v4(), any::<u16>()).prop_map(move |(ip, port)| sockets4(ip, port)))?;
    let extremes6 = [sockets6(low, 0, 0, 1), sockets6(low, 0, 1, 0), sockets6(low, 1, 0, 0), sockets6(low, 1, 1, 1)];
    let any6 = (prop_oneof![Just(low), v6()], 0..2_u16, 0..2_u32, any::<u32>());
    check(&extremes6, any6.prop_map(move |(ip, port, flow, scope)| sockets6(ip, port, flow, scope)))?;
    check(&[SocketAddr::V4(extremes4[0]), SocketAddr::V6(extremes6[0])], any::<SocketAddr>())?;
    check(&[], (any::<IpAddr>(), text(), any::<SocketAddr>()))?;
    on_both(|db| check_ranges(&db.map("ips")?, &ips))
}

/// Any time that the platform has, and those about 1970 often.
fn time() -> impl Strategy<Value = SystemTime> {
    let seconds = prop_oneof![-2..3_i64, any::<i64>().prop_map(|seconds| seconds >> 8)];
    let nanos = prop_oneof![Just(0), Just(1), Just(999_999_999), 0..1_000_000_000_u32];
    (seconds, nanos).prop_map(|(seconds, nanos)| at(seconds, nanos))
}

fn at(seconds: i64, nanos: u32) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    (if seconds < 0 { epoch - whole } else { epoch + whole }) + Duration::from_nanos(nanos.into())
}

#[test]
fn times_also_before_1970() -> TestResult {
    let times = [at(-2, 0), at(-1, 0), at(-1, 999_999_999), at(0, 0), at(0, 1), at(1, 0), SystemTime::now()];
    check(&times, time())?;
    // The first and the last that Linux has.
    check(&[at(i64::MIN, 0), at(i64::MIN, 1), at(i64::MAX, 0), at(i64::MAX, 999_999_999)], time())?;
    let durations = [Duration::ZERO, Duration::from_nanos(1), Duration::from_secs(1), Duration::MAX];
    check(&durations, any::<Duration>())?;
    check(&[], (text(), time(), any::<Duration>()))?;
    on_both(|db| {
        check_ranges(&db.map("times")?, &times[..5])?;
        check_ranges(&db.map("durations")?, &durations)
    })
}

#[test]
fn boxed_and_shared_text_and_bytes() -> TestResult {
    let texts = ["", "\0", "a", "a\0", "ab"];
    check(&texts.map(Box::<str>::from), text().prop_map(Box::from))?;
    check(&texts.map(Arc::<str>::from), text().prop_map(Arc::from))?;
    check(&[], bytes().prop_map(Box::<[u8]>::from))?;
    check(&[], bytes().prop_map(Arc::<[u8]>::from))?;
    check(&[], (text().prop_map(Box::<str>::from), bytes().prop_map(Arc::<[u8]>::from), text()))?;
    // The same bytes and the same shape: a program may change from one to the other.
    assert_eq!(part_form(&Arc::<str>::from("a\0")), part_form(&String::from("a\0")));
    assert_eq!(<Arc<str> as kvstore::Key>::SHAPE, <String as kvstore::Key>::SHAPE);
    Ok(())
}

#[test]
fn tuples_of_one() -> TestResult {
    check(&[(String::new(),), (String::from("\0"),)], text().prop_map(|text| (text,)))?;
    check(&[], ((text(),), text()).prop_map(|(one, text)| (one, text)))?;
    on_both(|db| {
        let texts = db.map::<(String,), u8>("texts")?;
        texts.put(("a",), 1)?;
        assert_eq!(texts.get(("a",))?, Some(1));
        Ok(())
    })
}

#[test]
fn arguments_stand_for_each() -> TestResult {
    on_both(|db| {
        let optional = db.map::<(Option<u64>, String), u8>("optional")?;
        optional.put((None, "a"), 1)?;
        optional.put((Some(7), "a"), 2)?;
        assert_eq!((optional.get((None, "a"))?, optional.get((&Some(7), "a"))?), (Some(1), Some(2)));
        assert_eq!(optional.range((Some(0), "")..)?.count(), 1);
        let bare = db.map::<Option<String>, u8>("bare")?;
        bare.put(None, 1)?;
        bare.put(Some("a".into()), 2)?;
        assert_eq!((bare.get(None)?, bare.get(&Some("a".to_owned()))?), (Some(1), Some(2)));

        let newest = db.map::<(Reverse<u64>, Reverse<String>), u8>("newest")?;
        newest.put((Reverse(1), Reverse("a")), 1)?;
        newest.put((Reverse(2), Reverse("a")), 2)?;
        newest.put((Reverse(2), Reverse("ab")), 3)?;
        let found = newest.iter()?.map(|entry| Ok(entry?.1)).collect::<Result<Vec<_>, Error>>()?;
        assert_eq!(found, [3, 2, 1]);
        assert_eq!(newest.range((Reverse(2), Reverse("a"))..)?.count(), 2);

        let names = db.map::<(Name, Arc<str>), u8>("names")?;
        names.put(("a\0b", "c"), 1)?;
        assert!(names.contains((Name("a\0b".into()), Arc::<str>::from("c")))?);
        let shared = db.map::<Arc<str>, u8>("shared")?;
        shared.put("a", 1)?;
        assert!(shared.contains("a")? && shared.contains(&Arc::from("a"))? && shared.contains(Arc::from("a"))?);
        assert_eq!(shared.prefix("a")?.count(), 1);
        let boxed = db.map::<Box<[u8]>, u8>("boxed")?;
        boxed.put([0, 1], 1)?;
        assert!(boxed.contains(b"\0\x01")? && boxed.contains([0, 1].as_slice())?);
        assert_eq!(boxed.prefix([0])?.count(), 1);

        let hosts = db.map::<(IpAddr, u16), u8>("hosts")?;
        hosts.put((IpAddr::from([10, 0, 0, 1]), 80), 1)?;
        assert_eq!(hosts.prefix((IpAddr::from([10, 0, 0, 1]),))?.count(), 1);
        let since = db.map::<(SystemTime, u64), u8>("since")?;
        since.put((SystemTime::UNIX_EPOCH, 1), 1)?;
        assert_eq!(since.range((SystemTime::UNIX_EPOCH, 0)..(SystemTime::now(), 0))?.count(), 1);
        Ok(())
    })
}

#[test]
fn errors_show_keys_as_they_are_written() -> TestResult {
    on_both(|db| {
        let hosts = db.map::<(Option<IpAddr>, Reverse<String>), u8>("hosts")?;
        hosts.put((Some(IpAddr::from([10, 0, 0, 1])), Reverse("a")), 1)?;
        let refused = hosts.create((Some(IpAddr::from([10, 0, 0, 1])), Reverse("a")), 1).unwrap_err();
        assert!(refused.to_string().contains(r#"hosts[(Some(10.0.0.1), Reverse("a"))]"#), "{refused}");
        let places = db.map::<Place, u8>("places")?;
        let place = Place { owner: Name("a".into()), level: crate::Level::Low, number: -1, rest: vec![] };
        places.put(&place, 1)?;
        let refused = places.create(&place, 1).unwrap_err();
        assert!(refused.to_string().contains(r#"places[("a", Low, -1, 0x)]"#), "{refused}");
        Ok(())
    })
}
