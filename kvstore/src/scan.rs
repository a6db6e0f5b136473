//! Scans: entries in the order of their keys, as of the moment the scan was made.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;

use crate::engine::Reader;
use crate::error::{Error, Result};
use crate::key::hidden::{KeyBuf, KeyCodec, KeyError};
use crate::key::{Key, KeyArg, KeyPrefix, KeyRange, RangeEnds, Span};
use crate::low_water::FrontSearch;
use crate::namespace::Namespace;
use crate::record;
use crate::rows::Rows;
use crate::store::Store;
use crate::sync::Arc;

/// An iterator over entries, in the order of their keys. Sees what was committed when it was made, and nothing later.
///
/// An entry that can't be read is an `Err` in its place, and the scan goes on behind it. An error of the engine is the
/// scan's last item: a scan is never silently short, so do not end it with `flatten` or `ok`.
#[must_use = "a scan does nothing until it is iterated over"]
pub struct Scan<T: Store> {
    namespace: Arc<Namespace>,
    rows: Rows,
    /// The prefix that bounds must lie in, where this is a prefix scan.
    prefix: Option<KeyBuf>,
    store: PhantomData<fn() -> T>,
}

/// What a scan sees.
pub(crate) enum View {
    /// What is committed when the scan is made.
    Now,
    /// What a snapshot sees.
    Of(Arc<dyn Reader>),
}

impl View {
    fn rows(self, namespace: &Namespace, span: Span) -> Result<Rows> {
        match self {
            Self::Of(view) => Ok(Rows::new(view, span)),
            Self::Now => {
                // Watched while the snapshot is taken, so that it is a gap in the snapshot, too. Nothing follows from what is
                // known at another moment.
                let gap = namespace.marks.known_gap(&span.start);
                let view = namespace.instance.engine.snapshot()?;
                Ok(Rows::new(view, span).with_front(gap.map(FrontSearch::end)))
            }
        }
    }
}

/// A scan that `Iterator::rev` can reverse. None is.
#[diagnostic::on_unimplemented(
    message = "a scan is not reversed by `rev`",
    label = "write `.reversed()`",
    note = "a scan is turned round, and can't be read from both ends: `jobs.iter()?.reversed()`, `jobs.iter()?.reversed().keys()`"
)]
pub trait IsReversedByRev {}

impl<T: Store> Scan<T> {
    fn new(namespace: Arc<Namespace>, rows: Rows, prefix: Option<KeyBuf>) -> Self {
        Self { namespace, rows, prefix, store: PhantomData }
    }

    pub(crate) fn of_all(namespace: Arc<Namespace>, view: View) -> Result<Self> {
        let rows = view.rows(&namespace, namespace.span())?;
        Ok(Self::new(namespace, rows, None))
    }

    pub(crate) fn of_range(namespace: Arc<Namespace>, view: View, range: &impl KeyRange<T::Key>) -> Result<Self> {
        let ends = ends_of_range(&namespace, range)?;
        let (start_excluded, end_included) = (ends.start_is_excluded(), ends.end_is_included());
        let span = ends.into_span().ok_or_else(|| starts_after_end(&namespace))?;
        let rows = view.rows(&namespace, span)?.with_edges(start_excluded, end_included);
        Ok(Self::new(namespace, rows, None))
    }

    pub(crate) fn of_prefix(namespace: Arc<Namespace>, view: View, prefix: &impl KeyPrefix<T::Key>) -> Result<Self> {
        let mut bytes = KeyBuf::in_namespace(namespace.id);
        prefix.encode_prefix(&mut bytes);
        namespace.check_key(&bytes)?;
        let rows = view.rows(&namespace, Span::of_prefix(bytes.clone()))?;
        Ok(Self::new(namespace, rows, Some(bytes)))
    }

    /// Can't be called: see [`reversed`](Self::reversed).
    #[doc(hidden)]
    pub fn rev(self) -> Self
    where
        Self: IsReversedByRev,
    {
        self
    }

    /// Leaves out the keys before `key`.
    ///
    /// # Errors
    /// [`Error::InvalidRange`] where the key lies outside the prefix of a prefix scan or after the scan's end;
    /// [`Error::TooLarge`].
    pub fn starting_at(mut self, key: impl KeyArg<T::Key>) -> Result<Self> {
        let key = self.bound(&key)?;
        self.rows.start_at(key);
        self.narrowed()
    }

    /// Leaves out the keys up to and including `key`: the next page begins after the last key of the one before.
    /// In a [`reversed`](Self::reversed) scan that is [`ending_before`](Self::ending_before).
    ///
    /// ```
    /// # use kvstore::{Database, Result};
    /// # let names = Database::in_memory()?.map::<u64, String>("names")?;
    /// # for key in 0..5 { names.put(key, "Ada".into())?; }
    /// let mut last = None;
    /// let mut pages = Vec::new();
    /// loop {
    ///     let rest = match last {
    ///         None => names.iter()?,
    ///         Some(last) => names.iter()?.starting_after(last)?,
    ///     };
    ///     let page = rest.keys().take(2).collect::<Result<Vec<u64>>>()?;
    ///     let Some(&key) = page.last() else { break };
    ///     last = Some(key);
    ///     pages.push(page);
    /// }
    /// assert_eq!(pages, [vec![0, 1], vec![2, 3], vec![4]]);
    /// # Ok::<(), kvstore::Error>(())
    /// ```
    ///
    /// # Errors
    /// As [`starting_at`](Self::starting_at).
    pub fn starting_after(mut self, key: impl KeyArg<T::Key>) -> Result<Self> {
        let key = self.bound(&key)?;
        self.rows.start_after(key);
        self.narrowed()
    }

    /// Leaves out `key` and the keys behind it.
    ///
    /// # Errors
    /// As [`starting_at`](Self::starting_at), with the end before the scan's start.
    pub fn ending_before(mut self, key: impl KeyArg<T::Key>) -> Result<Self> {
        let key = self.bound(&key)?;
        self.rows.end_before(key);
        self.narrowed()
    }

    /// Runs in the opposite order, over the same entries: the bounds keep their meaning.
    pub fn reversed(mut self) -> Self {
        self.rows.reverse();
        self
    }

    /// The keys alone, without decoding values.
    pub fn keys(mut self) -> Keys<T> {
        self.rows.keys_only();
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

    fn narrowed(self) -> Result<Self> {
        if self.rows.start_behind_end() { Err(starts_after_end(&self.namespace)) } else { Ok(self) }
    }
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
        match self.rows.advance() {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Err(error)),
        }
        let (key, record) = self.rows.row();
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

impl<T: Store> Keys<T> {
    /// Can't be called: see [`Scan::reversed`].
    #[doc(hidden)]
    pub fn rev(self) -> Self
    where
        Self: IsReversedByRev,
    {
        self
    }
}

impl<T: Store> Iterator for Keys<T> {
    type Item = Result<T::Key>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.scan.rows.advance() {
            Ok(true) => Some(decode_key::<T>(&self.scan.namespace, self.scan.rows.row().0)),
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
    let ends = RangeEnds::encode(KeyBuf::in_namespace(namespace.id), range);
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
