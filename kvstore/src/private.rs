//! What generated code calls. Not part of the public interface: anything here may change with any release.

pub use crate::elements::{element_path, element_schema};
pub use crate::field::{
    Field, FieldType, check_array, check_empty, check_field, check_hashed, check_not_elementwise, check_ordered,
    default_value, field_type,
};
pub use crate::key::hidden::{
    ConvertedKey, DerivedKey, Edge, KeyArgCodec, KeyArgPart, KeyBuf, KeyCodec, KeyError, KeyPrefixCodec, KeyRangeCodec,
    Newtype, NextKeyCodec, key_variant,
};
pub use crate::record::{
    FieldDeserializer, FieldReader, FieldSerializer, FieldWriter, RecordError, RecordReader, RecordWriter, required,
};
pub use crate::store::{ElementSchema, FieldSchema, InitializeValue, Schema, StoreCodec};

use crate::database::Database;
use crate::error::Result;
use crate::key::{Key, Shape};
use crate::store::Store;

/// The key of a store from its bytes in last form, for the key field.
///
/// # Errors
/// [`RecordError`] where the bytes are not a key.
#[inline]
pub fn key_of<T: Store>(bytes: &[u8]) -> Result<T::Key, RecordError> {
    Ok(T::Key::decode_last(bytes)?)
}

/// The record of a value, for tests of generated code.
///
/// # Errors
/// As [`StoreCodec::encode`].
pub fn record_of<T: Store>(value: &T::Value) -> Result<Vec<u8>, RecordError> {
    let mut record = Vec::new();
    crate::record::encode::<T::Key, T::Value, T>(value, &mut record)?;
    Ok(record)
}

/// The value of a record, for tests of generated code.
///
/// # Errors
/// As [`StoreCodec::decode`].
pub fn value_of<T: Store>(key: &[u8], record: &[u8]) -> Result<T::Value, RecordError> {
    crate::record::decode::<T::Key, T::Value, T>(key, record)
}

/// A database in memory that finds these rows when it opens, each key with its namespace in front: for tests of damage.
///
/// # Errors
/// As `Database::open`, where the rows are not those of a database.
pub fn database_of(rows: &[(&[u8], &[u8])]) -> Result<Database> {
    Database::of_rows(rows)
}

/// `<IfKey<{ is_key::<K>() }> as Then<K>>::Key` is `K`. Generated code writes it in place of `K`: if `K` is no key, the
/// constant is an error, at the call of `is_key`, and what depends on the type is no further error. With `K` itself, each
/// use of the store would be one more.
#[derive(Debug)]
pub struct IfKey<const IS_KEY: bool>;

/// See [`IfKey`].
pub trait Then<K> {
    /// The type `K`.
    type Key;
}

impl<K> Then<K> for IfKey<true> {
    type Key = K;
}

/// See [`IfKey`].
pub const fn is_key<K: Key>() -> bool {
    true
}

/// How the keys of one type are written and read. Generated code makes one constant for each field of a key, so that a type
/// that is no key is one error, however often its field is used.
pub struct KeyPart<K> {
    shape: Shape,
    converts: bool,
    encode_last: fn(&K, &mut KeyBuf),
    encode_part: fn(&K, &mut KeyBuf),
    decode_last: fn(&[u8]) -> Result<K, KeyError>,
    decode_part: fn(&mut &[u8]) -> Result<K, KeyError>,
}

/// The codec of a field's type.
pub const fn key_part<K: Key>() -> KeyPart<K> {
    KeyPart {
        shape: K::SHAPE,
        converts: K::CONVERTS,
        encode_last: K::encode_last,
        encode_part: K::encode_part,
        decode_last: K::decode_last,
        decode_part: K::decode_part,
    }
}

/// The codec of a type that is kept as a key of type `K`.
pub const fn converted_part<T: ConvertedKey<K>, K: Key>() -> KeyPart<T> {
    KeyPart {
        shape: K::SHAPE,
        converts: true,
        encode_last: |value, out| value.to_key().encode_last(out),
        encode_part: |value, out| value.to_key().encode_part(out),
        decode_last: |bytes| T::of_key(K::decode_last(bytes)?),
        decode_part: |bytes| T::of_key(K::decode_part(bytes)?),
    }
}

impl<K> KeyPart<K> {
    /// What the field's bytes look like.
    pub const fn shape(&self) -> Shape {
        self.shape
    }

    /// As [`KeyCodec::CONVERTS`].
    pub const fn converts(&self) -> bool {
        self.converts
    }

    /// As [`KeyCodec::encode_last`].
    #[inline]
    pub fn encode_last(&self, key: &K, out: &mut KeyBuf) {
        (self.encode_last)(key, out);
    }

    /// As [`KeyCodec::encode_part`].
    #[inline]
    pub fn encode_part(&self, key: &K, out: &mut KeyBuf) {
        (self.encode_part)(key, out);
    }

    /// As [`KeyCodec::decode_last`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn decode_last(&self, bytes: &[u8]) -> Result<K, KeyError> {
        (self.decode_last)(bytes)
    }

    /// As [`KeyCodec::decode_part`].
    ///
    /// # Errors
    /// As there.
    #[inline]
    pub fn decode_part(&self, bytes: &mut &[u8]) -> Result<K, KeyError> {
        (self.decode_part)(bytes)
    }
}

/// The number of an enum's variant, off the front of its bytes.
///
/// # Errors
/// [`KeyError::Short`].
#[inline]
pub fn variant_number(bytes: &mut &[u8]) -> Result<u16, KeyError> {
    u16::decode_part(bytes)
}

/// Checks that nothing follows.
///
/// # Errors
/// [`KeyError::Long`].
#[inline]
pub fn end_of_key(bytes: &[u8]) -> Result<(), KeyError> {
    if bytes.is_empty() { Ok(()) } else { Err(KeyError::Long) }
}

/// Stands in for a value that could not be read from an attribute. No program that compiles calls it.
#[expect(clippy::empty_loop, reason = "it does not run")]
pub fn unknown<T>() -> T {
    loop {}
}
