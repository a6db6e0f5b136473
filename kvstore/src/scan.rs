//! Scans: entries in the order of their keys, as of the moment the scan was made.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::sync::Arc;

use crate::engine::{Page, Reader};
use crate::error::{Error, Result};
use crate::key::hidden::{KeyBuf, KeyCodec, KeyError};
use crate::key::{Key, KeyArg, KeyPrefix, KeyRange, RangeEnds, Span};
use crate::namespace::Namespace;
use crate::record;
use crate::store::Store;

/// Rows of the first page, and of the largest: a scan that ends soon reads little, a long one reads in large pieces.
const FIRST_PAGE: usize = 16;
const LARGEST_PAGE: usize = 1024;

/// An iterator over entries, in the order of their keys. Sees what was committed when it was made, and nothing later.
///
/// An entry that can't be read is an `Err` in its place, and the scan goes on behind it. An error of the engine is the
/// scan's last item: a scan is never silently short, so do not end it with `flatten` or `ok`.
#[must_use = "a scan does nothing until it is iterated over"]
pub struct Scan<T: Store> {
    namespace: Arc<Namespace>,
    view: Arc<dyn Reader>,
    /// What is left behind the page.
    rest: Span,
    /// Whether the start of `rest` is an excluded key, and its end an included one: each has a zero byte behind it then.
    start_excluded: bool,
    end_included: bool,
    /// The prefix that bounds must lie in, where this is a prefix scan.
    prefix: Option<KeyBuf>,
    page: Page,
    /// The row of the page that comes next.
    next: usize,
    page_rows: usize,
    /// Whether nothing is left behind the page.
    ended: bool,
    store: PhantomData<fn() -> T>,
}

impl<T: Store> Scan<T> {
    fn new(namespace: Arc<Namespace>, view: Arc<dyn Reader>, rest: Span, prefix: Option<KeyBuf>) -> Self {
        let ended = rest.is_empty();
        Self {
            namespace,
            view,
            rest,
            start_excluded: false,
            end_included: false,
            prefix,
            page: Page::new(),
            next: 0,
            page_rows: FIRST_PAGE,
            ended,
            store: PhantomData,
        }
    }

    pub(crate) fn of_all(namespace: Arc<Namespace>, view: Arc<dyn Reader>) -> Self {
        let span = namespace.span();
        Self::new(namespace, view, span, None)
    }

    pub(crate) fn of_range(
        namespace: Arc<Namespace>,
        view: Arc<dyn Reader>,
        range: &impl KeyRange<T::Key>,
    ) -> Result<Self> {
        let ends = ends_of_range(&namespace, range)?;
        let (start_excluded, end_included) = (ends.start_is_excluded(), ends.end_is_included());
        let span = ends.into_span().ok_or_else(|| starts_after_end(&namespace))?;
        Ok(Self { start_excluded, end_included, ..Self::new(namespace, view, span, None) })
    }

    pub(crate) fn of_prefix(
        namespace: Arc<Namespace>,
        view: Arc<dyn Reader>,
        prefix: &impl KeyPrefix<T::Key>,
    ) -> Result<Self> {
        let mut bytes = KeyBuf::in_namespace(namespace.id);
        prefix.encode_prefix(&mut bytes);
        namespace.check_key(&bytes)?;
        Ok(Self::new(namespace, view, Span::of_prefix(bytes.clone()), Some(bytes)))
    }

    /// Leaves out the keys before `key`.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] where the key lies outside the prefix of a prefix scan or after the scan's end;
    /// [`Error::TooLarge`].
    pub fn starting_at(mut self, key: impl KeyArg<T::Key>) -> Result<Self> {
        let key = self.bound(&key)?;
        self.rewind();
        if key >= self.rest.start {
            self.rest.start = key;
            self.start_excluded = false;
        }
        self.narrowed()
    }

    /// Leaves out `key` and the keys behind it.
    ///
    /// # Errors
    /// As [`starting_at`](Self::starting_at), with the end before the scan's start.
    pub fn ending_before(mut self, key: impl KeyArg<T::Key>) -> Result<Self> {
        let key = self.bound(&key)?;
        self.rewind();
        if key < self.rest.end {
            self.rest.end = key;
            self.end_included = false;
        }
        self.narrowed()
    }

    /// Runs in the opposite order, over the same entries: the bounds keep their meaning.
    pub fn reversed(mut self) -> Self {
        self.rewind();
        self.page.reversed = !self.page.reversed;
        self
    }

    /// The keys alone, without decoding values.
    pub fn keys(mut self) -> Keys<T> {
        self.rewind();
        self.page.keys_only = true;
        Keys { scan: self }
    }

    fn bound(&self, key: &impl KeyArg<T::Key>) -> Result<KeyBuf> {
        let key = self.namespace.key(key)?;
        match &self.prefix {
            Some(prefix) if !key.as_slice().starts_with(prefix.as_slice()) => {
                let reason = format!("the bound {} lies outside the prefix", self.namespace.render(&key));
                Err(Error::InvalidRange { namespace: self.namespace.name.clone(), reason })
            }
            _ => Ok(key),
        }
    }

    fn narrowed(mut self) -> Result<Self> {
        // Equal keys are no mistake, included or not: the rest is empty then, or one entry.
        if key_of_end(&self.rest.start, self.start_excluded) > key_of_end(&self.rest.end, self.end_included) {
            return Err(starts_after_end(&self.namespace));
        }
        self.ended = self.rest.is_empty();
        Ok(self)
    }

