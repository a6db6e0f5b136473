//! The bytes on disk, as the book's chapter on the format has them: whoever changes one changes the format.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::error::Error;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use kvstore::__private::{KeyBuf, KeyCodec, record_of};
use kvstore::{Database, Key, Map, Store};

#[derive(Store)]
#[store(key = String)]
struct Job {
    owner: String,
    attempts: BTreeMap<u32, String>,
    error: Option<String>,
    #[store(default = 3)]
    retries: u8,
}

#[derive(Key)]
enum Priority {
    Low,
    High(u16),
}

#[derive(Key)]
struct Place {
    tenant: String,
    number: u64,
}

#[derive(Key)]
enum Event {
    Low,
    High(u16),
    Named { by: u16, of: String },
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}

fn last(key: &impl KeyCodec) -> String {
    let mut buf = KeyBuf::new();
    key.encode_last(&mut buf);
    hex(buf.as_slice())
}

fn part(key: &impl KeyCodec) -> String {
    let mut buf = KeyBuf::new();
    key.encode_part(&mut buf);
    hex(buf.as_slice())
}

#[test]
fn keys_have_the_bytes_of_the_book() {
    assert_eq!(last(&true), "01");
    assert_eq!(last(&258_u16), "01 02");
    assert_eq!(last(&1_u64), "00 00 00 00 00 00 00 01");
    assert_eq!(last(&-1_i16), "7f ff");
    assert_eq!(last(&0_i16), "80 00");
    assert_eq!(last(&'a'), "00 00 00 61");
    assert_eq!(last(&String::from("a\0b")), "61 00 62");
    assert_eq!(part(&String::from("a\0b")), "61 00 ff 62 00 00");
    assert_eq!(part(&vec![0_u8]), "00 ff 00 00");
    assert_eq!(last(&[7_u8, 8]), "07 08");
    assert_eq!(last(&(String::from("acme"), 7_u16)), "61 63 6d 65 00 00 00 07");
    assert_eq!(last(&(7_u8, String::from("ab"))), "07 61 62");
    assert_eq!(last(&Priority::High(258)), "00 01 01 02");
    assert_eq!(last(&Some(String::from("a"))), "01 61");
    assert_eq!(part(&Some(String::from("a"))), "01 61 00 00");
    assert_eq!((last(&None::<String>), part(&None::<String>)), ("00".into(), "00".into()));
    assert_eq!(last(&Reverse(String::from("a"))), "9e ff ff");
    assert_eq!(last(&Reverse(258_u16)), "fe fd");
    assert_eq!(last(&NonZero::<i16>::MIN), "00 00");
    assert_eq!(last(&(SystemTime::UNIX_EPOCH - Duration::from_millis(500))), "7f ff ff ff ff ff ff ff 1d cd 65 00");
    assert_eq!(last(&Duration::new(1, 2)), "00 00 00 00 00 00 00 01 00 00 00 02");
    assert_eq!(last(&Ipv4Addr::new(10, 0, 0, 1)), "0a 00 00 01");
    assert_eq!(last(&IpAddr::from([10, 0, 0, 1])), "04 0a 00 00 01");
    assert_eq!(last(&IpAddr::from(Ipv6Addr::LOCALHOST)), "06 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 01");
    assert_eq!(last(&SocketAddr::from(([10, 0, 0, 1], 258))), "04 0a 00 00 01 01 02");
    let v6 = SocketAddrV6::new(Ipv6Addr::UNSPECIFIED, 1, 2, 3);
    assert_eq!(last(&v6), format!("{}00 01 00 00 00 02 00 00 00 03", "00 ".repeat(16)));
    assert_eq!(last(&Arc::<str>::from("a\0b")), "61 00 62");
}

#[test]
fn shapes_have_the_text_of_the_book() {
    fn shape<K: Key>() -> String {
        K::SHAPE.to_string()
    }
    assert_eq!(shape::<NonZero<u64>>(), "nonzero(u64)");
    assert_eq!((shape::<Box<str>>(), shape::<Arc<[u8]>>()), ("string".into(), "bytes".into()));
    assert_eq!(shape::<(Ipv4Addr, Ipv6Addr, IpAddr)>(), "(ipv4,ipv6,ip)");
    assert_eq!(shape::<(SocketAddrV4, SocketAddrV6, SocketAddr)>(), "(socketv4,socketv6,socket)");
    assert_eq!(shape::<(Duration, SystemTime)>(), "(duration,time)");
    assert_eq!(shape::<Option<Reverse<String>>>(), "option(reverse(string))");
    assert_eq!(shape::<(String,)>(), "(string)");
    assert_eq!(shape::<Place>(), "(tenant:string,number:u64)");
    assert_eq!(shape::<Event>(), "enum{Low,High(u16),Named(by:u16,of:string)}");
}

#[test]
fn records_have_the_bytes_of_the_book() -> Result<(), Box<dyn Error>> {
    let job = Job { owner: "me".into(), attempts: BTreeMap::from([(1, "started".into())]), error: None, retries: 3 };
    let fields = record_of::<Job>(&job).map_err(|error| format!("{error:?}"))?;
    assert_eq!(
        hex(&fields),
        "01 01 a4 \
         65 6f 77 6e 65 72 62 6d 65 \
         68 61 74 74 65 6d 70 74 73 a1 01 67 73 74 61 72 74 65 64 \
         65 65 72 72 6f 72 f6 \
         67 72 65 74 72 69 65 73 03"
    );
    let bare = record_of::<Map<u64, String>>(&"ab".into()).map_err(|error| format!("{error:?}"))?;
    assert_eq!(hex(&bare), "02 01 62 61 62");
    Ok(())
}

#[test]
fn the_marker_has_the_lines_of_the_book() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("data");
    Database::open(&path)?.close()?;
    let marker = std::fs::read_to_string(path.join("KVSTORE"))?;
    let lines: Vec<_> = marker.lines().collect();
    let words: Vec<_> = lines.iter().map(|line| line.split(' ').next().unwrap_or_default()).collect();
    assert_eq!(words, ["kvstore", "id", "state", "durability", "synced", "crc"]);
    assert_eq!((lines[0], lines[2], lines[3]), ("kvstore 1", "state clean", "durability buffered"));
    assert_eq!((lines[1].len(), lines[5].len()), ("id ".len() + 32, "crc ".len() + 8));
    Ok(())
}
