//! What can be done with the elements of an `ElementSet`.

use super::ElementSet;
use super::access::{Access, Committed, Elements, Held};
use super::scan::{ElementScan, Merged};
use crate::error::Result;
use crate::key::{Key, KeyArg, KeyRange};

impl<K: Key, A: Access> Elements<ElementSet<K>, A> {
    /// Whether there is an element.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn contains(&self, key: impl KeyArg<K>) -> Result<bool> {
        let (place, field) = self.place()?;
        place.contains(field, &key)
    }

    /// The smallest element.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn first(&self) -> Result<Option<K>> {
        self.end(false)
    }

    /// The greatest element.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn last(&self) -> Result<Option<K>> {
        self.end(true)
    }
}

impl<K: Key> Elements<ElementSet<K>, Held<'_>> {
    /// Inserts an element. Whether it was there is not read.
    ///
    /// # Errors
    /// [`Error::Encode`](crate::Error::Encode) if the conversion of `#[key(as = "..")]` does not read the key back, and
    /// those of [`Elements`].
    pub fn insert(&mut self, key: impl KeyArg<K>) -> Result<()> {
        let (place, field) = self.place()?;
        let suffix = place.suffix_to_put::<K>(field, &key)?;
        self.put(suffix.as_slice(), Vec::new())
    }

    /// Removes an element, and tells whether it was there.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn remove(&mut self, key: impl KeyArg<K>) -> Result<bool> {
        self.remove_key(&key)
    }

    /// The elements within a range, in order.
    ///
    /// # Errors
    /// [`Error::InvalidRange`](crate::Error::InvalidRange) where the range starts after its end.
    pub fn range(&self, range: impl KeyRange<K>) -> Result<ElementScan<'_, ElementSet<K>>> {
        let place = self.access.place();
        Ok(ElementScan::new(place, self.index, self.span(&range)?.map(|(contents, span)| contents.merged(span))))
    }
}

impl<K: Key> Elements<ElementSet<K>, Committed<'_>> {
    /// The elements within a range, in order, as of now, or of the snapshot.
    ///
    /// # Errors
    /// [`Error::InvalidRange`](crate::Error::InvalidRange) where the range starts after its end.
    pub fn range(&self, range: impl KeyRange<K>) -> Result<ElementScan<'static, ElementSet<K>>> {
        let (place, rows) = (self.access.place(), self.span(&range)?);
        let rows = rows.map(|(contents, span)| Merged::of_rows(contents.rows(span)));
        Ok(ElementScan::new(place, self.index, rows))
    }
}
