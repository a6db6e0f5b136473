//! The stores of the model test: five kinds of keys whose bytes are awkward, and values that are numbers in disguise.

use std::fmt::Debug;

use kvstore::{Database, Guard, Initialize, Key, Map, MapStore, Result, Scan, Store};

use super::reader::Reader;

/// Whether a key begins with a prefix.
pub(super) type InPrefix<K> = Box<dyn Fn(&K) -> bool>;

/// A scan of a prefix, and which keys it is to have.
pub(super) type PrefixScan<T> = (Result<Scan<T>>, InPrefix<<T as Store>::Key>);

/// A kind of store. Its keys are chosen by number, out of few, so that operations meet; each of its values stands for a
/// number, so that the model needs to know nothing else.
pub(super) trait Kind: 'static {
    type Key: Key + Ord + Clone + Debug;
    type Value: Initialize<Self::Store>;
    type Store: Store<Key = Self::Key, Value = Self::Value>;

    fn open(db: &Database, namespace: &str) -> Result<MapStore<Self::Store>>;

    /// One of the keys.
    fn key(choice: u8) -> Self::Key;

    /// The value that stands for a number.
    fn value(key: &Self::Key, number: u32) -> Self::Value;

    /// The number that a value stands for; `None` where it is no such value.
    fn number(key: &Self::Key, value: &Self::Value) -> Option<u32>;

    /// What a program of this kind makes of a random number.
    fn fresh(number: u32) -> u32 {
        number
    }

    /// Creates an entry by another way than from a whole value, where there is one.
    fn create(store: &MapStore<Self::Store>, key: &Self::Key, number: u32) -> Result<Guard<Self::Store>> {
        store.create(key, Self::value(key, number))
    }

    /// Creates or replaces an entry.
    fn insert(store: &MapStore<Self::Store>, key: &Self::Key, value: Self::Value) -> Result<()> {
        store.insert(key, value)
    }

    /// Gives the value another key in its key field, if it has one; tells whether it has.
    fn mangle(_value: &mut Self::Value) -> bool {
        false
    }

    /// A scan of the keys that begin as `key` does; `None` where keys have no prefixes.
    fn prefix(_reader: &Reader<'_, Self::Store>, _key: &Self::Key, _cut: u8) -> Option<PrefixScan<Self::Store>> {
        None
    }

    /// A generated key; `None` where there are none.
    fn next_key(_store: &MapStore<Self::Store>) -> Option<Result<Self::Key>> {
        None
    }

    /// An entry under a generated key; `None` where there are none.
    fn create_next(_store: &MapStore<Self::Store>, _number: u32) -> Option<Result<Guard<Self::Store>>> {
        None
    }
}

/// Strings with zero bytes, some of them extending each other by one, the last character, the lengths at which a key
/// buffer moves to the heap, and generated keys made by hand.
fn text(choice: u8) -> String {
    const TEXTS: [&str; 22] = [
        "a",
        "",
        "b",
        "\0",
        "a\0",
        "aa",
        "a\0\0",
        "ab",
        "\0\0",
        "a\u{1}",
        "b\0",
        "a\u{10FFFF}",
        "\u{10FFFF}",
        "\u{10FFFF}\u{10FFFF}",
        "ba",
        "a\0b",
        "0000000000002",
        "0000000000003",
        "000000000000a",
        "00000000000rs",
        "b\0\0",
        "é",
    ];
    match TEXTS.get(usize::from(choice)) {
        Some(text) => (*text).to_owned(),
        None => "a".repeat(usize::from(choice) + 40),
    }
}

/// Bytes, the smallest and the greatest among them, at the same lengths.
fn bytes(choice: u8) -> Vec<u8> {
    const BYTES: [&[u8]; 20] = [
        &[0],
        &[],
        &[0xFF],
        &[0, 0],
        &[0xFF, 0xFF],
        &[0xFF, 0],
        &[0, 0xFF],
        &[1],
        &[0xFE],
        &[0xFE, 0xFF],
        &[0xFF; 3],
        &[0; 3],
        &[1, 0],
        &[1, 0xFF],
        &[0xFF, 1],
        &[0xFE, 0],
        &[2],
        &[0x7F],
        &[0x80],
        &[0x80, 0],
    ];
    match BYTES.get(usize::from(choice)) {
        Some(bytes) => bytes.to_vec(),
        None => vec![if choice.is_multiple_of(2) { 0xFF } else { 0 }; usize::from(choice) + 40],
    }
}

/// Bare numbers under strings.
pub(super) enum Texts {}

impl Kind for Texts {
    type Key = String;
    type Value = u32;
    type Store = Map<String, u32>;

