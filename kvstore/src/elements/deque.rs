//! What can be done with the elements of an `ElementDeque`.
//!
//! An element's key is its place, an `i64`: places grow towards the back. Where the deque begins and ends is a row of its
//! own, under the prefix alone: without it, finding an end would step over what RocksDB keeps of the elements that were
//! taken from it before, so that a queue would become slower with every element.

use super::access::{Access, Elements, Found, Held, Place};
use super::space::ElementField;
use super::{ElementDeque, ElementValue, encode_value};
use crate::error::{Error, Result};
use crate::key::hidden::{KeyBuf, KeyCodec};
use crate::record::{self, RecordError};

/// The places of a deque: from the first up to, but not including, the end. Without elements there is no row of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Ends {
    first: i64,
    end: i64,
}

impl Ends {
    pub(super) fn decode(record: &[u8]) -> Result<Self, RecordError> {
        match record::decode_element(record, false)? {
            (first, end) if first < end => Ok(Self { first, end }),
            _ => Err(RecordError::wrong("the deque ends before it begins")),
        }
    }

    fn encode(self) -> Result<Vec<u8>, RecordError> {
        encode_value(&(self.first, self.end))
    }

    pub(super) fn len(self) -> u64 {
        self.end.abs_diff(self.first)
    }

    pub(super) fn first_suffix(self) -> [u8; 8] {
        suffix(self.first)
    }

    pub(super) fn end_suffix(self) -> [u8; 8] {
        suffix(self.end)
    }

    /// The place of the element with this number, counted from the front.
    fn place(self, index: u64) -> Option<i64> {
        if index < self.len() { self.first.checked_add_unsigned(index) } else { None }
    }

    /// The place at one end, where there is an element.
    fn at(self, end: End) -> Option<i64> {
        match end {
            End::Front => self.place(0),
            End::Back => self.place(self.len().checked_sub(1)?),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum End {
    Front,
    Back,
}

/// The key of a place, in last form.
fn suffix(place: i64) -> [u8; 8] {
    let mut key = KeyBuf::new();
    place.encode_last(&mut key);
    key.as_slice().try_into().unwrap_or_default()
}

impl<V: ElementValue, A: Access> Elements<ElementDeque<V>, A> {
    /// The element with this number, counted from the front, from 0; `None` where there are not as many.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn get(&self, index: u64) -> Result<Option<V>> {
        self.read(|ends| ends.place(index))
    }

    /// The first element.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn front(&self) -> Result<Option<V>> {
        self.read(|ends| ends.at(End::Front))
    }

    /// The last element.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn back(&self) -> Result<Option<V>> {
        self.read(|ends| ends.at(End::Back))
    }

    fn read(&self, place: impl FnOnce(Ends) -> Option<i64>) -> Result<Option<V>> {
        let (entry, field) = self.place()?;
        let Some(contents) = entry.at_once()? else { return Ok(None) };
        let Some(place) = place(contents.ends(field)?) else { return Ok(None) };
        value_at(entry, field, &contents, place).map(Some)
    }
}

/// The element at a place where there is one.
fn value_at<V: ElementValue>(entry: Place<'_>, field: &ElementField, contents: &Found<'_>, place: i64) -> Result<V> {
    let suffix = suffix(place);
    let value =
        contents.read(&contents.key(field, &suffix), |record| record::decode_element(record, field.ignores_unknown))?;
    let value = value.unwrap_or_else(|| Err(RecordError::wrong("it is missing")));
    value.map_err(|error| entry.decode_error(field, &suffix, error))
}

impl<V: ElementValue> Elements<ElementDeque<V>, Held<'_>> {
    /// Adds an element behind the last.
    ///
    /// # Errors
    /// [`Error::Encode`] where the value does not serialize, [`Error::TooLarge`] where its record is over 1 GiB, and
    /// those of [`Elements`].
    pub fn push_back(&mut self, value: V) -> Result<()> {
        self.push(&value, End::Back)
    }

    /// Adds an element before the first.
    ///
    /// # Errors
    /// As [`push_back`](Self::push_back).
    pub fn push_front(&mut self, value: V) -> Result<()> {
        self.push(&value, End::Front)
    }

    /// Takes the last element off.
    ///
    /// # Errors
    /// See [`Elements`]; then it stays.
    pub fn pop_back(&mut self) -> Result<Option<V>> {
        self.pop(End::Back)
    }

    /// Takes the first element off.
    ///
    /// # Errors
    /// See [`Elements`]; then it stays.
    pub fn pop_front(&mut self) -> Result<Option<V>> {
        self.pop(End::Front)
    }

    /// Replaces the element with this number, counted from the front, from 0, and tells whether there are as many. What
    /// was there is not read.
    ///
    /// # Errors
    /// As [`push_back`](Self::push_back).
    pub fn set(&mut self, index: u64, value: V) -> Result<bool> {
        let (entry, field) = self.place()?;
        let ends = ends(entry, field)?;
        let Some(place) = ends.place(index) else { return Ok(false) };
        let suffix = suffix(place);
        let record = field.encode(&value).map_err(|error| entry.encode_error(field, &suffix, error))?;
        self.put(&suffix, record)?;
        Ok(true)
    }

    fn push(&mut self, value: &V, end: End) -> Result<()> {
        let (entry, field) = self.place()?;
        let Ends { first, end: behind } = ends(entry, field)?;
        // Nobody lives to push as often.
        let used_up = || Error::KeysExhausted { namespace: entry.namespace.name.clone() };
        let (place, grown) = match end {
            End::Back => (behind, Ends { first, end: behind.checked_add(1).ok_or_else(used_up)? }),
            End::Front => {
                let place = first.checked_sub(1).ok_or_else(used_up)?;
                (place, Ends { first: place, end: behind })
            }
        };
        let suffix = suffix(place);
        let encode_error = |error| entry.encode_error(field, &suffix, error);
        let (record, grown) = (field.encode(value).map_err(encode_error)?, grown.encode().map_err(encode_error)?);
        self.put(&suffix, record)?;
        self.put(&[], grown)
    }

    fn pop(&mut self, end: End) -> Result<Option<V>> {
        let (entry, field) = self.place()?;
        let Some(contents) = entry.at_once()? else { return Ok(None) };
        let ends = contents.ends(field)?;
        let Some(place) = ends.at(end) else { return Ok(None) };
        let value = value_at(entry, field, &contents, place)?;
        let left = match end {
            End::Front => Ends { first: ends.first + 1, ..ends },
            End::Back => Ends { end: ends.end - 1, ..ends },
        };
        let (key, ends_key) = (contents.key(field, &suffix(place)), contents.key(field, &[]));
        if left.len() == 0 {
            self.delete(ends_key);
        } else {
            let record = left.encode().map_err(|error| entry.encode_error(field, &[], error))?;
            self.put(&[], record)?;
        }
        self.delete(key);
        Ok(Some(value))
    }
}

fn ends(entry: Place<'_>, field: &ElementField) -> Result<Ends> {
    entry.now()?.map_or_else(|| Ok(Ends::default()), |contents| contents.ends(field))
}
