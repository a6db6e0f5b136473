//! Records: the bytes of one value. The only module that names `cbor4ii`.
//!
//! A record is a format byte, the schema version as a varint, and CBOR: for a struct a map from field names to values in
//! order of declaration (`01`), for a bare value of a `Map<K, V>` the value alone (`02`). Integer keys in the field map
//! are the store's own and come first; a version that meets one it does not know refuses the record. The only one so far
//! is the incarnation of an entry with element-wise collections.
//!
//! | | writes | reads |
//! |---|---|---|
//! | the fields of a struct, called by the derive's code | `fields` | `fields` |
//! | serde's data model | `serializer` | `deserializer`, `containers` |
//! | bytes, and the limits of size and nesting | `sink` | `source` |

mod containers;
mod deserializer;
mod error;
mod fields;
mod ignore_unknown;
mod memory;
mod read_back;
mod serializer;
mod sink;
mod source;

use serde::de::DeserializeOwned;

pub use self::error::RecordError;
pub use self::fields::{
    FieldDeserializer, FieldReader, FieldSerializer, FieldWriter, RecordReader, RecordWriter, required,
};
pub use self::ignore_unknown::IgnoreUnknown;
pub use self::read_back::ReadBack;
pub(crate) use self::read_back::{ReadBackWindow, read_back, read_back_element};
use self::sink::Sink;
use crate::store::{Schema, StoreCodec};

/// The largest record, in bytes.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 30;

/// The deepest nesting of arrays and maps in a record, for writing and for reading alike.
const MAX_DEPTH: u16 = 128;

/// The most `Some`s and newtypes around one value, in all levels of its nesting. They take no byte of a record, and a type
/// that contains itself in nothing else would be read for ever. As many as eight for each level.
const MAX_HOPS: u16 = 8 * MAX_DEPTH;

/// The version in the records of elements.
const ELEMENT_VERSION: u32 = 1;

const FORMAT_FIELDS: u8 = 1;
const FORMAT_BARE: u8 = 2;

/// The system field with the number of the entry's incarnation, under which its elements lie.
const INCARNATION: u64 = 1;

/// `None`.
const NULL: u8 = 0xF6;

/// A unit.
const UNDEFINED: u8 = 0xF7;

/// A unit, as it was written at first.
const EMPTY_ARRAY: u8 = 0x80;

/// The tag of a `Some` whose inside alone would be read as `None`: a null, a unit, or another of this tag. Its number reads
/// `some`; numbers of this size are free for anybody to use, and its five bytes are rarely there.
const SOME: [u8; 5] = [SOME_INITIAL, b's', b'o', b'm', b'e'];

/// The tag of an array whose elements have an order. Never in a record: see `read_back.rs`.
const ORDERED: u8 = 0xC6;

/// A tag with a number of four bytes.
const SOME_INITIAL: u8 = 0xDA;

/// Appends the record of a value to `buf`.
pub(crate) fn encode<K, V, T: StoreCodec<K, V>>(value: &V, buf: &mut Vec<u8>) -> Result<(), RecordError> {
    encode_owner::<K, V, T>(value, None, buf)
}

/// As [`encode`], of an entry that has elements if it has an incarnation.
pub(crate) fn encode_owner<K, V, T: StoreCodec<K, V>>(
    value: &V,
    incarnation: Option<u64>,
    buf: &mut Vec<u8>,
) -> Result<(), RecordError> {
    let start = begin::<K, V, T>(buf);
    write::<K, V, T>(value, Sink::new(buf, start), incarnation)
}

/// As [`encode_owner`], with the tuples marked: no record, but to be compared with another.
fn encode_marked<K, V, T: StoreCodec<K, V>>(value: &V) -> Result<Vec<u8>, RecordError> {
    let mut buf = Vec::new();
    let start = begin::<K, V, T>(&mut buf);
    write::<K, V, T>(value, Sink::marked(&mut buf, start), None).map(|()| buf)
}

fn write<K, V, T: StoreCodec<K, V>>(value: &V, sink: Sink<'_>, incarnation: Option<u64>) -> Result<(), RecordError> {
    let mut writer = RecordWriter::new(sink, incarnation);
    T::encode(value, &mut writer)?;
    writer.finish()
}

