//! Element-wise collections: fields of a struct whose elements are stored one by one, beside the record.
//!
//! The field itself is an empty marker, and its elements are reached through a typed path: [`Guard::elements`] under the
//! lock of the entry, [`MapStore::elements`] and [`MapView::elements`] without one.
//!
//! | Key of an element | |
//! |---|---|
//! | 4 bytes | the namespace of the field |
//! | 8 bytes | the incarnation of the entry |
//! | the rest | the key of the element, in its last form |
//!
//! An entry gets its incarnation, a number never given out before, with its first element, and keeps it in its record. When
//! the entry goes, the elements stay behind under a number that no entry has any more, so that nobody finds them, and one
//! row, put in the same commit, tells the sweeper of them.
//!
//! [`Guard::elements`]: crate::Guard::elements
//! [`MapStore::elements`]: crate::MapStore::elements
//! [`MapView::elements`]: crate::MapView::elements

mod access;
mod deque;
mod held;
mod hints;
mod map;
mod scan;
mod set;
mod space;
pub(crate) mod sweep;

#[cfg(test)]
mod tests;

use std::fmt;
use std::marker::PhantomData;

use serde::Serialize;
use serde::de::DeserializeOwned;

pub(crate) use self::access::CommittedView;
pub use self::access::{Access, Committed, Elements, Held};
pub(crate) use self::held::HeldElements;
pub use self::scan::ElementScan;
pub(crate) use self::space::{ElementField, ElementSpaces};
use crate::key::{Key, Shape};
use crate::record::{self, RecordError};
use crate::store::{ElementSchema, Map};

/// What the derive and the methods of this crate call.
pub(crate) mod hidden {
    use crate::key::Shape;
    use crate::record::RecordError;

    /// How the elements of a collection are stored. `E` is what an iteration over it yields.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not an element-wise collection",
        label = "not `ElementMap`, `ElementSet` or `ElementDeque` of kvstore",
        note = "a field whose type is called `ElementMap`, `ElementSet` or `ElementDeque` is taken for one of kvstore's: give one of your own an alias of another name, as `type Own<K, V> = my::ElementMap<K, V>`"
    )]
    pub trait CollectionCodec<E> {
        /// What it is, for the catalog.
        const KIND: &'static str;
        /// What the keys of its elements look like.
        const SHAPE: Shape;
        /// Whether it keeps where it begins and ends.
        const HAS_ENDS: bool = false;

        /// Reads an element from its key in last form and its record, with or without what its type does not know.
        ///
        /// # Errors
        /// [`RecordError`] where they are not those of an element.
        fn decode(key: &[u8], record: &[u8], ignores_unknown: bool) -> Result<E, RecordError>;
    }
}

use self::hidden::CollectionCodec;

/// A type of fields whose elements are stored one by one: [`ElementMap`], [`ElementSet`], [`ElementDeque`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an element-wise collection",
    label = "not `ElementMap`, `ElementSet` or `ElementDeque` of kvstore",
    note = "a field whose type is called `ElementMap`, `ElementSet` or `ElementDeque` is taken for one of kvstore's: give one of your own an alias of another name, as `type Own<K, V> = my::ElementMap<K, V>`"
)]
pub trait ElementCollection: CollectionCodec<<Self as ElementCollection>::Element> + 'static {
    /// What an iteration over it yields: `(K, V)` of a map, `K` of a set, `V` of a deque.
    type Element;
}

/// A type whose values can be elements: every type that is `Serialize + DeserializeOwned + Send + 'static`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be an element of a stored collection",
    label = "not `Serialize + DeserializeOwned + Send + 'static`",
    note = "derive `serde::Serialize` and `serde::Deserialize` for every type of your own in it"
)]
pub trait ElementValue: Serialize + DeserializeOwned + Send + 'static {}

#[diagnostic::do_not_recommend]
impl<V: Serialize + DeserializeOwned + Send + 'static> ElementValue for V {}

/// Where an element-wise collection is found in the entries of `T`: the derive makes a constant of it, `Job::ATTEMPTS` for
/// the field `attempts` of a struct `Job`, to be given to [`Guard::elements`](crate::Guard::elements) and its kin.
pub struct ElementPath<T, C> {
    /// The place among the element-wise collections of the struct.
    index: usize,
    types: PhantomData<fn() -> (T, C)>,
}

impl<T, C> ElementPath<T, C> {
    pub(crate) const fn index(self) -> usize {
        self.index
    }
}

/// The path to the collection at this place among those of the struct.
pub const fn element_path<T, C>(index: usize) -> ElementPath<T, C> {
    ElementPath { index, types: PhantomData }
}

/// The schema of a field, which gives the type.
pub const fn element_schema<S, C: ElementCollection>(_field: fn(&S) -> &C, name: &'static str) -> ElementSchema {
    ElementSchema { name, kind: C::KIND, key: C::SHAPE, ignores_unknown: false }
}

