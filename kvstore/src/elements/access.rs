//! How an element-wise collection of one entry is reached: by the guard of the entry, or without a lock.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use super::ElementCollection;
use super::deque::Ends;
use super::held::{Change, HeldElements};
use super::scan::{ElementScan, Merged};
use super::space::{ElementField, PREFIX_BYTES};
use crate::engine::Reader;
use crate::error::{Error, Result};
use crate::guard::Entry;
use crate::key::hidden::{KeyArgCodec, KeyBuf};
use crate::key::{Key, KeyRange, MAX_KEY_BYTES, RangeEnds, Span, read_back};
use crate::namespace::Namespace;
use crate::record::RecordError;
use crate::rows::Rows;
use crate::sync::Arc;

/// The elements of one entry in one element-wise collection `C`.
///
/// From [`Guard::elements`](crate::Guard::elements), with the access [`Held`]: reads see what was changed through the same
/// guard, and changes are written by its commit. From [`MapStore::elements`](crate::MapStore::elements) and
/// [`MapView::elements`](crate::MapView::elements), with the access [`Committed`]: reads alone, of what is committed. An
/// entry that does not exist has no elements.
///
/// # Errors
/// Every method can fail with [`Error::TooLarge`] for a key over 64 KiB, of the entry or of an element, [`Error::Engine`]
/// and [`Error::Closed`]; what decodes an element with [`Error::Decode`] and [`Error::Unsupported`]; without a lock also
/// with [`Error::ForeignSnapshot`]. They name the entry, and within their reason the collection and the element.
#[must_use = "nothing is read or changed until a method is called"]
pub struct Elements<C, A> {
    pub(super) access: A,
    /// The place of the collection among those of the struct.
    pub(super) index: usize,
    collection: PhantomData<fn() -> C>,
}

/// How [`Elements`] are reached: [`Held`] or [`Committed`].
pub trait Access {
    /// The entry, and where it is read.
    #[doc(hidden)]
    fn place(&self) -> Place<'_>;
}

/// By the guard of the entry.
pub struct Held<'g> {
    pub(super) entry: &'g mut Entry,
}

/// Without a lock: as committed last, or as a snapshot saw it.
pub struct Committed<'s> {
    namespace: &'s Arc<Namespace>,
    owner: KeyBuf,
    view: CommittedView<'s>,
}

/// What a reader without a lock looks at.
#[derive(Clone, Copy)]
pub(crate) enum CommittedView<'s> {
    Now,
    Snapshot(&'s Arc<dyn Reader>),
    /// A snapshot of another database: a mistake, which reads report.
    Foreign,
}

impl<'g> Held<'g> {
    pub(crate) fn new(entry: &'g mut Entry) -> Self {
        Self { entry }
    }
}

impl<'s> Committed<'s> {
    pub(crate) fn new(namespace: &'s Arc<Namespace>, owner: KeyBuf, view: CommittedView<'s>) -> Self {
        Self { namespace, owner, view }
    }
}

impl Access for Held<'_> {
    fn place(&self) -> Place<'_> {
        let view = View::Held(self.entry.elements());
        Place { namespace: self.entry.shared_namespace(), owner: self.entry.key(), view }
    }
}

impl Access for Committed<'_> {
    fn place(&self) -> Place<'_> {
        Place { namespace: self.namespace, owner: &self.owner, view: View::Committed(self.view) }
    }
}

impl<C, A> Elements<C, A> {
    pub(crate) fn new(access: A, index: usize) -> Self {
        Self { access, index, collection: PhantomData }
    }
}

impl<C: ElementCollection, A: Access> Elements<C, A> {
    /// How many elements there are. They are counted one by one, since their number is not stored; only a deque knows it.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn count(&self) -> Result<u64> {
        let (place, field) = self.place()?;
        let Some(contents) = place.at_once()? else { return Ok(0) };
        if C::HAS_ENDS {
            return Ok(contents.ends(field)?.len());
        }
        let (mut rows, mut count) = (contents.merged(contents.span(field)), 0);
        rows.keys_only();
        while rows.advance()? {
            count += 1;
        }
        Ok(count)
    }

    /// Whether there are no elements.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn is_empty(&self) -> Result<bool> {
        let (place, field) = self.place()?;
        let Some(contents) = place.at_once()? else { return Ok(true) };
        if C::HAS_ENDS {
            return Ok(contents.ends(field)?.len() == 0);
        }
        let mut rows = contents.merged(contents.span(field));
        rows.keys_only();
        Ok(!rows.advance()?)
    }

    pub(super) fn place(&self) -> Result<(Place<'_>, &ElementField)> {
        let place = self.access.place();
        Ok((place, place.namespace.elements.field(self.index)?))
    }
}