    /// Gives up what is read ahead, so that `rest` is all that has not been returned.
    fn rewind(&mut self) {
        if let Some((key, _)) = self.next.checked_sub(1).and_then(|last| self.page.row(last)) {
            let key = KeyBuf::from_bytes(key);
            self.shrink_rest(key);
            self.ended = self.rest.is_empty();
        }
        self.page.clear(1);
        self.next = 0;
    }

    /// Cuts off what lies up to and including the last key returned.
    fn shrink_rest(&mut self, last: KeyBuf) {
        if self.page.reversed {
            self.rest.end = last;
            self.end_included = false;
        } else {
            self.rest.start = last;
            self.rest.start.push(0);
            self.start_excluded = true;
        }
    }

    /// Moves to the next row, reading another page where need be; `false` at the end.
    fn advance(&mut self) -> Result<bool> {
        if self.next >= self.page.len() {
            if self.ended {
                return Ok(false);
            }
            self.page.clear(self.page_rows);
            self.page_rows = (self.page_rows * 4).min(LARGEST_PAGE);
            self.next = 0;
            if let Err(error) = self.view.page(&self.rest, &mut self.page) {
                self.page.clear(1);
                self.ended = true;
                return Err(error);
            }
            match self.page.len().checked_sub(1).and_then(|last| self.page.row(last)) {
                Some((last, _)) if self.page.more => {
                    let last = KeyBuf::from_bytes(last);
                    self.shrink_rest(last);
                }
                Some(_) => self.ended = true,
                None => {
                    self.ended = true;
                    return Ok(false);
                }
            }
        }
        self.next += 1;
        Ok(true)
    }

    /// The row that `advance` moved to: its database key, and its record.
    fn row(&self) -> (&[u8], &[u8]) {
        self.next.checked_sub(1).and_then(|index| self.page.row(index)).unwrap_or_default()
    }
}

/// The key at an end of a span, without the zero byte that excludes or includes it.
fn key_of_end(end: &KeyBuf, has_zero: bool) -> &[u8] {
    let bytes = end.as_slice();
    if has_zero { bytes.strip_suffix(&[0]).unwrap_or(bytes) } else { bytes }
}

/// The key of a row, from its database key.
pub(crate) fn decode_key<T: Store>(namespace: &Namespace, key: &[u8]) -> Result<T::Key> {
    let last_form = key.get(4..).unwrap_or_default();
    T::Key::decode_last(last_form).map_err(|error| invalid_key(namespace, &KeyBuf::from_bytes(key), &error))
}

/// Decodes the key and the record of a row.
pub(crate) fn decode_row<T: Store>(namespace: &Namespace, key: &[u8], record: &[u8]) -> Result<(T::Key, T::Value)> {
    let last_form = key.get(4..).unwrap_or_default();
    let value = record::decode::<T::Key, T::Value, T>(last_form, record)
        .map_err(|error| namespace.decode_error(&KeyBuf::from_bytes(key), error))?;
    Ok((decode_key::<T>(namespace, key)?, value))
}

impl<T: Store> Iterator for Scan<T> {
    type Item = Result<(T::Key, T::Value)>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.advance() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let (key, record) = self.row();
        Some(decode_row::<T>(&self.namespace, key, record))
    }
}

impl<T: Store> FusedIterator for Scan<T> {}

impl<T: Store> fmt::Debug for Scan<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan").field("namespace", &self.namespace.name).finish_non_exhaustive()
    }
}

/// An iterator over keys alone. From [`Scan::keys`].
#[must_use = "a scan does nothing until it is iterated over"]
pub struct Keys<T: Store> {
    scan: Scan<T>,
}

impl<T: Store> Iterator for Keys<T> {
    type Item = Result<T::Key>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.scan.advance() {
            Ok(true) => Some(decode_key::<T>(&self.scan.namespace, self.scan.row().0)),
            Ok(false) => None,
            Err(error) => Some(Err(error)),
        }
    }
}

impl<T: Store> FusedIterator for Keys<T> {}

impl<T: Store> fmt::Debug for Keys<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("namespace", &self.scan.namespace.name).finish_non_exhaustive()
    }
}

/// The keys of a range.
pub(crate) fn span_of_range<K: Key>(namespace: &Namespace, range: &impl KeyRange<K>) -> Result<Span> {
    ends_of_range(namespace, range)?.into_span().ok_or_else(|| starts_after_end(namespace))
}

fn ends_of_range<K: Key>(namespace: &Namespace, range: &impl KeyRange<K>) -> Result<RangeEnds> {
    let ends = RangeEnds::encode(namespace.id, range);
    namespace.check_key(&ends.start)?;
    namespace.check_key(&ends.end)?;
    Ok(ends)
}

fn invalid_key(namespace: &Namespace, key: &KeyBuf, error: &KeyError) -> Error {
    let bytes = crate::key::bytes_as_text(key.key());
    Error::InvalidKey { namespace: namespace.name.clone(), key: bytes, reason: error.to_string() }
}

fn starts_after_end(namespace: &Namespace) -> Error {
    Error::InvalidRange { namespace: namespace.name.clone(), reason: "it starts after its end".to_owned() }
}
