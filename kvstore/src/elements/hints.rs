//! What is said to a program that takes an element-wise collection for a collection.
//!
//! The methods are there to be found, and can't be called: no type meets their bound, and its message names the right call.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{ElementDeque, ElementMap, ElementSet};

/// A collection that holds its elements itself. None does.
#[diagnostic::on_unimplemented(
    message = "a field of type `{Self}` holds no elements: they are stored one by one, and reached through its path",
    label = "not a collection",
    note = "the path is a constant named for the field: for a field `visits` of `Page` write `page.elements(Page::VISITS)` under the lock of an entry, `pages.elements(Page::VISITS, key)` without"
)]
pub trait HoldsElements {}

/// Gives an element-wise collection `C` serde impls, for other uses than records. Nothing does. A bound on `()`, since the
/// compiler would show serde's trait in place of one on the collection.
#[diagnostic::on_unimplemented(
    message = "serde can't write or read a field of type `{C}`: it holds no elements, which are stored one by one",
    label = "leave the field out of the serde derive",
    note = "write `#[serde(skip)]` on the field: `#[derive(Store)]` needs no serde derive on the struct, and takes no notice of its attributes"
)]
pub trait SerdeOf<C> {}

/// Is not called, since its callers can't be.
#[expect(clippy::empty_loop, reason = "it does not run")]
fn never<R>() -> R {
    loop {}
}

// Without a macro, since errors would speak of it, and on one line each, since they are all the same.
#[doc(hidden)]
#[rustfmt::skip]
#[allow(missing_docs, clippy::iter_not_returning_iterator, clippy::unused_self)]
impl<K, V> ElementMap<K, V> {
    pub fn insert<A, R>(&self, _: A, _: V) -> R where Self: HoldsElements { never() }
    pub fn entry<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn extend<I, R>(&self, _: I) -> R where Self: HoldsElements { never() }
    pub fn get<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn get_mut<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn remove<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn contains<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn contains_key<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn len<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn is_empty<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn iter<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn iter_mut<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn keys<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn values<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn clear<R>(&self) -> R where Self: HoldsElements { never() }
}

#[doc(hidden)]
#[rustfmt::skip]
#[allow(missing_docs, clippy::iter_not_returning_iterator, clippy::unused_self)]
impl<K> ElementSet<K> {
    pub fn insert<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn extend<I, R>(&self, _: I) -> R where Self: HoldsElements { never() }
    pub fn remove<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn contains<A, R>(&self, _: A) -> R where Self: HoldsElements { never() }
    pub fn len<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn is_empty<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn iter<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn clear<R>(&self) -> R where Self: HoldsElements { never() }
}

#[doc(hidden)]
#[rustfmt::skip]
#[allow(missing_docs, clippy::iter_not_returning_iterator, clippy::unused_self)]
impl<V> ElementDeque<V> {
    pub fn push_back<R>(&self, _: V) -> R where Self: HoldsElements { never() }
    pub fn push_front<R>(&self, _: V) -> R where Self: HoldsElements { never() }
    pub fn extend<I, R>(&self, _: I) -> R where Self: HoldsElements { never() }
    pub fn pop_back<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn pop_front<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn front<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn back<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn get<R>(&self, _: usize) -> R where Self: HoldsElements { never() }
    pub fn len<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn is_empty<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn iter<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn iter_mut<R>(&self) -> R where Self: HoldsElements { never() }
    pub fn clear<R>(&self) -> R where Self: HoldsElements { never() }
}

#[doc(hidden)]
impl<K, V> Serialize for ElementMap<K, V>
where
    (): SerdeOf<Self>,
{
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        never()
    }
}

#[doc(hidden)]
impl<'de, K, V> Deserialize<'de> for ElementMap<K, V>
where
    (): SerdeOf<Self>,
{
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        never()
    }
}

#[doc(hidden)]
impl<K> Serialize for ElementSet<K>
where
    (): SerdeOf<Self>,
{
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        never()
    }
}

#[doc(hidden)]
impl<'de, K> Deserialize<'de> for ElementSet<K>
where
    (): SerdeOf<Self>,
{
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        never()
    }
}

#[doc(hidden)]
impl<V> Serialize for ElementDeque<V>
where
    (): SerdeOf<Self>,
{
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        never()
    }
}

#[doc(hidden)]
impl<'de, V> Deserialize<'de> for ElementDeque<V>
where
    (): SerdeOf<Self>,
{
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        never()
    }
}
