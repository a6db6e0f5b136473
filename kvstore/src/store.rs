//! The trait that an entry type carries, its schema, and `Map`, the store of bare values.

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::key::{Key, Shape};
use crate::record::{RecordError, RecordReader, RecordWriter};

/// A type whose values are the entries of a store. Comes from [`#[derive(Store)]`](derive@crate::Store); for values
/// without a struct of their own there is [`Map`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not the entry type of a store",
    label = "no `#[derive(Store)]` here",
    note = "annotate the struct with `#[derive(kvstore::Store)]`, and name the struct itself, not its store, guard or initializer; for bare values use `Database::map`"
)]
pub trait Store: StoreCodec<<Self as Store>::Key, <Self as Store>::Value> + 'static {
    /// The type of the keys.
    type Key: Key;
    /// The type of the values: the struct itself, or `V` of a `Map<K, V>`.
    type Value: Send + 'static;
}

/// How values become records. Hidden: the derive writes it.
pub trait StoreCodec<K, V> {
    /// The namespace, where the type names one. `Map` does not.
    const NAMESPACE: Option<&'static str>;
    /// The schema compared with the catalog.
    const SCHEMA: Schema;
    /// The element-wise collections, in order of declaration; they are among the schema's fields, too.
    const ELEMENTS: &'static [ElementSchema] = &[];

    /// Writes the record of a value.
    ///
    /// # Errors
    /// [`RecordError`], naming the field, where a value does not serialize or is too large.
    fn encode(value: &V, record: &mut RecordWriter<'_>) -> Result<(), RecordError>;

    /// Reads a value from its record; `key` has the key's bytes in last form, for a key field.
    ///
    /// # Errors
    /// [`RecordError`], naming the field, where the bytes are not a record of this type.
    fn decode(key: &[u8], record: &mut RecordReader<'_>) -> Result<V, RecordError>;

    /// The key field of a value, where there is one.
    fn key_field(_value: &V) -> Option<&K> {
        None
    }
}

/// What turns into the first value of an entry: the struct's `…Init`, the struct itself, or `V` for a `Map<K, V>`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't initialize an entry of `{T}`",
    label = "expected the initializer of `{T}`, or a whole value",
    note = "`#[derive(Store)]` on `Job` generates `JobInit`, with the required fields only; for a `Map<K, V>` give a `V`"
)]
pub trait Initialize<T: Store>: InitializeValue<T> {}

// One impl for all, so that an error does not list every initializer of the program.
#[diagnostic::do_not_recommend]
impl<T: Store, I: InitializeValue<T>> Initialize<T> for I {}

/// How an initializer becomes a value.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't initialize an entry of `{T}`",
    label = "expected the initializer of `{T}`, or a whole value",
    note = "`#[derive(Store)]` on `Job` generates `JobInit`, with the required fields only; for a `Map<K, V>` give a `V`"
)]
pub trait InitializeValue<T: Store> {
    /// The value for the entry of this key, given in last form. Where the struct has a key field, an initializer fills it
    /// from the key, while a whole value keeps what it has unless `fill_key`.
    ///
    /// # Errors
    /// [`RecordError`] where the bytes are not a key.
    fn into_value(self, key: &[u8], fill_key: bool) -> Result<T::Value, RecordError>;
}

/// What a store's records look like, as compiled into the program.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// The version of the schema.
    pub version: u32,
    /// The stored fields in order of declaration; `None` for bare values.
    pub fields: Option<&'static [FieldSchema]>,
}

/// One stored field.
#[derive(Debug, Clone, Copy)]
pub struct FieldSchema {
    /// Its name, without raw-identifier prefix.
    pub name: &'static str,
    /// Its type as written, without blanks, each path cut to its last segment; or what `#[store(type = "..")]` says.
    pub type_name: &'static str,
    /// Whether a record without it is complete: a collection, an `Option`, or a field with `default`.
    pub has_initial: bool,
}

/// One field that is an element-wise collection.
#[derive(Debug, Clone, Copy)]
pub struct ElementSchema {
    /// Its name, without raw-identifier prefix.
    pub name: &'static str,
    /// What it is: `map`, `set` or `deque`.
    pub kind: &'static str,
    /// What the keys of its elements look like.
    pub key: Shape,
    /// Whether what the type of the elements does not know is left out when they are read.
    pub ignores_unknown: bool,
}

impl ElementSchema {
    /// The same, of a collection whose elements are read without what their type does not know.
    #[must_use]
    pub const fn ignoring_unknown(self) -> Self {
        Self { ignores_unknown: true, ..self }
    }
}

/// A type whose values can be those of a [`Map`]: every type that is `Serialize + DeserializeOwned + Send + 'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be the value of a `Map`",
    label = "not `Serialize + DeserializeOwned + Send + 'static`",
    note = "derive both `serde::Serialize` and `serde::Deserialize` for a type of your own; for one of another crate turn on its feature `serde`",
    note = "a struct with `#[derive(Store)]` has a store of its own: `Database::store`"
)]
pub trait MapValue: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<V: Serialize + DeserializeOwned + Send + 'static> MapValue for V {}

/// The store of bare values: keys of type `K`, values of type `V`, without a struct of their own.
///
/// Only a name for types: see [`Database::map`](crate::Database::map).
pub struct Map<K, V>(PhantomData<fn() -> (K, V)>);

impl<K, V> fmt::Debug for Map<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Map")
    }
}

impl<K: Key, V: MapValue> StoreCodec<K, V> for Map<K, V> {
    const NAMESPACE: Option<&'static str> = None;
    const SCHEMA: Schema = Schema { version: 1, fields: None };

    fn encode(value: &V, record: &mut RecordWriter<'_>) -> Result<(), RecordError> {
        record.bare(value)
    }

    fn decode(_key: &[u8], record: &mut RecordReader<'_>) -> Result<V, RecordError> {
        record.bare()
    }
}

impl<K: Key, V: MapValue> Store for Map<K, V> {
    type Key = K;
    type Value = V;
}

impl<K: Key, V: MapValue> InitializeValue<Map<K, V>> for V {
    fn into_value(self, _key: &[u8], _fill_key: bool) -> Result<V, RecordError> {
        Ok(self)
    }
}