impl<T, C> Clone for ElementPath<T, C> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T, C> Copy for ElementPath<T, C> {}

impl<T, C> fmt::Debug for ElementPath<T, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ElementPath").field(&self.index).finish()
    }
}

macro_rules! markers {
    ($($(#[$doc:meta])* $name:ident<$($parameter:ident),+>;)*) => {$(
        $(#[$doc])*
        pub struct $name<$($parameter),+>(PhantomData<fn() -> ($($parameter,)+)>);

        impl<$($parameter),+> $name<$($parameter),+> {
            /// The marker: of no size, and the same for every entry.
            pub const fn new() -> Self {
                Self(PhantomData)
            }
        }

        impl<$($parameter),+> Default for $name<$($parameter),+> {
            fn default() -> Self {
                Self::new()
            }
        }

        impl<$($parameter),+> Clone for $name<$($parameter),+> {
            fn clone(&self) -> Self {
                *self
            }
        }

        impl<$($parameter),+> Copy for $name<$($parameter),+> {}

        impl<$($parameter),+> PartialEq for $name<$($parameter),+> {
            fn eq(&self, _: &Self) -> bool {
                true
            }
        }

        impl<$($parameter),+> Eq for $name<$($parameter),+> {}

        impl<$($parameter),+> fmt::Debug for $name<$($parameter),+> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(stringify!($name))
            }
        }
    )*};
}

markers! {
    /// A map whose elements are stored one by one: a field type for structs with `#[derive(Store)]`.
    ///
    /// A commit that changes one element writes that element, however many there are. The field is an empty marker; it
    /// starts without elements, and they are reached by its path:
    ///
    /// ```
    /// use kvstore::{Database, ElementMap, Store};
    ///
    /// #[derive(Store)]
    /// #[store(key = String)]
    /// struct Job {
    ///     owner: String,
    ///     attempts: ElementMap<u32, String>,
    /// }
    ///
    /// # fn main() -> kvstore::Result<()> {
    /// let jobs = Database::in_memory()?.store::<Job>()?;
    /// let mut job = jobs.create("/a", JobInit { owner: "me".into() })?;
    /// job.elements(Job::ATTEMPTS).insert(1, "started".into())?;
    /// job.commit()?;
    /// assert_eq!(jobs.elements(Job::ATTEMPTS, "/a").get(1)?.as_deref(), Some("started"));
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Keys are any [`Key`](trait@Key), and order the elements; values are any [`ElementValue`].
    /// The number of elements is not stored: `count` counts them. A copy of the struct has no elements.
    ElementMap<K, V>;

    /// A set whose elements are stored one by one: see [`ElementMap`].
    ElementSet<K>;

    /// A sequence that grows and shrinks at both ends, whose elements are stored one by one: see [`ElementMap`]. Taking
    /// from an end stays cheap however much was taken from it before.
    ElementDeque<V>;
}

impl<K: Key, V: ElementValue> CollectionCodec<(K, V)> for ElementMap<K, V> {
    const KIND: &'static str = "map";
    const SHAPE: Shape = K::SHAPE;

    fn decode(key: &[u8], record: &[u8], ignores_unknown: bool) -> Result<(K, V), RecordError> {
        Ok((K::decode_last(key)?, record::decode_element(record, ignores_unknown)?))
    }
}

impl<K: Key, V: ElementValue> ElementCollection for ElementMap<K, V> {
    type Element = (K, V);
}

impl<K: Key> CollectionCodec<K> for ElementSet<K> {
    const KIND: &'static str = "set";
    const SHAPE: Shape = K::SHAPE;

    fn decode(key: &[u8], record: &[u8], _ignores_unknown: bool) -> Result<K, RecordError> {
        if record.is_empty() {
            Ok(K::decode_last(key)?)
        } else {
            Err(RecordError::wrong("an element of a set has a value"))
        }
    }
}

impl<K: Key> ElementCollection for ElementSet<K> {
    type Element = K;
}

impl<V: ElementValue> CollectionCodec<V> for ElementDeque<V> {
    const KIND: &'static str = "deque";
    const SHAPE: Shape = i64::SHAPE;
    const HAS_ENDS: bool = true;

    fn decode(_key: &[u8], record: &[u8], ignores_unknown: bool) -> Result<V, RecordError> {
        record::decode_element(record, ignores_unknown)
    }
}

impl<V: ElementValue> ElementCollection for ElementDeque<V> {
    type Element = V;
}

/// The record of an element, which is that of a bare value.
fn encode_value<V: ElementValue>(value: &V) -> Result<Vec<u8>, RecordError> {
    let mut record = Vec::new();
    record::encode::<u64, V, Map<u64, V>>(value, &mut record)?;
    Ok(record)
}