    fn open(db: &Database, namespace: &str) -> Result<MapStore<Self::Store>> {
        db.map(namespace)
    }

    fn key(choice: u8) -> String {
        text(choice)
    }

    fn insert(store: &MapStore<Self::Store>, key: &String, value: u32) -> Result<()> {
        store.put(key, value)
    }

    fn value(_key: &String, number: u32) -> u32 {
        number
    }

    fn number(_key: &String, value: &u32) -> Option<u32> {
        Some(*value)
    }

    fn prefix(reader: &Reader<'_, Self::Store>, key: &String, cut: u8) -> Option<PrefixScan<Self::Store>> {
        Some(text_prefix(reader, key, cut))
    }

    fn next_key(store: &MapStore<Self::Store>) -> Option<Result<String>> {
        Some(store.next_key())
    }

    fn create_next(store: &MapStore<Self::Store>, number: u32) -> Option<Result<Guard<Self::Store>>> {
        Some(store.create_next(number))
    }
}

/// A prefix of characters: some of the first of `key`.
fn text_prefix<T: Store<Key = String>>(reader: &Reader<'_, T>, key: &str, cut: u8) -> PrefixScan<T> {
    let prefix: String = key.chars().take(usize::from(cut % 4)).collect();
    (reader.prefix(prefix.as_str()), Box::new(move |key| key.starts_with(&prefix)))
}

/// Texts of very different lengths under bytes.
pub(super) enum Blobs {}

impl Kind for Blobs {
    type Key = Vec<u8>;
    type Value = String;
    type Store = Map<Vec<u8>, String>;

    fn open(db: &Database, namespace: &str) -> Result<MapStore<Self::Store>> {
        db.map(namespace)
    }

    fn key(choice: u8) -> Vec<u8> {
        bytes(choice)
    }

    fn insert(store: &MapStore<Self::Store>, key: &Vec<u8>, value: String) -> Result<()> {
        store.put(key, value)
    }

    fn value(_key: &Vec<u8>, number: u32) -> String {
        let padding = if number.is_multiple_of(7) { number % 3_000 } else { 0 };
        format!("{number}{}", "\0".repeat(padding as usize))
    }

    fn number(key: &Vec<u8>, value: &String) -> Option<u32> {
        value.trim_end_matches('\0').parse().ok().filter(|number| *value == Self::value(key, *number))
    }

    fn prefix(reader: &Reader<'_, Self::Store>, key: &Vec<u8>, cut: u8) -> Option<PrefixScan<Self::Store>> {
        let prefix: Vec<u8> = key.iter().copied().take(usize::from(cut % 4)).collect();
        Some((reader.prefix(prefix.as_slice()), Box::new(move |key| key.starts_with(&prefix))))
    }
}

/// Lists under composite keys of three parts, of which the middle one delimits itself.
pub(super) enum Places {}

impl Kind for Places {
    type Key = (i32, Vec<u8>, String);
    type Value = Vec<u32>;
    type Store = Map<(i32, Vec<u8>, String), Vec<u32>>;

    fn open(db: &Database, namespace: &str) -> Result<MapStore<Self::Store>> {
        db.map(namespace)
    }

    fn key(choice: u8) -> Self::Key {
        // The parts change at different speeds, so that few choices have many leading parts in common.
        let number = [0, -1, i32::MIN, i32::MAX, 1][usize::from(choice % 5)];
        (number, bytes(choice / 5 % 7), text(choice % 7))
    }

    fn value(_key: &Self::Key, number: u32) -> Vec<u32> {
        vec![number; 1 + number as usize % 5]
    }

    fn number(key: &Self::Key, value: &Vec<u32>) -> Option<u32> {
        value.first().copied().filter(|number| *value == Self::value(key, *number))
    }

    fn prefix(reader: &Reader<'_, Self::Store>, key: &Self::Key, cut: u8) -> Option<PrefixScan<Self::Store>> {
        let (first, second, _) = key.clone();
        Some(if cut.is_multiple_of(2) {
            (reader.prefix((first,)), Box::new(move |key: &Self::Key| key.0 == first) as InPrefix<Self::Key>)
        } else {
            (reader.prefix((first, &second)), Box::new(move |key: &Self::Key| key.0 == first && key.1 == second))
        })
    }
}

/// A queue: generated numbers, some made by hand where they will come, and the ends of their range.
pub(super) enum Tickets {}

impl Kind for Tickets {
    type Key = u64;
    type Value = (u32, bool);
    type Store = Map<u64, (u32, bool)>;

    fn open(db: &Database, namespace: &str) -> Result<MapStore<Self::Store>> {
        db.map(namespace)
    }

