//! What can be done with the elements of an `ElementMap`.

use super::access::{Access, Committed, Elements, Held};
use super::scan::{ElementScan, Merged};
use super::{ElementMap, ElementValue};
use crate::error::Result;
use crate::key::{Key, KeyArg, KeyRange};
use crate::record;

impl<K: Key, V: ElementValue, A: Access> Elements<ElementMap<K, V>, A> {
    /// The value of an element; `None` where there is none.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn get(&self, key: impl KeyArg<K>) -> Result<Option<V>> {
        let (place, field) = self.place()?;
        let suffix = place.suffix(&key)?;
        let Some(contents) = place.now()? else { return Ok(None) };
        let value = contents.read(&contents.key(field, suffix.as_slice()), |record| {
            record::decode_element(record, field.ignores_unknown)
        })?;
        value.transpose().map_err(|error| place.decode_error(field, suffix.as_slice(), error))
    }

    /// Whether there is an element.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn contains(&self, key: impl KeyArg<K>) -> Result<bool> {
        let (place, field) = self.place()?;
        place.contains(field, &key)
    }

    /// The element with the smallest key.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn first(&self) -> Result<Option<(K, V)>> {
        self.end(false)
    }

    /// The element with the greatest key.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn last(&self) -> Result<Option<(K, V)>> {
        self.end(true)
    }
}

impl<K: Key, V: ElementValue> Elements<ElementMap<K, V>, Held<'_>> {
    /// Inserts an element, or replaces it. What was there is not read.
    ///
    /// # Errors
    /// [`Error::Encode`](crate::Error::Encode) where the value does not serialize, or the conversion of `#[key(as = "..")]`
    /// does not read the key back,
    /// [`Error::TooLarge`](crate::Error::TooLarge) where its record is over 1 GiB, and those of [`Elements`].
    pub fn insert(&mut self, key: impl KeyArg<K>, value: V) -> Result<()> {
        let (place, field) = self.place()?;
        let suffix = place.suffix_to_put::<K>(field, &key)?;
        let record = field.encode(&value).map_err(|error| place.encode_error(field, suffix.as_slice(), error))?;
        self.put(suffix.as_slice(), record)
    }

    /// Removes an element, and tells whether it was there. What was there is not decoded.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn remove(&mut self, key: impl KeyArg<K>) -> Result<bool> {
        self.remove_key(&key)
    }

    /// The elements within a range, in the order of their keys.
    ///
    /// # Errors
    /// [`Error::InvalidRange`](crate::Error::InvalidRange) where the range starts after its end.
    pub fn range(&self, range: impl KeyRange<K>) -> Result<ElementScan<'_, ElementMap<K, V>>> {
        let place = self.access.place();
        Ok(ElementScan::new(place, self.index, self.span(&range)?.map(|(contents, span)| contents.merged(span))))
    }
}

impl<K: Key, V: ElementValue> Elements<ElementMap<K, V>, Committed<'_>> {
    /// The elements within a range, in the order of their keys, as of now, or of the snapshot.
    ///
    /// # Errors
    /// [`Error::InvalidRange`](crate::Error::InvalidRange) where the range starts after its end.
    pub fn range(&self, range: impl KeyRange<K>) -> Result<ElementScan<'static, ElementMap<K, V>>> {
        let (place, rows) = (self.access.place(), self.span(&range)?);
        let rows = rows.map(|(contents, span)| Merged::of_rows(contents.rows(span)));
        Ok(ElementScan::new(place, self.index, rows))
    }
}
