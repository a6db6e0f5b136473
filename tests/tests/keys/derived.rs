//! What `#[derive(Key)]` makes of a program's types: conversions, typed ids, and the names of fields.

use std::marker::PhantomData;
use std::path::Path;

use kvstore::{Database, Error, Key, Map, Result, Store};
use kvstore_tests::{TestResult, on_both};

use crate::check::{last_form, part_form};

/// A type of the program's own, kept as a number.
#[derive(Key, Clone, Copy, Debug, PartialEq)]
#[key(as = "u8")]
enum Color {
    Red = 7,
    Green = 3,
}

impl From<Color> for u8 {
    fn from(color: Color) -> Self {
        color as Self
    }
}

impl TryFrom<u8> for Color {
    type Error = u8;

    fn try_from(number: u8) -> std::result::Result<Self, u8> {
        match number {
            7 => Ok(Self::Red),
            3 => Ok(Self::Green),
            other => Err(other),
        }
    }
}

/// A type that any text can be: `From` is enough. What is in it need be no key.
#[derive(Key, Clone, Debug, PartialEq)]
#[key(as = "String")]
struct Address {
    text: String,
    weight: f64,
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.text
    }
}

impl From<String> for Address {
    fn from(text: String) -> Self {
        Self { weight: 0.5, text }
    }
}

/// Kept as a composite.
#[derive(Key, Clone, Debug, PartialEq)]
#[key(as = "(String, u64)")]
struct Ticket(String);

impl From<Ticket> for (String, u64) {
    fn from(Ticket(text): Ticket) -> Self {
        let (queue, number) = text.split_once('#').unwrap_or_default();
        (queue.into(), number.parse().unwrap_or_default())
    }
}

impl From<(String, u64)> for Ticket {
    fn from((queue, number): (String, u64)) -> Self {
        Self(format!("{queue}#{number}"))
    }
}

#[test]
fn a_type_kept_as_another_has_its_bytes_order_and_arguments() -> TestResult {
    assert_eq!((last_form(&Color::Red), part_form(&Color::Green)), (vec![7], vec![3]));
    assert_eq!(Color::SHAPE, u8::SHAPE);
    assert_eq!(Ticket::SHAPE.to_string(), "(string,u64)");
    on_both(|db| {
        let colors = db.map::<(Color, String), u8>("colors")?;
        colors.put((Color::Red, "a"), 1)?;
        colors.put((&Color::Green, "a"), 2)?;
        let keys = colors.iter()?.keys().collect::<Result<Vec<_>>>()?;
        assert_eq!(keys, [(Color::Green, "a".to_owned()), (Color::Red, "a".to_owned())]);
        assert_eq!(colors.prefix((Color::Red,))?.count(), 1);
        let addresses = db.map::<Address, u8>("addresses")?;
        addresses.put("me@here", 1)?;
        assert_eq!(addresses.get(Address { text: "me@here".into(), weight: 0.1 })?, Some(1));
        assert_eq!(addresses.prefix("me@")?.keys().next().transpose()?.map(|key| key.weight), Some(0.5));
        let tickets = db.map::<Ticket, u8>("tickets")?;
        tickets.put(Ticket("red#7".into()), 1)?;
        assert_eq!(tickets.prefix(("red",))?.keys().next().transpose()?, Some(Ticket("red#7".into())));
        Ok(())
    })
}

#[test]
fn a_key_that_its_type_refuses_is_an_error_in_its_place() -> TestResult {
    let directory = tempfile::tempdir()?;
    let numbers = Database::open(directory.path())?.map::<u8, u8>("colors")?;
    [3, 5, 7].iter().try_for_each(|number| numbers.put(number, 0))?;
    drop(numbers);
    let colors = Database::open(directory.path())?.map::<Color, u8>("colors")?;
    let keys: Vec<_> = colors.iter()?.keys().collect();
    assert!(matches!(&keys[..], [Ok(Color::Green), Err(Error::InvalidKey { .. }), Ok(Color::Red)]), "{keys:?}");
    let error = keys[1].as_ref().unwrap_err().to_string();
    assert!(error.contains("0x05") && error.contains("`TryFrom` refuses it"), "{error}");
    Ok(())
}

/// An id that is of one kind of entry.
#[derive(Key)]
struct Id<T>(u64, PhantomData<fn() -> T>);

/// Several fields, among them a marker.
#[derive(Key)]
struct Slot<T: Kind>
where
    T: Clone,
{
    shelf: String,
    kind: PhantomData<T>,
    number: u8,
}

/// A bound of the program's own.
trait Kind {}

#[derive(Clone)]
struct Box1;
impl Kind for Box1 {}

/// Variants with a marker.
#[derive(Key)]
enum Of<T> {
    One(u8, PhantomData<T>),
    Two { marker: PhantomData<T>, name: String },
}

/// Not `Clone`, not `Sync`: the id of an entry need not be as its entry is.
#[derive(Store)]
#[store(key = Id<Job>)]
struct Job {
    title: String,
    parent: Option<std::cell::Cell<u64>>,
}