/// Appends what precedes the CBOR of a record, and returns where the record begins.
fn begin<K, V, T: StoreCodec<K, V>>(buf: &mut Vec<u8>) -> usize {
    let Schema { mut version, fields } = T::SCHEMA;
    let start = buf.len();
    buf.push(if fields.is_some() { FORMAT_FIELDS } else { FORMAT_BARE });
    while version >= 0x80 {
        buf.push(version.to_le_bytes()[0] | 0x80);
        version >>= 7;
    }
    buf.push(version.to_le_bytes()[0]);
    start
}

/// Reads the value of a record; `key` has the key's bytes in last form.
pub(crate) fn decode<K, V, T: StoreCodec<K, V>>(key: &[u8], record: &[u8]) -> Result<V, RecordError> {
    decode_owner::<K, V, T>(key, record).map(|decoded| decoded.value)
}

/// What a record says.
pub(crate) struct Decoded<V> {
    pub(crate) value: V,
    /// That of an entry that has elements.
    pub(crate) incarnation: Option<u64>,
    /// About how much memory the value takes, behind an `Arc`.
    pub(crate) memory: usize,
}

/// As [`decode`], with all else that is found.
pub(crate) fn decode_owner<K, V, T: StoreCodec<K, V>>(key: &[u8], record: &[u8]) -> Result<Decoded<V>, RecordError> {
    let Schema { version, fields } = T::SCHEMA;
    let mut reader = RecordReader::new(cbor(record, version, fields.is_some())?, !T::ELEMENTS.is_empty());
    let value = T::decode(key, &mut reader)?;
    reader.finish()?;
    let memory = (size_of::<V>() + memory::ALLOCATION).saturating_add(reader.source.memory.bytes());
    Ok(Decoded { value, incarnation: reader.incarnation, memory })
}

/// Reads an element: a bare value, of which what its type does not know is left out or an error.
pub(crate) fn decode_element<V: DeserializeOwned>(record: &[u8], ignores_unknown: bool) -> Result<V, RecordError> {
    let mut reader = RecordReader::new(cbor(record, ELEMENT_VERSION, false)?, false);
    reader.source.ignores_unknown = ignores_unknown;
    let value = reader.bare()?;
    reader.finish().map(|()| value)
}

/// The incarnation alone of an entry whose struct has element-wise collections, without a look at the values of its fields.
pub(crate) fn incarnation(record: &[u8], version: u32) -> Result<Option<u64>, RecordError> {
    let mut reader = RecordReader::new(cbor(record, version, true)?, true);
    // A system field that is not known may mean that there is more to take care of.
    reader.fields()?.next_name()?;
    Ok(reader.incarnation)
}

/// The CBOR of a record, after what stands before it.
fn cbor(record: &[u8], expected: u32, has_fields: bool) -> Result<&[u8], RecordError> {
    let (format, rest) = record.split_first().ok_or_else(|| RecordError::wrong("the record is empty"))?;
    match (*format, has_fields) {
        (FORMAT_FIELDS, true) | (FORMAT_BARE, false) => {}
        (FORMAT_FIELDS, false) => return Err(RecordError::wrong("it has fields, where a bare value is expected")),
        (FORMAT_BARE, true) => return Err(RecordError::wrong("it is a bare value, where fields are expected")),
        (other, _) => return Err(RecordError::Unsupported(format!("record format {other}").into())),
    }
    let (version, rest) = read_version(rest)?;
    if version != expected {
        return Err(RecordError::Unsupported(
            format!("a record of schema version {version} in a program with version {expected}").into(),
        ));
    }
    Ok(rest)
}

/// A varint of seven bits a byte, lowest first, in its shortest form.
fn read_version(bytes: &[u8]) -> Result<(u32, &[u8]), RecordError> {
    let mut version = 0_u64;
    for (i, byte) in bytes.iter().take(5).enumerate() {
        version |= u64::from(byte & 0x7F) << (7 * i);
        if byte & 0x80 == 0 {
            let shortest = i == 0 || *byte != 0;
            return match (u32::try_from(version), bytes.get(i + 1..)) {
                (Ok(version), Some(rest)) if shortest => Ok((version, rest)),
                _ => break,
            };
        }
    }
    Err(RecordError::wrong("the schema version is unreadable"))
}

#[cfg(test)]
mod tests;
