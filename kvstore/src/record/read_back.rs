//! Records that are read back before they are written: some types write what they can't read.
//!
//! serde does not promise that a type reads what it writes, and in a binary format some do not: what `tag`, `untagged` and
//! `flatten` buffer, fields that are left out and have no default, a `Serialize` and a `Deserialize` written by hand. A record
//! of such a type would be committed, and could then neither be read nor locked.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::error::RecordError;
use super::source::{BREAK, Head, skip_item, take_bytes, take_head};
use super::{
    Decoded, FORMAT_FIELDS, MAX_DEPTH, ORDERED, decode_element, decode_owner, encode_marked, encode_owner, read_version,
};
use crate::store::{Map, StoreCodec};
use crate::sync::{AtomicU64, Ordering};

/// Which records are read back before they are committed: decoded, encoded again, and compared.
///
/// A record that can't be read back, or comes back as another value, is [`Error::Encode`](crate::Error::Encode), and nothing
/// is written. Whether a type reads what it writes shows in its first values, so that it need not be asked for ever.
/// From [`DatabaseBuilder::read_back`](crate::DatabaseBuilder::read_back).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ReadBack {
    /// All. The default in builds with debug assertions.
    Always,
    /// As many as this, of each store and of each of its element-wise collections, after the database was opened. The
    /// default in other builds, with 1,000.
    First(u64),
    /// None.
    Never,
}

impl Default for ReadBack {
    fn default() -> Self {
        if cfg!(debug_assertions) { Self::Always } else { Self::First(1_000) }
    }
}

/// How many records of one type are still to be read back. Aligned to two cache lines, so that nobody writes near it once
/// it is used up.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct ReadBackWindow {
    left: AtomicU64,
}

/// In [`ReadBackWindow`]: it is never used up.
const FOR_EVER: u64 = u64::MAX;

impl ReadBackWindow {
    pub(crate) fn new(setting: ReadBack) -> Self {
        let left = match setting {
            ReadBack::Always => FOR_EVER,
            ReadBack::First(count) => count,
            ReadBack::Never => 0,
        };
        Self { left: AtomicU64::new(left) }
    }

    /// Whether the next record is to be read back.
    #[inline]
    pub(crate) fn takes_one(&self) -> bool {
        match self.left.load(Ordering::Relaxed) {
            0 => false,
            FOR_EVER => true,
            _ => self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok(),
        }
    }
}

/// Reads the record of a value back, and compares it with what is written then; `key` has the key's bytes in last form.
#[cold]
pub(crate) fn read_back<K, V, T: StoreCodec<K, V>>(key: &[u8], record: &[u8], written: &V) -> Result<(), RecordError> {
    let Decoded { value, incarnation, .. } = decode_owner::<K, V, T>(key, record).map_err(unreadable)?;
    same_value::<K, V, T>(record, incarnation, written, &value)
}

/// As [`read_back`], of an element.
#[cold]
pub(crate) fn read_back_element<V: Serialize + DeserializeOwned + Send + 'static>(
    record: &[u8],
    written: &V,
    ignores_unknown: bool,
) -> Result<(), RecordError> {
    let value = decode_element::<V>(record, ignores_unknown).map_err(unreadable)?;
    same_value::<u64, V, Map<u64, V>>(record, None, written, &value)
}

/// Compares a value with what was read from its record, by what both write.
fn same_value<K, V, T: StoreCodec<K, V>>(
    record: &[u8],
    incarnation: Option<u64>,
    written: &V,
    read: &V,
) -> Result<(), RecordError> {
    let encode = |value| {
        let mut again = Vec::with_capacity(record.len());
        encode_owner::<K, V, T>(value, incarnation, &mut again).map_err(unreadable).map(|()| again)
    };
    let again = encode(read)?;
    if again == record {
        return Ok(());
    }
    let marked = |value| encode_marked::<K, V, T>(value).map_err(unreadable);
    // A value that other threads change meanwhile does not write the same twice.
    if encode(written)? == record { compare(&marked(written)?, &marked(read)?) } else { compare(record, &again) }
}

