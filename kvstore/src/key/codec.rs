//! How keys become bytes and are read again.

use super::Shape;
use super::hidden::KeyBuf;

/// Why bytes are not a key of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// The bytes end inside the key.
    Short,
    /// Bytes follow the key.
    Long,
    /// A value that the type does not have: a third boolean, a surrogate, an unknown variant.
    Value(&'static str),
    /// Text that is not UTF-8.
    Utf8,
    /// The program's own `TryFrom` refused the key.
    Converted,
    /// The program's own `TryFrom` made another key of it.
    Changed,
}

impl std::fmt::Display for KeyError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Short => f.write_str("the key ends early"),
            Self::Long => f.write_str("bytes follow the key"),
            Self::Value(what) => write!(f, "no such {what}"),
            Self::Utf8 => f.write_str("the text is not UTF-8"),
            Self::Converted => f.write_str("the key's `TryFrom` refuses it"),
            Self::Changed => f.write_str("the key's `TryFrom` makes another key of it"),
        }
    }
}

/// The two forms of a key's bytes. Hidden, so that its methods never meet a user's own of the same name.
pub trait KeyCodec: Sized {
    /// The type that decides which prefixes and borrowed arguments keys of this type take: itself; for a newtype that of
    /// its field; `String` for all text, and `Vec<u8>` for all byte vectors.
    type Root;
    /// Whether a part of the key has `#[key(as = "..")]`, so that code of the program decides how it is read.
    const CONVERTS: bool = false;
    /// Appends the form in which nothing follows.
    fn encode_last(&self, out: &mut KeyBuf);
    /// Appends the form that says where it ends.
    fn encode_part(&self, out: &mut KeyBuf);
    /// Reads the last form: all of `bytes`.
    ///
    /// # Errors
    /// [`KeyError`] if the bytes are not what [`encode_last`](Self::encode_last) writes.
    fn decode_last(bytes: &[u8]) -> Result<Self, KeyError>;
    /// Reads the part form from the front of `bytes`, and moves `bytes` past it.
    ///
    /// # Errors
    /// [`KeyError`] if the bytes are not what [`encode_part`](Self::encode_part) writes.
    fn decode_part(bytes: &mut &[u8]) -> Result<Self, KeyError>;
}

/// A type with `#[derive(Key)]`, which makes it a key.
pub trait DerivedKey: KeyCodec + Send + Sync + 'static {
    /// What the bytes look like.
    const DERIVED_SHAPE: Shape;
}

/// Reads a last form by means of the part form: for types whose two forms are the same.
pub(super) fn decode_whole<K: KeyCodec>(mut bytes: &[u8]) -> Result<K, KeyError> {
    let key = K::decode_part(&mut bytes)?;
    if bytes.is_empty() { Ok(key) } else { Err(KeyError::Long) }
}

/// Takes `N` bytes off the front.
pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N], KeyError> {
    let (head, rest) = bytes.split_first_chunk().ok_or(KeyError::Short)?;
    *bytes = rest;
    Ok(*head)
}
