//! Records: the bytes of one value. The only file that names `cbor4ii`.
//!
//! A record is a format byte, the schema version as a varint, and CBOR: for a struct a map from field names to values in
//! order of declaration (`01`), for a bare value of a `Map<K, V>` the value alone (`02`). Integer keys in the field map
//! are the store's own and come first; a version that meets one it does not know refuses the record. The only one so far
//! is the incarnation of an entry with element-wise collections.

use std::fmt;

use cbor4ii::core::dec::Decode;
use cbor4ii::core::enc::{self, Encode};
use cbor4ii::core::{dec, types};
use cbor4ii::serde::{DecodeError, Deserializer, EncodeError, Serializer};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::store::{Field, Schema, StoreCodec};

/// The largest record, in bytes.
pub(crate) const MAX_RECORD_BYTES: usize = 1 << 30;

/// The deepest nesting of arrays, maps and tags in a record. A reader spends up to four steps on a level (`READ_STEPS`),
/// so that whatever was written can be read.
const MAX_DEPTH: usize = 128;

/// The steps a reader may go down; bounds its stack on damaged input.
const READ_STEPS: usize = 4 * MAX_DEPTH;

const FORMAT_FIELDS: u8 = 1;
const FORMAT_BARE: u8 = 2;

/// The system field with the number of the entry's incarnation, under which its elements lie.
const INCARNATION: u64 = 1;

/// Why a value is no record, or bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordError {
    /// It is wrong, in the way this text says.
    Wrong(Box<str>),
    /// It is of a kind that this version does not know.
    Unsupported(Box<str>),
    /// It has more bytes than a record can have: the size so far, and the limit.
    TooLarge {
        /// Bytes so far.
        size: usize,
        /// Bytes at most.
        limit: usize,
    },
}

impl RecordError {
    pub(crate) fn wrong(reason: impl fmt::Display) -> Self {
        Self::Wrong(reason.to_string().into())
    }

    fn in_field(self, name: &str) -> Self {
        match self {
            Self::Wrong(reason) => Self::wrong(format_args!("field `{name}`: {reason}")),
            other => other,
        }
    }

    /// The same, with the element that it is about.
    pub(crate) fn in_element(self, element: &str) -> Self {
        match self {
            Self::Wrong(reason) => Self::wrong(format_args!("element {element}: {reason}")),
            Self::Unsupported(what) => Self::Unsupported(format!("{what}, in element {element}").into()),
            too_large @ Self::TooLarge { .. } => too_large,
        }
    }
}

impl From<crate::key::hidden::KeyError> for RecordError {
    fn from(error: crate::key::hidden::KeyError) -> Self {
        Self::wrong(error)
    }
}

/// Appends the record of a value to `buf`.
pub(crate) fn encode<K, V, T: StoreCodec<K, V>>(value: &V, buf: &mut Vec<u8>) -> Result<(), RecordError> {
    encode_owner::<K, V, T>(value, None, buf)
}

/// As [`encode`], of an entry that has elements where it has an incarnation.
pub(crate) fn encode_owner<K, V, T: StoreCodec<K, V>>(
    value: &V,
    incarnation: Option<u64>,
    buf: &mut Vec<u8>,
) -> Result<(), RecordError> {
    let Schema { mut version, fields } = T::SCHEMA;
    let start = buf.len();
    buf.push(if fields.is_some() { FORMAT_FIELDS } else { FORMAT_BARE });
    while version >= 0x80 {
        buf.push(version.to_le_bytes()[0] | 0x80);
        version >>= 7;
    }
    buf.push(version.to_le_bytes()[0]);
    let cbor = buf.len();
    T::encode(value, &mut RecordWriter { sink: Sink { buf, end: start + MAX_RECORD_BYTES }, incarnation })?;
    check_depth(buf.get(cbor..).unwrap_or_default())
}

/// Reads the value of a record; `key` has the key's bytes in last form.
pub(crate) fn decode<K, V, T: StoreCodec<K, V>>(key: &[u8], record: &[u8]) -> Result<V, RecordError> {
    decode_owner::<K, V, T>(key, record, &mut None)
}

/// As [`decode`], with the incarnation of an entry that has elements.
pub(crate) fn decode_owner<K, V, T: StoreCodec<K, V>>(
    key: &[u8],
    record: &[u8],
    incarnation: &mut Option<u64>,
) -> Result<V, RecordError> {
    let Schema { version, fields } = T::SCHEMA;
    let mut reader = reader(record, version, fields.is_some(), !T::ELEMENTS.is_empty())?;
    let value = T::decode(key, &mut reader)?;
    *incarnation = reader.incarnation;
    match reader.source.bytes.len() {
        0 => Ok(value),
        n => Err(RecordError::wrong(format_args!("{n} bytes follow the value"))),
    }
}