/// What was written can't be read.
fn unreadable(error: RecordError) -> RecordError {
    let reason = error.to_string();
    let has = |words: &[&str]| words.iter().any(|word| reason.contains(word));
    let help = if has(&["IP address", "IPv4 address", "IPv6 address", "socket address", "i128", "u128"]) {
        "; inside `tag`, `untagged` and `flatten` serde has no 128-bit integers, and no addresses in a binary format: \
         leave these attributes out, or store the value as a string"
    } else if has(&["missing field"]) {
        "; a field that is left out when it is written needs `#[serde(default)]`"
    } else {
        ""
    };
    RecordError::wrong(format_args!("it can't be read back: {reason}{help}"))
}

/// Compares two marked records field by field. Collections that hash have another order in each value, so that the order of
/// arrays is not compared, but for those of tuples.
fn compare(first: &[u8], second: &[u8]) -> Result<(), RecordError> {
    let other = |what: &str| {
        RecordError::wrong(format_args!(
            "{what} is read back as another value: its `Deserialize` does not make the same of what its `Serialize` writes"
        ))
    };
    let (Some((format, first)), Some((_, second))) = (first.split_first(), second.split_first()) else {
        return Err(other("it"));
    };
    let ((_, mut first), (_, mut second)) = (read_version(first)?, read_version(second)?);
    if *format != FORMAT_FIELDS {
        return if same_item(first, second) { Ok(()) } else { Err(other("it")) };
    }
    let fields = |bytes: &mut &[u8]| take_head(bytes).map(|head| head.argument);
    let count = fields(&mut first);
    if count != fields(&mut second) {
        return Err(other("it"));
    }
    for _ in 0..count.unwrap_or_default() {
        let (name, value) = (take_item(&mut first), take_item(&mut first));
        let (second_name, second_value) = (take_item(&mut second), take_item(&mut second));
        if name != second_name || !same_item(value, second_value) {
            let mut text = name;
            let len = take_head(&mut text).map_or(0, |head| head.argument);
            let name = take_bytes(&mut text, len).unwrap_or_default();
            return Err(other(&format!("field `{}`", String::from_utf8_lossy(name))));
        }
    }
    Ok(())
}

/// Takes one item off the front; nothing if there is none.
fn take_item<'b>(bytes: &mut &'b [u8]) -> &'b [u8] {
    let whole = *bytes;
    match skip_item(bytes, MAX_DEPTH) {
        Ok(()) => whole.get(..whole.len() - bytes.len()).unwrap_or_default(),
        Err(_) => &[],
    }
}

/// Whether two items are the same, but for the order of the elements of arrays and maps.
fn same_item(first: &[u8], second: &[u8]) -> bool {
    first == second || sorted(&mut &*first).is_some_and(|first| Some(first) == sorted(&mut &*second))
}

/// One item whose arrays and maps are sorted, but for tuples; nothing but to be compared with another.
fn sorted(bytes: &mut &[u8]) -> Option<Vec<u8>> {
    let whole = *bytes;
    let Head { major, argument, is_open } = take_head(bytes)?;
    let head = whole.get(..whole.len() - bytes.len())?;
    let parts_of_each = match major {
        4 => 1,
        5 => 2,
        6 if head == [ORDERED] => {
            let Head { argument: count, .. } = take_head(bytes)?;
            let mut item = vec![ORDERED];
            for _ in 0..count {
                item.extend(sorted(bytes)?);
            }
            return Some(item);
        }
        6 => return Some([head, &sorted(bytes)?].concat()),
        2 | 3 => return Some([head, take_bytes(bytes, argument)?].concat()),
        _ => return Some(head.to_vec()),
    };
    let mut elements = Vec::new();
    loop {
        let is_end = if is_open { bytes.first() == Some(&BREAK) } else { elements.len() as u64 == argument };
        if is_end {
            break;
        }
        let mut element = sorted(bytes)?;
        if parts_of_each == 2 {
            element.extend(sorted(bytes)?);
        }
        elements.push(element);
    }
    if is_open {
        *bytes = bytes.get(1..)?;
    }
    elements.sort_unstable();
    let mut item = vec![major];
    item.extend((elements.len() as u64).to_be_bytes());
    item.extend(elements.concat());
    Some(item)
}
