//! Keys that are kept as another key: `#[key(as = "u64")]`.

use super::Key;
use super::hidden::{KeyBuf, KeyCodec, KeyError};

/// A type that is kept as a key of type `K`, and made of one again.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be kept as a key of type `{K}`",
    label = "needs `Clone`, `From<{Self}> for {K}` and `TryFrom<{K}> for {Self}`",
    note = "`#[key(as = \"..\")]` writes a clone of the key, converted by `Into`, and reads it by `TryFrom`, whose error is that of a key that can't be decoded"
)]
pub trait ConvertedKey<K>: Sized {
    /// The key that is written.
    fn to_key(&self) -> K;
    /// The value of a key that was read.
    ///
    /// # Errors
    /// [`KeyError::Converted`] if `TryFrom` refuses it.
    fn of_key(key: K) -> Result<Self, KeyError>;
}

#[diagnostic::do_not_recommend]
impl<K: Key, T: Clone + Into<K> + TryFrom<K>> ConvertedKey<K> for T {
    #[inline]
    fn to_key(&self) -> K {
        self.clone().into()
    }
    #[inline]
    fn of_key(key: K) -> Result<Self, KeyError> {
        Self::try_from(key).map_err(|_| KeyError::Converted)
    }
}

/// Reads a key back, given in last form, if code of the program converts it. A key that its `TryFrom` refuses, or makes
/// another key of, would be stored and then be an error in every scan, or be found under another key.
///
/// # Errors
/// [`KeyError`] if the key is not read back as itself.
#[inline]
pub(crate) fn read_back<K: KeyCodec>(key: &[u8]) -> Result<(), KeyError> {
    if !K::CONVERTS {
        return Ok(());
    }
    let mut again = KeyBuf::new();
    K::decode_last(key)?.encode_last(&mut again);
    if again.as_slice() == key { Ok(()) } else { Err(KeyError::Changed) }
}
