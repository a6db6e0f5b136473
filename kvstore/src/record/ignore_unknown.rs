//! Values that are read without the fields that their types do not know.

use std::ops::{Deref, DerefMut};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value of which fields that its type does not know are dropped when it is read.
///
/// A record that has a field inside a nested type, or inside the value of a [`Map`](crate::Map), that the program does not know
/// can't be read: the next commit would drop the field. Around a type, this allows it. On a field of a stored struct,
/// `#[store(ignore_unknown)]` does the same without changing the field's type.
///
/// The record is that of the value alone, so that the wrapper can be put around a type, and removed, at any time.
///
/// ```
/// use kvstore::{Database, IgnoreUnknown};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct File {
///     name: String,
/// }
///
/// # fn main() -> kvstore::Result<()> {
/// let files = Database::in_memory()?.map::<u64, IgnoreUnknown<File>>("files")?;
/// files.put(1, File { name: "a".into() }.into())?;
/// assert_eq!(files.get(1)?.unwrap().name, "a");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct IgnoreUnknown<T>(
    /// The value.
    pub T,
);

impl<T> IgnoreUnknown<T> {
    /// By this name the deserializer of records knows the type.
    pub(super) const NAME: &str = "$kvstore::IgnoreUnknown";
}

impl<T> From<T> for IgnoreUnknown<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T> Deref for IgnoreUnknown<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for IgnoreUnknown<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize> Serialize for IgnoreUnknown<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(Self::NAME, &self.0)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for IgnoreUnknown<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // The derive calls `deserialize_newtype_struct` with the name.
        #[derive(Deserialize)]
        #[serde(rename = "$kvstore::IgnoreUnknown")]
        struct Named<T>(T);
        Named::deserialize(deserializer).map(|Named(value)| Self(value))
    }
}