impl<C: ElementCollection, A: Access> Elements<C, A> {
    /// The first element, or the last.
    pub(super) fn end(&self, last: bool) -> Result<Option<C::Element>> {
        let (place, field) = self.place()?;
        let Some(contents) = place.at_once()? else { return Ok(None) };
        let mut rows = contents.merged(contents.span(field));
        if last {
            rows.reverse();
        }
        ElementScan::<C>::new(place, self.index, Some(rows)).next().transpose()
    }

    /// The keys within a range, and where to find them; `None` where the entry has no elements.
    pub(super) fn span<K: Key>(&self, range: &impl KeyRange<K>) -> Result<Option<(Found<'_>, Span)>> {
        let (place, field) = self.place()?;
        let contents = place.at_once()?;
        // A wrong range is wrong for an entry without elements, too.
        let span = place.range(field, contents.as_ref().map_or(0, |contents| contents.incarnation), range)?;
        Ok(contents.map(|contents| (contents, span)))
    }
}

impl<C: ElementCollection> Elements<C, Held<'_>> {
    /// All elements, in order.
    ///
    /// # Errors
    /// See [`Elements`].
    #[expect(clippy::iter_not_returning_iterator, reason = "making the scan can fail")]
    pub fn iter(&self) -> Result<ElementScan<'_, C>> {
        let (place, field) = self.place()?;
        let Some(contents) = place.at_once()? else { return Ok(place.empty_scan(self.index)) };
        let merged = contents.merged(contents.whole::<C>(field)?);
        Ok(ElementScan::new(place, self.index, Some(merged)))
    }

    /// Removes all elements.
    ///
    /// # Errors
    /// See [`Elements`].
    pub fn clear(&mut self) -> Result<()> {
        /// More elements than these are deleted as a span. Spans that are deleted make reads near them slower, so that
        /// few elements are better deleted one by one.
        const ONE_BY_ONE: usize = 1024;
        let (place, field) = self.place()?;
        let Some(contents) = place.at_once()? else { return Ok(()) };
        let span = contents.span(field);
        let mut rows = contents.merged(span.clone());
        rows.keys_only();
        let mut keys = Vec::new();
        while keys.len() <= ONE_BY_ONE && rows.advance()? {
            keys.push(KeyBuf::from_bytes(rows.row().0));
        }
        if let Some(held) = self.access.entry.elements_mut() {
            if keys.len() > ONE_BY_ONE {
                held.clear(span);
            } else {
                for key in keys {
                    held.delete(key);
                }
            }
        }
        Ok(())
    }

    /// Puts an element, which gives the entry an incarnation where it has none.
    pub(super) fn put(&mut self, suffix: &[u8], record: Vec<u8>) -> Result<()> {
        let held = self.access.entry.elements_or_new()?;
        let incarnation = held.incarnation();
        let mut key = self.access.entry.namespace().elements.field(self.index)?.prefix(incarnation);
        key.extend(suffix);
        if let Some(held) = self.access.entry.elements_mut() {
            held.put(key, record);
        }
        Ok(())
    }

    /// Deletes an element, and tells whether it was there.
    pub(super) fn remove_key<K>(&mut self, key: &impl KeyArgCodec<K>) -> Result<bool> {
        let (place, field) = self.place()?;
        let suffix = place.suffix(key)?;
        let Some(contents) = place.now()? else { return Ok(false) };
        let key = contents.key(field, suffix.as_slice());
        if contents.read(&key, |_| ())?.is_none() {
            return Ok(false);
        }
        self.delete(key);
        Ok(true)
    }

    /// Deletes an element, or nothing where there is none.
    pub(super) fn delete(&mut self, key: KeyBuf) {
        if let Some(held) = self.access.entry.elements_mut() {
            held.delete(key);
        }
    }
}

impl<C: ElementCollection> Elements<C, Committed<'_>> {
    /// All elements, in order, as of now, or of the snapshot.
    ///
    /// # Errors
    /// See [`Elements`].
    #[expect(clippy::iter_not_returning_iterator, reason = "making the scan can fail")]
    pub fn iter(&self) -> Result<ElementScan<'static, C>> {
        let (place, field) = self.place()?;
        let Some(contents) = place.at_once()? else { return Ok(place.empty_scan(self.index)) };
        let rows = contents.rows(contents.whole::<C>(field)?);
        Ok(ElementScan::new(place, self.index, Some(Merged::of_rows(rows))))
    }
}

