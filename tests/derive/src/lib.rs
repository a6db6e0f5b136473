//! What the tests of the derive macros share: bytes of keys and records, without a database around them.

use kvstore::__private::{KeyBuf, RecordError, record_of, value_of};
use kvstore::{Key, Store};

/// The bytes of a key to which nothing is added.
pub fn last(key: &impl Key) -> Vec<u8> {
    let mut out = KeyBuf::new();
    key.encode_last(&mut out);
    out.as_slice().to_vec()
}

/// The bytes of a key with which another part follows.
pub fn part(key: &impl Key) -> Vec<u8> {
    let mut out = KeyBuf::new();
    key.encode_part(&mut out);
    out.as_slice().to_vec()
}

/// The key of bytes in last form, or what is wrong with them.
///
/// # Errors
/// The reason.
pub fn from_last<K: Key>(bytes: &[u8]) -> Result<K, String> {
    K::decode_last(bytes).map_err(|error| error.to_string())
}

/// The key of bytes in part form, and what follows.
///
/// # Errors
/// The reason.
pub fn from_part<K: Key>(mut bytes: &[u8]) -> Result<(K, Vec<u8>), String> {
    let key = K::decode_part(&mut bytes).map_err(|error| error.to_string())?;
    Ok((key, bytes.to_vec()))
}

/// The record of a value.
///
/// # Errors
/// The reason.
pub fn record<T: Store<Value = T>>(value: &T) -> Result<Vec<u8>, String> {
    record_of::<T>(value).map_err(text)
}

/// The value of a record.
///
/// # Errors
/// The reason.
pub fn value<T: Store>(key: &impl Key, record: &[u8]) -> Result<T::Value, String> {
    value_of::<T>(&last(key), record).map_err(text)
}

fn text(error: RecordError) -> String {
    match error {
        RecordError::Wrong(reason) | RecordError::Unsupported(reason) => reason.into(),
        RecordError::TooLarge { size, limit } => format!("{size} bytes, at most {limit}"),
    }
}