#[test]
fn typed_ids_are_keys_of_their_number() -> TestResult {
    assert_eq!(Id::<Job>::SHAPE, u64::SHAPE);
    on_both(|db| {
        let jobs = db.store::<Job>()?;
        let job = jobs.create_next(JobInit { title: "first".into() })?;
        assert_eq!(job.key().0, 1);
        job.commit()?;
        let id = Id::<Job>(1, PhantomData);
        assert_eq!(jobs.get(&id)?.map(|job| (job.title, job.parent.is_none())), Some(("first".into(), true)));
        assert_eq!(jobs.range(Id(0, PhantomData)..)?.count(), 1);

        let slots = db.map::<Slot<Box1>, u8>("slots")?;
        slots.put(Slot { shelf: "a".into(), kind: PhantomData, number: 1 }, 1)?;
        assert_eq!(slots.prefix(("a",))?.keys().next().transpose()?.map(|slot| slot.number), Some(1));
        let of = db.map::<Of<String>, u8>("of")?;
        of.put(Of::One(1, PhantomData), 1)?;
        of.put(Of::Two { marker: PhantomData, name: "x".into() }, 1)?;
        assert_eq!(of.prefix((Of::<String>::TWO, kvstore::Prefix("x")))?.count(), 1);
        assert!(matches!(of.first()?, Some((Of::One(1, _), 1))));
        Ok(())
    })
}

/// A key of two fields of one type.
#[derive(Key, Debug, PartialEq)]
struct Route {
    from: u32,
    to: u32,
}

/// The same with its fields swapped, renamed, and renamed with the old name told.
mod changed {
    use kvstore::Key;

    #[derive(Key, Debug)]
    pub(super) struct Swapped {
        pub(super) to: u32,
        pub(super) from: u32,
    }

    #[derive(Key, Debug)]
    pub(super) struct Renamed {
        pub(super) origin: u32,
        pub(super) to: u32,
    }

    #[derive(Key, Debug, PartialEq)]
    pub(super) struct Aliased {
        #[key(alias = "start", alias = "from")]
        pub(super) origin: u32,
        pub(super) to: u32,
    }
}

fn shape(directory: &Path) -> Result<String> {
    let namespaces = Database::open(directory)?.namespaces()?;
    Ok(namespaces.iter().find(|info| info.name() == "routes").map(|info| info.key().to_owned()).unwrap_or_default())
}

fn open<K: Key>(directory: &Path) -> Result<kvstore::MapStore<Map<K, u8>>> {
    Database::open(directory)?.map::<K, u8>("routes")
}

#[test]
fn swapped_and_renamed_fields_of_a_key_are_refused() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    open::<Route>(path)?.put(Route { from: 1, to: 2 }, 7)?;
    assert_eq!(shape(path)?, "(from:u32,to:u32)");
    for refused in [
        open::<changed::Swapped>(path).map(drop),
        open::<changed::Renamed>(path).map(drop),
        open::<(u32, u32)>(path).map(drop),
    ] {
        assert!(matches!(refused, Err(Error::SchemaMismatch { .. })), "{refused:?}");
    }
    let swapped = open::<changed::Swapped>(path).map(drop).unwrap_err().to_string();
    assert!(swapped.contains("`(from:u32,to:u32)`") && swapped.contains("`(to:u32,from:u32)`"), "{swapped}");
    assert!(swapped.contains("#[key(alias"), "{swapped}");
    // With the old name told it is the same field; from the first write on, the new name is that of the catalog.
    assert_eq!(open::<changed::Aliased>(path)?.first()?, Some((changed::Aliased { origin: 1, to: 2 }, 7)));
    assert_eq!(shape(path)?, "(from:u32,to:u32)");
    open::<changed::Aliased>(path)?.put(changed::Aliased { origin: 3, to: 4 }, 8)?;
    assert_eq!(shape(path)?, "(origin:u32,to:u32)");
    assert!(
        open::<Route>(path).is_err()
            && open::<changed::Renamed>(path)?.contains(changed::Renamed { origin: 1, to: 2 })?
    );
    Ok(())
}

/// What an earlier version wrote for a struct is what a tuple is today: no names.
#[test]
fn names_are_recorded_by_the_first_write_to_keys_without_them() -> TestResult {
    let directory = tempfile::tempdir()?;
    let path = directory.path();
    open::<(u32, u32)>(path)?.put((1, 2), 7)?;
    assert_eq!(open::<Route>(path)?.first()?, Some((Route { from: 1, to: 2 }, 7)));
    // Nothing was written, so the earlier version still opens.
    assert_eq!(shape(path)?, "(u32,u32)");
    assert_eq!(open::<(u32, u32)>(path)?.get((1, 2))?, Some(7));
    open::<Route>(path)?.put(Route { from: 3, to: 4 }, 8)?;
    assert_eq!(shape(path)?, "(from:u32,to:u32)");
    assert!(matches!(open::<changed::Swapped>(path).map(drop), Err(Error::SchemaMismatch { .. })));
    assert_eq!(open::<Route>(path)?.iter()?.count(), 2);
    Ok(())
}