    fn key(choice: u8) -> u64 {
        const ENDS: [u64; 8] = [3, 1, 0, u64::MAX, u64::MAX - 1, 1 << 32, 1_001, 1_002];
        ENDS.get(usize::from(choice)).copied().unwrap_or_else(|| u64::from(choice) - 4)
    }

    fn value(_key: &u64, number: u32) -> (u32, bool) {
        (number, number.is_multiple_of(2))
    }

    fn number(key: &u64, value: &(u32, bool)) -> Option<u32> {
        Some(value.0).filter(|number| *value == Self::value(key, *number))
    }

    fn next_key(store: &MapStore<Self::Store>) -> Option<Result<u64>> {
        Some(store.next_key())
    }

    fn create_next(store: &MapStore<Self::Store>, number: u32) -> Option<Result<Guard<Self::Store>>> {
        Some(store.create_next(Self::value(&0, number)))
    }
}

/// The namespace of the two programs' notes.
pub(super) const NOTES: &str = "notes";

/// Structs with a key field, as the first version of a program has them.
pub(super) mod old {
    use std::collections::BTreeMap;

    /// A note.
    #[derive(kvstore::Store, PartialEq)]
    #[store(namespace = "notes")]
    pub(crate) struct Note {
        #[store(key)]
        pub(crate) name: String,
        pub(crate) number: u32,
        pub(crate) counts: BTreeMap<u32, u8>,
    }
}

/// The same with a field more, as the second version has them.
pub(super) mod grown {
    use std::collections::BTreeMap;

    /// A note.
    #[derive(kvstore::Store, PartialEq)]
    #[store(namespace = "notes")]
    pub(crate) struct Note {
        #[store(key)]
        pub(crate) name: String,
        #[store(default = 7)]
        pub(crate) weight: u64,
        pub(crate) number: u32,
        pub(crate) counts: BTreeMap<u32, u8>,
    }
}

fn counts(number: u32) -> std::collections::BTreeMap<u32, u8> {
    (0..number % 3).map(|count| (number.wrapping_mul(count), 1)).collect()
}

fn another(name: &mut String) -> bool {
    name.push('!');
    true
}

/// Notes of the first version.
pub(super) enum OldNotes {}

impl Kind for OldNotes {
    type Key = String;
    type Value = old::Note;
    type Store = old::Note;

    fn open(db: &Database, _namespace: &str) -> Result<MapStore<old::Note>> {
        db.store()
    }

    fn key(choice: u8) -> String {
        text(choice)
    }

    fn value(key: &String, number: u32) -> old::Note {
        old::Note { name: key.clone(), number, counts: counts(number) }
    }

    fn number(key: &String, value: &old::Note) -> Option<u32> {
        Some(value.number).filter(|number| *value == Self::value(key, *number))
    }

    fn fresh(number: u32) -> u32 {
        number & !BY_GROWN
    }

    fn create(store: &MapStore<old::Note>, key: &String, number: u32) -> Result<Guard<old::Note>> {
        let mut guard = store.create(key, old::NoteInit { number })?;
        // Most numbers want more than the initializer gives: changed before anybody sees it.
        guard.counts = counts(number);
        Ok(guard)
    }

    fn mangle(value: &mut old::Note) -> bool {
        another(&mut value.name)
    }

    fn prefix(reader: &Reader<'_, old::Note>, key: &String, cut: u8) -> Option<PrefixScan<old::Note>> {
        Some(text_prefix(reader, key, cut))
    }
}

/// Set in the numbers that the grown program writes: what lacks it was written by the old one, and has the new field's
/// default.
const BY_GROWN: u32 = 1 << 31;

/// Notes of the second version.
pub(super) enum GrownNotes {}

impl Kind for GrownNotes {
    type Key = String;
    type Value = grown::Note;
    type Store = grown::Note;

    fn open(db: &Database, _namespace: &str) -> Result<MapStore<grown::Note>> {
        db.store()
    }

    fn key(choice: u8) -> String {
        text(choice)
    }

    fn value(key: &String, number: u32) -> grown::Note {
        let weight = if number & BY_GROWN == 0 { 7 } else { u64::from(number) * 3 };
        grown::Note { name: key.clone(), weight, number, counts: counts(number) }
    }

    fn number(key: &String, value: &grown::Note) -> Option<u32> {
        Some(value.number).filter(|number| *value == Self::value(key, *number))
    }

    fn fresh(number: u32) -> u32 {
        number | BY_GROWN
    }

    fn mangle(value: &mut grown::Note) -> bool {
        another(&mut value.name)
    }

    fn prefix(reader: &Reader<'_, grown::Note>, key: &String, cut: u8) -> Option<PrefixScan<grown::Note>> {
        Some(text_prefix(reader, key, cut))
    }
}
