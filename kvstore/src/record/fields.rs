//! The field map of a struct's record, as the code that the derive generates writes and reads it.

use std::borrow::Cow;

use cbor4ii::core::dec::Decode;
use cbor4ii::core::types;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::INCARNATION;
use super::error::{CodecError, RecordError};
use super::sink::Sink;
use super::source::Source;
use crate::field::Field;

/// Writes the CBOR of one record.
#[derive(Debug)]
pub struct RecordWriter<'a> {
    sink: Sink<'a>,
    incarnation: Option<u64>,
    /// Fields that were declared and are not written yet.
    missing: usize,
}

impl<'a> RecordWriter<'a> {
    pub(super) fn new(sink: Sink<'a>, incarnation: Option<u64>) -> Self {
        Self { sink, incarnation, missing: 0 }
    }

    /// Begins a map of `count` fields; exactly as many must follow.
    ///
    /// # Errors
    /// [`RecordError::TooLarge`].
    pub fn fields(&mut self, count: usize) -> Result<FieldWriter<'_, 'a>, RecordError> {
        self.begin_fields(count)?;
        Ok(FieldWriter { sink: &mut self.sink, missing: &mut self.missing })
    }

    fn begin_fields(&mut self, count: usize) -> Result<(), CodecError> {
        let system = usize::from(self.incarnation.is_some());
        self.missing = count;
        self.sink.enter()?;
        types::Map::bounded(count + system, &mut self.sink)?;
        if let Some(incarnation) = self.incarnation {
            self.sink.write(INCARNATION)?;
            self.sink.write(incarnation)?;
        }
        Ok(())
    }

    /// Writes a value that is the whole record.
    ///
    /// # Errors
    /// [`RecordError`] if it does not serialize or is too large.
    pub fn bare<T: Serialize>(&mut self, value: &T) -> Result<(), RecordError> {
        Ok(self.sink.part(value)?)
    }

    /// Refuses a record that is not whole.
    pub(super) fn finish(&self) -> Result<(), RecordError> {
        if self.missing != 0 {
            return Err(RecordError::wrong("it has fewer fields, or more, than were declared"));
        }
        Ok(self.sink.finish()?)
    }
}

/// Writes the fields of one record.
#[derive(Debug)]
pub struct FieldWriter<'w, 'a> {
    sink: &'w mut Sink<'a>,
    missing: &'w mut usize,
}

/// The serializer that a `with` module gets, by mutable reference.
pub type FieldSerializer<'a> = Sink<'a>;

impl<'a> FieldWriter<'_, 'a> {
    /// Writes a field.
    ///
    /// # Errors
    /// [`RecordError`], naming the field, if it does not serialize or is too large.
    #[inline]
    pub fn field<T: Field>(&mut self, name: &'static str, value: &T) -> Result<(), RecordError> {
        self.field_with(name, |sink| value.serialize(sink))
    }

    /// Writes a field as `write` does, which must write one value.
    ///
    /// # Errors
    /// As [`field`](Self::field).
    #[inline]
    pub fn field_with<F>(&mut self, name: &'static str, write: F) -> Result<(), RecordError>
    where
        F: FnOnce(&mut FieldSerializer<'a>) -> Result<(), CodecError>,
    {
        *self.missing = self.missing.wrapping_sub(1);
        self.sink.write(name)?;
        write(self.sink).map_err(|error| RecordError::from(error).in_field(name))
    }
}

/// Reads the CBOR of one record.
#[derive(Debug)]
pub struct RecordReader<'de> {
    pub(super) source: Source<'de>,
    /// Whether the struct has element-wise collections, and the record thus may have an incarnation.
    has_elements: bool,
    pub(super) incarnation: Option<u64>,
}

impl<'de> RecordReader<'de> {
    pub(super) fn new(cbor: &'de [u8], has_elements: bool) -> Self {
        Self { source: Source::new(cbor), has_elements, incarnation: None }
    }