/// The incarnation alone of an entry whose struct has element-wise collections, without a look at the values of its fields.
pub(crate) fn incarnation(record: &[u8], version: u32) -> Result<Option<u64>, RecordError> {
    let mut reader = reader(record, version, true, true)?;
    // A system field that is not known may mean that there is more to take care of.
    reader.fields()?.next_name()?;
    Ok(reader.incarnation)
}

/// Reads what stands before the CBOR.
fn reader(record: &[u8], expected: u32, has_fields: bool, has_elements: bool) -> Result<RecordReader<'_>, RecordError> {
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
    Ok(RecordReader { source: Source::new(rest), has_elements, incarnation: None })
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

/// Where a record's bytes go; refuses what would make it too large.
#[derive(Debug)]
pub struct Sink<'a> {
    buf: &'a mut Vec<u8>,
    end: usize,
}

impl enc::Write for Sink<'_> {
    type Error = Full;

    #[inline]
    fn push(&mut self, input: &[u8]) -> Result<(), Full> {
        if self.end - self.buf.len() < input.len() {
            // Of this record alone: others may lie before it in the buffer.
            let so_far = MAX_RECORD_BYTES - (self.end - self.buf.len());
            return Err(Full { size: so_far + input.len() });
        }
        self.buf.extend_from_slice(input);
        Ok(())
    }
}

/// The record would become too large.
#[derive(Debug, thiserror::Error)]
#[error("{size} bytes are too many")]
pub struct Full {
    size: usize,
}

/// Writes the CBOR of one record.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    sink: Sink<'a>,
    incarnation: Option<u64>,
}

impl<'a> RecordWriter<'a> {
    /// Begins a map of `count` fields; exactly as many must follow.
    ///
    /// # Errors
    /// [`RecordError::TooLarge`].
    pub fn fields(&mut self, count: usize) -> Result<FieldWriter<'_, 'a>, RecordError> {
        let system = usize::from(self.incarnation.is_some());
        types::Map::bounded(count + system, &mut self.sink).map_err(|error| encode_error(error.into()))?;
        if let Some(incarnation) = self.incarnation {
            let pair = INCARNATION.encode(&mut self.sink).and_then(|()| incarnation.encode(&mut self.sink));
            pair.map_err(|error| encode_error(error.into()))?;
        }
        Ok(FieldWriter { sink: &mut self.sink })
    }

    /// Writes a value that is the whole record.
    ///
    /// # Errors
    /// [`RecordError`] where it does not serialize or is too large.
    pub fn bare<T: Serialize>(&mut self, value: &T) -> Result<(), RecordError> {
        value.serialize(&mut Serializer::new(&mut self.sink)).map_err(encode_error)
    }
}

/// Writes the fields of one record.
#[derive(Debug)]
pub struct FieldWriter<'w, 'a> {
    sink: &'w mut Sink<'a>,
}

/// The serializer that a `with` module gets, by mutable reference.
pub type FieldSerializer<'s, 'a> = Serializer<&'s mut Sink<'a>>;

impl<'a> FieldWriter<'_, 'a> {
    /// Writes a field.
    ///
    /// # Errors
    /// [`RecordError`], naming the field, where it does not serialize or is too large.
    #[inline]
    pub fn field<T: Field>(&mut self, name: &'static str, value: &T) -> Result<(), RecordError> {
        self.field_with(name, |serializer| value.serialize(serializer))
    }

    /// Writes a field as `write` does, which must write one value.
    ///
    /// # Errors
    /// As [`field`](Self::field).
    #[inline]
    pub fn field_with<F>(&mut self, name: &'static str, write: F) -> Result<(), RecordError>
    where
        F: FnOnce(&mut FieldSerializer<'_, 'a>) -> Result<(), EncodeError<Full>>,
    {
        name.encode(self.sink).map_err(|error| encode_error(error.into()))?;
        write(&mut Serializer::new(&mut *self.sink)).map_err(|error| encode_error(error).in_field(name))
    }
}

/// The bytes of a record that are not read yet, and how much deeper reading may go.
#[derive(Debug)]
pub struct Source<'de> {
    bytes: &'de [u8],
    steps: usize,
    /// How many elements arrays and maps may still declare: in all as many as there are bytes, since each takes one.
    elements: usize,
    /// How many bytes were left where an array or a map was counted last: several steps may lead to one.
    counted: usize,
}

impl<'de> Source<'de> {
    fn new(bytes: &'de [u8]) -> Self {
        Self { bytes, steps: READ_STEPS, elements: bytes.len(), counted: usize::MAX }
    }