impl<C, A: Access> fmt::Debug for Elements<C, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = self.access.place();
        let field = place.namespace.elements.field(self.index).map_or("", |field| field.name);
        f.debug_struct("Elements")
            .field("namespace", &place.namespace.name)
            .field("key", &format_args!("{}", place.namespace.render(place.owner)))
            .field("field", &field)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Held<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held").finish_non_exhaustive()
    }
}

impl fmt::Debug for Committed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Committed").finish_non_exhaustive()
    }
}

/// An entry whose elements are read.
#[derive(Clone, Copy)]
pub struct Place<'a> {
    pub(super) namespace: &'a Arc<Namespace>,
    pub(super) owner: &'a KeyBuf,
    view: View<'a>,
}

#[derive(Clone, Copy)]
enum View<'a> {
    Held(Option<&'a HeldElements>),
    Committed(CommittedView<'a>),
}

/// Elements for several reads.
pub(super) type Found<'a> = Contents<'a, Arc<dyn Reader>>;

/// The elements of an entry that has an incarnation, as a reader `R` sees them.
pub(super) struct Contents<'a, R> {
    place: Place<'a>,
    incarnation: u64,
    held: Option<&'a HeldElements>,
    reader: R,
}

impl fmt::Debug for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Place").field("namespace", self.namespace).finish_non_exhaustive()
    }
}

impl<'a> Place<'a> {
    /// For one read; `None` where the entry has no elements.
    ///
    /// Without a lock, the record of the entry is read before the element, and the entry may be removed in between. What
    /// is found then is the element as it was when the entry went, and what is not found was gone with it.
    pub(super) fn now(self) -> Result<Option<Contents<'a, &'a (dyn Reader + 'static)>>> {
        let engine = &*self.namespace.instance.engine;
        engine.check_process()?;
        let engine: &dyn Reader = engine;
        match self.view {
            View::Held(held) => Ok(held.map(|held| self.held(held, engine))),
            View::Committed(CommittedView::Now) => self.committed(engine),
            View::Committed(CommittedView::Snapshot(view)) => self.committed(&**view),
            View::Committed(CommittedView::Foreign) => Err(self.foreign()),
        }
    }

    /// For several reads, which see the same moment.
    pub(super) fn at_once(self) -> Result<Option<Contents<'a, Arc<dyn Reader>>>> {
        let engine = &self.namespace.instance.engine;
        match self.view {
            // Nobody else changes the elements of a locked entry.
            View::Held(held) => Ok(held.map(|held| self.held::<Arc<dyn Reader>>(held, Arc::clone(engine) as _))),
            View::Committed(CommittedView::Now) => self.committed(engine.snapshot()?),
            View::Committed(CommittedView::Snapshot(view)) => self.committed(Arc::clone(view)),
            View::Committed(CommittedView::Foreign) => Err(self.foreign()),
        }
    }

    fn held<R>(self, held: &'a HeldElements, reader: R) -> Contents<'a, R> {
        Contents { place: self, incarnation: held.incarnation(), held: Some(held), reader }
    }

    fn committed<R: Deref<Target = dyn Reader>>(self, reader: R) -> Result<Option<Contents<'a, R>>> {
        self.namespace.check_key(self.owner)?;
        let mut incarnation = None;
        self.namespace.read_incarnation(self.owner, &*reader, &mut incarnation)?;
        Ok(incarnation.map(|incarnation| Contents { place: self, incarnation, held: None, reader }))
    }

    fn foreign(&self) -> Error {
        Error::ForeignSnapshot { namespace: self.namespace.name.clone() }
    }

    pub(super) fn empty_scan<'s, C>(&self, index: usize) -> ElementScan<'s, C> {
        ElementScan::new(*self, index, None)
    }

    /// The bytes of an element's key, in last form.
    pub(super) fn suffix<K>(&self, key: &impl KeyArgCodec<K>) -> Result<KeyBuf> {
        let mut suffix = KeyBuf::new();
        key.encode_arg_last(&mut suffix);
        self.check_size(suffix.as_slice())?;
        Ok(suffix)
    }

    /// As [`suffix`](Self::suffix), of an element that is to be put: a key that can't be read back is refused.
    pub(super) fn suffix_to_put<K: Key>(&self, field: &ElementField, key: &impl KeyArgCodec<K>) -> Result<KeyBuf> {
        let suffix = self.suffix(key)?;
        match read_back::<K>(suffix.as_slice()) {
            Ok(()) => Ok(suffix),
            Err(error) => Err(self.encode_error(field, suffix.as_slice(), error.into())),
        }
    }

    pub(super) fn contains<K>(self, field: &ElementField, key: &impl KeyArgCodec<K>) -> Result<bool> {
        let suffix = self.suffix(key)?;
        let Some(contents) = self.now()? else { return Ok(false) };
        Ok(contents.read(&contents.key(field, suffix.as_slice()), |_| ())?.is_some())
    }

    fn check_size(&self, suffix: &[u8]) -> Result<()> {
        let size = suffix.len();
        if size <= MAX_KEY_BYTES {
            return Ok(());
        }
        let (namespace, key) = (self.namespace.name.clone(), self.namespace.render(self.owner));
        Err(Error::TooLarge { namespace, key, what: "element key", size, limit: MAX_KEY_BYTES })
    }

    /// The keys within a range of elements of this incarnation.
    pub(super) fn range<K: Key>(
        &self,
        field: &ElementField,
        incarnation: u64,
        range: &impl KeyRange<K>,
    ) -> Result<Span> {
        let ends = RangeEnds::encode(field.prefix(incarnation), range);
        for end in [&ends.start, &ends.end] {
            self.check_size(end.as_slice().get(PREFIX_BYTES..).unwrap_or_default())?;
        }
        ends.into_span().ok_or_else(|| Error::InvalidRange {
            namespace: self.namespace.name.clone(),
            reason: format!("a range of elements of `{}` starts after its end", field.name),
        })
    }

    #[cold]
    pub(super) fn decode_error(&self, field: &ElementField, suffix: &[u8], error: RecordError) -> Error {
        self.namespace.element_decode_error(self.owner, field, suffix, error)
    }

    #[cold]
    pub(super) fn encode_error(&self, field: &ElementField, suffix: &[u8], error: RecordError) -> Error {
        self.namespace.element_encode_error(self.owner, field, suffix, error)
    }
}

