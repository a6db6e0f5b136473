//! Values whose bytes are those of another value: what the book lists as not seen when a record is read back.

use std::net::{Ipv6Addr, SocketAddrV6};

use serde_json::{Value, json};

use super::*;
use crate::Database;

/// Commits a value, which is read as another one.
#[track_caller]
fn comes_back_as<T>(written: T, read: &T)
where
    T: Serialize + DeserializeOwned + PartialEq + fmt::Debug + Send + 'static,
{
    let map = Database::in_memory().unwrap().map::<u8, T>("map").unwrap();
    map.put(1, written).unwrap();
    assert_eq!(map.get(1).unwrap().as_ref(), Some(read));
}

/// What the book says instead.
#[track_caller]
fn comes_back<T>(value: T)
where
    T: Serialize + DeserializeOwned + PartialEq + fmt::Debug + Clone + Send + 'static,
{
    comes_back_as(value.clone(), &value);
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Flat<T> {
    id: u8,
    #[serde(flatten)]
    rest: T,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "kind")]
enum Tagged<T> {
    One(T),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "kind", content = "value")]
enum Adjacent<T> {
    One(T),
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
enum Kind {
    A(u8),
    B,
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct TwoFlat {
    #[serde(flatten)]
    first: Option<Kind>,
    #[serde(flatten)]
    second: Option<Kind>,
}

type Extra = BTreeMap<String, Value>;

#[test]
fn nothing_in_flatten_and_tag_is_read_as_what_is_empty() {
    let flat = |rest| Flat { id: 1, rest };
    comes_back_as(flat(None::<Extra>), &flat(Some(Extra::new())));
    comes_back(Flat { id: 1, rest: Extra::new() });
    comes_back_as(Flat { id: 1, rest: Value::Null }, &Flat { id: 1, rest: json!({}) });
    comes_back_as(Flat { id: 1, rest: None::<()> }, &Flat { id: 1, rest: Some(()) });
    comes_back_as(Tagged::One(Value::Null), &Tagged::One(json!({})));
    comes_back(Adjacent::One(Value::Null));
    let two = |first, second| TwoFlat { first, second };
    comes_back_as(two(None, Some(Kind::A(1))), &two(Some(Kind::A(1)), None));
    comes_back(two(Some(Kind::A(1)), Some(Kind::B)));
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn is_small(number: &u8) -> bool {
    *number < 5
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Default)]
struct Skipping {
    #[serde(default, skip_serializing_if = "is_small")]
    number: u8,
    #[serde(default, skip_serializing)]
    text: String,
}

#[test]
fn what_serde_leaves_out_is_read_as_the_default() {
    comes_back_as(Skipping { number: 3, text: "a".into() }, &Skipping::default());
    let address = |flow, scope| SocketAddrV6::new(Ipv6Addr::LOCALHOST, 80, flow, scope);
    comes_back_as(address(1, 2), &address(0, 0));
    let map = Database::in_memory().unwrap().map::<SocketAddrV6, u8>("keys").unwrap();
    map.put(address(1, 2), 1).unwrap();
    assert_eq!(map.first().unwrap(), Some((address(1, 2), 1)));
}

/// Read by way of `Value`, as programs do to look at a version first.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(try_from = "Value")]
struct ByValue {
    a: u8,
}

impl TryFrom<Value> for ByValue {
    type Error = serde_json::Error;

    fn try_from(value: Value) -> Result<Self, serde_json::Error> {
        #[derive(Deserialize)]
        struct Fields {
            a: u8,
        }
        serde_json::from_value(value).map(|Fields { a }| Self { a })
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Open {
    Known,
    #[serde(other)]
    Other,
}

#[test]
fn unknown_fields_and_variants_that_serde_takes() {
    #[derive(Serialize, Deserialize)]
    struct Newer {
        a: u8,
        b: u8,
    }
    #[derive(Serialize, Deserialize)]
    enum Newest {
        Added,
    }
    assert_eq!(decode_bare(&encode_bare(&Newer { a: 1, b: 2 }).unwrap()), Ok(ByValue { a: 1 }));
    assert_eq!(decode_bare(&encode_bare(&Newest::Added).unwrap()), Ok(Open::Other));
}

#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Chain {
    Leaf(u8),
    Node(Box<Chain>),
}

#[test]
fn untagged_newtypes_are_not_counted_as_nesting() {
    let chain = (0..2 * usize::from(MAX_HOPS)).fold(Chain::Leaf(1), |chain, _| Chain::Node(Box::new(chain)));
    let bytes = std::thread::Builder::new().stack_size(64 << 20).spawn(move || encode_bare(&chain)).unwrap();
    assert!(bytes.join().unwrap().is_ok());
}

#[test]
fn an_empty_list_is_read_as_a_unit() {
    assert_eq!(decode_bare::<()>(&encode_bare(&Vec::<u8>::new()).unwrap()), Ok(()));
}