    /// Counts the elements that the next item declares, if it is an array or a map of more than a few, and ends the record
    /// where they can't all be there. Room for them is made before they are read, at every level of nesting.
    #[inline]
    fn count_elements(&mut self) {
        if let Some((initial @ (0x98..=0x9B | 0xB8..=0xBB), rest)) = self.bytes.split_first()
            && self.counted != self.bytes.len()
        {
            self.counted = self.bytes.len();
            let declared = rest.get(..1 << (initial & 3)).unwrap_or_default();
            let declared = declared.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            let items = declared.saturating_mul(if *initial < 0xA0 { 1 } else { 2 });
            match usize::try_from(items).ok().and_then(|items| self.elements.checked_sub(items)) {
                Some(left) => self.elements = left,
                None => self.bytes = &[],
            }
        }
    }
}

impl<'de> dec::Read<'de> for Source<'de> {
    type Error = std::convert::Infallible;

    #[inline]
    fn fill<'short>(&'short mut self, want: usize) -> Result<dec::Reference<'de, 'short>, Self::Error> {
        Ok(dec::Reference::Long(self.bytes.get(..want).unwrap_or(self.bytes)))
    }

    #[inline]
    fn advance(&mut self, n: usize) {
        self.bytes = self.bytes.get(n..).unwrap_or_default();
    }

    #[inline]
    fn step_in(&mut self) -> bool {
        self.count_elements();
        self.steps.checked_sub(1).map(|steps| self.steps = steps).is_some()
    }

    #[inline]
    fn step_out(&mut self) {
        self.steps += 1;
    }
}

/// Reads the CBOR of one record.
#[derive(Debug)]
pub struct RecordReader<'de> {
    source: Source<'de>,
    /// Whether the struct has element-wise collections, and the record thus may have an incarnation.
    has_elements: bool,
    incarnation: Option<u64>,
}

impl<'de> RecordReader<'de> {
    /// Begins to read a map of fields.
    ///
    /// # Errors
    /// [`RecordError`] where the record is none.
    pub fn fields(&mut self) -> Result<FieldReader<'_, 'de>, RecordError> {
        let left = types::Map::len(&mut self.source).map_err(|error| decode_error(error.into()))?;
        let mut left = left.ok_or_else(|| RecordError::wrong("its number of fields is open"))?;
        if self.has_elements && left > 0 && self.source.bytes.first() == Some(&INCARNATION.to_le_bytes()[0]) {
            self.source.bytes = self.source.bytes.get(1..).unwrap_or_default();
            let incarnation = u64::decode(&mut self.source).map_err(|error| decode_error(error.into()))?;
            self.incarnation = Some(incarnation);
            left -= 1;
        }
        Ok(FieldReader { source: &mut self.source, left })
    }

    /// Reads the value that is the whole record.
    ///
    /// # Errors
    /// [`RecordError`] where the bytes are not such a value.
    pub fn bare<T: DeserializeOwned>(&mut self) -> Result<T, RecordError> {
        T::deserialize(&mut Deserializer::new(&mut self.source)).map_err(decode_error)
    }
}

/// Reads the fields of one record.
#[derive(Debug)]
pub struct FieldReader<'r, 'de> {
    source: &'r mut Source<'de>,
    left: usize,
}

/// The deserializer that a `with` module gets, by mutable reference.
pub type FieldDeserializer<'s, 'de> = Deserializer<&'s mut Source<'de>>;

impl<'de> FieldReader<'_, 'de> {
    /// The name of the next field; `None` after the last.
    ///
    /// # Errors
    /// [`RecordError::Unsupported`] for a field of the store's own, [`RecordError::Wrong`] where there is no name.
    pub fn next_name(&mut self) -> Result<Option<&'de str>, RecordError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        // Major types 0 and 1: an integer.
        if self.source.bytes.first().is_some_and(|byte| byte >> 5 <= 1) {
            let number = i128::decode(self.source).map_err(|error| decode_error(error.into()))?;
            return Err(RecordError::Unsupported(format!("system field {number} of a record").into()));
        }
        <&'de str>::decode(self.source).map(Some).map_err(|error| decode_error(error.into()))
    }

    /// Reads the value of the field whose name came last into its place.
    ///
    /// # Errors
    /// [`RecordError`], naming the field, where the bytes are not such a value, or the field came before.
    #[inline]
    pub fn field<T: Field>(&mut self, name: &'static str, place: &mut Option<T>) -> Result<(), RecordError> {
        self.field_with(name, place, |deserializer| T::deserialize(deserializer))
    }

    /// Reads the value as `read` does, which must read one value.
    ///
    /// # Errors
    /// As [`field`](Self::field).
    #[inline]
    pub fn field_with<T, F>(&mut self, name: &'static str, place: &mut Option<T>, read: F) -> Result<(), RecordError>
    where
        F: FnOnce(&mut FieldDeserializer<'_, 'de>) -> Result<T, DecodeError<std::convert::Infallible>>,
    {
        let value =
            read(&mut Deserializer::new(&mut *self.source)).map_err(|error| decode_error(error).in_field(name))?;
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(RecordError::wrong(format_args!("field `{name}` is there twice"))),
        }
    }

    /// The error for a name that the struct does not have.
    #[cold]
    pub fn unknown(&self, name: &str) -> RecordError {
        RecordError::wrong(format_args!("field `{}` is unknown", name.escape_debug()))
    }
}