impl<R: Deref<Target = dyn Reader>> Contents<'_, R> {
    /// The database key of an element.
    pub(super) fn key(&self, field: &ElementField, suffix: &[u8]) -> KeyBuf {
        let mut key = field.prefix(self.incarnation);
        key.extend(suffix);
        key
    }

    /// Reads the record of an element where it lies; `None` where there is none.
    pub(super) fn read<T>(&self, key: &KeyBuf, read: impl FnOnce(&[u8]) -> T) -> Result<Option<T>> {
        if let Some(held) = self.held {
            match held.change(key) {
                Change::Put(record) => return Ok(Some(read(record))),
                Change::Delete => return Ok(None),
                Change::None if !held.may_be_stored(key) => return Ok(None),
                Change::None => {}
            }
        }
        let (mut read, mut result) = (Some(read), None);
        self.reader.read(key.as_slice(), &mut |record| result = read.take().map(|read| read(record)))?;
        Ok(result)
    }

    /// The keys of all elements.
    pub(super) fn span(&self, field: &ElementField) -> Span {
        Span::of_prefix(field.prefix(self.incarnation))
    }

    /// Where a deque begins and ends.
    pub(super) fn ends(&self, field: &ElementField) -> Result<Ends> {
        let ends = self.read(&field.prefix(self.incarnation), Ends::decode)?.transpose();
        Ok(ends.map_err(|error| self.place.decode_error(field, &[], error))?.unwrap_or_default())
    }
}

impl<'a> Contents<'a, Arc<dyn Reader>> {
    /// The keys of all elements of a collection.
    pub(super) fn whole<C: ElementCollection>(&self, field: &ElementField) -> Result<Span> {
        if !C::HAS_ENDS {
            return Ok(self.span(field));
        }
        let ends = self.ends(field)?;
        Ok(Span { start: self.key(field, &ends.first_suffix()), end: self.key(field, &ends.end_suffix()) })
    }

    /// The stored rows of a span.
    pub(super) fn rows(&self, span: Span) -> Rows {
        Rows::new(Arc::clone(&self.reader), span)
    }

    /// The rows of a span as the guard sees them, or, without one, those that are stored.
    pub(super) fn merged(&self, span: Span) -> Merged<'a> {
        let Some(held) = self.held else { return Merged::of_rows(self.rows(span)) };
        let changes = held.changes_in(&span);
        let stored = if held.may_be_stored(&span.start) { span } else { Span { end: span.start.clone(), ..span } };
        Merged::new(self.rows(stored), changes)
    }
}