    /// Begins to read a map of fields.
    ///
    /// # Errors
    /// [`RecordError`] if the record is none.
    pub fn fields(&mut self) -> Result<FieldReader<'_, 'de>, RecordError> {
        let left = self.begin_fields()?;
        Ok(FieldReader { source: &mut self.source, left })
    }

    fn begin_fields(&mut self) -> Result<usize, CodecError> {
        self.source.enter()?;
        let left = self.source.length(5, "map")?;
        let mut left = left.ok_or_else(|| CodecError::wrong("its number of fields is open"))?;
        if self.has_elements && left > 0 && self.source.bytes.first() == Some(&INCARNATION.to_le_bytes()[0]) {
            self.source.skip(1);
            self.incarnation = Some(u64::decode(&mut self.source)?);
            left -= 1;
        }
        Ok(left)
    }

    /// Reads the value that is the whole record.
    ///
    /// # Errors
    /// [`RecordError`] if the bytes are not such a value.
    pub fn bare<T: DeserializeOwned>(&mut self) -> Result<T, RecordError> {
        self.source.memory.make_room::<T>();
        let level = self.source.level();
        let value = T::deserialize(&mut self.source)?;
        self.source.check_left(level)?;
        Ok(value)
    }

    /// Refuses bytes after the value.
    pub(super) fn finish(&self) -> Result<(), RecordError> {
        match self.source.bytes.len() {
            0 => Ok(()),
            n => Err(RecordError::wrong(format_args!("{n} bytes follow the value"))),
        }
    }
}

/// Reads the fields of one record.
#[derive(Debug)]
pub struct FieldReader<'r, 'de> {
    source: &'r mut Source<'de>,
    left: usize,
}

/// The deserializer that a `with` module gets, by mutable reference.
pub type FieldDeserializer<'de> = Source<'de>;

impl<'de> FieldReader<'_, 'de> {
    /// The name of the next field; `None` after the last.
    ///
    /// # Errors
    /// [`RecordError::Unsupported`] for a field of the store's own, [`RecordError::Wrong`] if there is no name.
    pub fn next_name(&mut self) -> Result<Option<&'de str>, RecordError> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        self.name().map(Some)
    }

    fn name(&mut self) -> Result<&'de str, RecordError> {
        // Major types 0 and 1: an integer.
        if self.source.bytes.first().is_some_and(|byte| byte >> 5 <= 1) {
            let number = i128::decode(self.source).map_err(CodecError::from)?;
            return Err(RecordError::Unsupported(format!("system field {number} of a record").into()));
        }
        match self.source.text()? {
            Cow::Borrowed(name) => Ok(name),
            Cow::Owned(_) => Err(RecordError::wrong("the name of a field is in pieces")),
        }
    }

    /// Lets the value of the next field be read without what its type does not know.
    pub fn ignore_unknown(&mut self) {
        self.source.ignores_unknown = true;
    }

    /// Reads the value of the field whose name came last into its place.
    ///
    /// # Errors
    /// [`RecordError`], naming the field, if the bytes are not such a value, or the field came before.
    #[inline]
    pub fn field<T: Field>(&mut self, name: &'static str, place: &mut Option<T>) -> Result<(), RecordError> {
        self.field_with(name, place, |source| T::deserialize(source))
    }

    /// Reads the value as `read` does, which must read one value.
    ///
    /// # Errors
    /// As [`field`](Self::field).
    #[inline]
    pub fn field_with<T, F>(&mut self, name: &'static str, place: &mut Option<T>, read: F) -> Result<(), RecordError>
    where
        F: FnOnce(&mut FieldDeserializer<'de>) -> Result<T, CodecError>,
    {
        self.source.memory.make_room::<T>();
        let level = self.source.level();
        let value = read(self.source).and_then(|value| self.source.check_left(level).map(|()| value));
        let value = value.map_err(|error| RecordError::from(error).in_field(name))?;
        self.source.ignores_unknown = false;
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
/// [`RecordError`] if the record did not have it.
#[inline]
pub fn required<T>(name: &'static str, place: Option<T>) -> Result<T, RecordError> {
    place.ok_or_else(|| RecordError::wrong(format_args!("field `{name}` is missing")))
}