/// The value of a field that has no initial value.
///
/// # Errors
/// [`RecordError`] where the record did not have it.
#[inline]
pub fn required<T>(name: &'static str, place: Option<T>) -> Result<T, RecordError> {
    place.ok_or_else(|| RecordError::wrong(format_args!("field `{name}` is missing")))
}

#[cold]
fn encode_error(error: EncodeError<Full>) -> RecordError {
    match error {
        EncodeError::Custom(reason) => RecordError::Wrong(reason),
        EncodeError::Core(enc::Error::Write(Full { size })) => RecordError::TooLarge { size, limit: MAX_RECORD_BYTES },
        EncodeError::Core(other) => RecordError::wrong(other),
    }
}

#[cold]
fn decode_error(error: DecodeError<std::convert::Infallible>) -> RecordError {
    use dec::Error;
    let error = match error {
        DecodeError::Custom(reason) => return RecordError::Wrong(reason),
        DecodeError::Core(error) => error,
    };
    match error {
        Error::Mismatch { name, found } => {
            RecordError::wrong(format_args!("expected {name}, found {}", item_name(found)))
        }
        Error::Unsupported { name, found } => {
            RecordError::wrong(format_args!("{} can't be read as {name}", item_name(found)))
        }
        Error::Eof { name, .. } => RecordError::wrong(format_args!("the record ends inside {name}")),
        Error::RequireLength { name, .. } => {
            RecordError::wrong(format_args!("{name} has another length than expected"))
        }
        Error::RequireUtf8 { name } => RecordError::wrong(format_args!("{name} is not UTF-8")),
        Error::LengthOverflow { name, .. } | Error::CastOverflow { name } | Error::ArithmeticOverflow { name, .. } => {
            RecordError::wrong(format_args!("{name} is out of range"))
        }
        Error::DepthOverflow { .. } => RecordError::wrong("it is nested too deeply"),
        other => RecordError::wrong(other),
    }
}

/// What an initial byte of CBOR announces.
fn item_name(initial: u8) -> &'static str {
    match initial >> 5 {
        0 => "an unsigned integer",
        1 => "a negative integer",
        2 => "bytes",
        3 => "a string",
        4 => "an array",
        5 => "a map",
        6 => "a tag",
        _ => match initial {
            0xF4 | 0xF5 => "a boolean",
            0xF6 | 0xF7 => "null",
            0xF9..=0xFB => "a float",
            _ => "a simple value",
        },
    }
}

/// Refuses CBOR, as our encoder writes it, whose nesting a reader could refuse. What is shorter than the limit can't be
/// nested as deep.
fn check_depth(cbor: &[u8]) -> Result<(), RecordError> {
    if cbor.len() <= MAX_DEPTH {
        return Ok(());
    }
    let mut rest = cbor;
    match skip_item(&mut rest, MAX_DEPTH) {
        Some(()) => Ok(()),
        None => Err(RecordError::wrong(format_args!("it is nested deeper than {MAX_DEPTH} levels"))),
    }
}

/// Moves behind one item of definite or open length; `None` where it is nested deeper than `depth`, or ends early.
fn skip_item(bytes: &mut &[u8], depth: usize) -> Option<()> {
    let (initial, rest) = bytes.split_first()?;
    *bytes = rest;
    let argument_bytes = match initial & 0x1F {
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => 0,
    };
    let (argument, rest) = bytes.split_at_checked(argument_bytes)?;
    *bytes = rest;
    let argument = if argument.is_empty() {
        u64::from(initial & 0x1F)
    } else {
        argument.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    let open = initial & 0x1F == 31;
    let items = match initial >> 5 {
        2 | 3 if !open => {
            *bytes = bytes.get(usize::try_from(argument).ok()?..)?;
            return Some(());
        }
        4 => argument,
        5 => argument.checked_mul(2)?,
        6 => 1,
        2 | 3 => 0,
        _ => return Some(()),
    };
    let depth = depth.checked_sub(1)?;
    if open {
        while *bytes.first()? != 0xFF {
            skip_item(bytes, depth)?;
        }
        *bytes = bytes.get(1..)?;
    } else {
        for _ in 0..items {
            skip_item(bytes, depth)?;
        }
    }
    Some(())
}

#[cfg(test)]
#[path = "record_tests.rs"]
mod tests;
