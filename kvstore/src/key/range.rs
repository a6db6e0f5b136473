//! Ranges of keys, and the half-open spans of database keys they become.

use std::ops::{Bound, Range, RangeFrom, RangeFull, RangeInclusive, RangeTo, RangeToInclusive};

use super::hidden::{KeyArgCodec, KeyBuf};
use super::{Key, KeyArg, KeyPrefix, Prefix};

/// A range of keys of type `K`, for [`MapStore::range`](crate::MapStore::range).
///
/// Every range form of `std::ops` over key arguments, and pairs of [`Bound`]: `..`, `"a".."b"`, `&a..=&b`, `900..`,
/// `(Bound::Excluded(5), Bound::Unbounded)`; and [`Prefix`], for all keys with a beginning: `Prefix("/a")`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range of keys of type `{K}`",
    label = "expected a range of keys of type `{K}`",
    note = "a range is `..`, `a..b`, `a..=b`, `a..`, `..b`, `..=b` or a pair of `Bound`, over key arguments, or `Prefix(..)` of the beginning of keys, such as `Prefix(\"/a\")` for `String` and `Prefix((\"acme\",))` for composite keys"
)]
pub trait KeyRange<K: Key>: KeyRangeCodec<K> {}

#[diagnostic::do_not_recommend]
impl<K: Key, R: KeyRangeCodec<K>> KeyRange<K> for R {}

/// How one end of a range is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edge {
    /// The key belongs to the range.
    Included,
    /// The range ends next to the key.
    Excluded,
    /// There is no key at this end.
    Unbounded,
}

/// The bytes of a range's ends.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a range of keys of type `{K}`",
    label = "expected a range of keys of type `{K}`",
    note = "a range is `..`, `a..b`, `a..=b`, `a..`, `..b`, `..=b` or a pair of `Bound`, over key arguments, or `Prefix(..)` of the beginning of keys, such as `Prefix(\"/a\")` for `String` and `Prefix((\"acme\",))` for composite keys"
)]
pub trait KeyRangeCodec<K> {
    /// Appends the bytes of the two keys, where there are any.
    fn encode_ends(&self, start: &mut KeyBuf, end: &mut KeyBuf) -> (Edge, Edge);
}

fn encode_end<K, A: KeyArgCodec<K>>(bound: Bound<&A>, out: &mut KeyBuf) -> Edge {
    match bound {
        Bound::Included(key) => {
            key.encode_arg_last(out);
            Edge::Included
        }
        Bound::Excluded(key) => {
            key.encode_arg_last(out);
            Edge::Excluded
        }
        Bound::Unbounded => Edge::Unbounded,
    }
}

macro_rules! ranges {
    ($($range:ident),*) => {$(
        impl<K: Key, A: KeyArg<K>> KeyRangeCodec<K> for $range<A> {
            fn encode_ends(&self, start: &mut KeyBuf, end: &mut KeyBuf) -> (Edge, Edge) {
                use std::ops::RangeBounds;
                (encode_end::<K, A>(self.start_bound(), start), encode_end::<K, A>(self.end_bound(), end))
            }
        }
    )*};
}

ranges!(Range, RangeFrom, RangeInclusive, RangeTo, RangeToInclusive);

impl<K: Key> KeyRangeCodec<K> for RangeFull {
    fn encode_ends(&self, _start: &mut KeyBuf, _end: &mut KeyBuf) -> (Edge, Edge) {
        (Edge::Unbounded, Edge::Unbounded)
    }
}

impl<K: Key, A: KeyArg<K>> KeyRangeCodec<K> for (Bound<A>, Bound<A>) {
    fn encode_ends(&self, start: &mut KeyBuf, end: &mut KeyBuf) -> (Edge, Edge) {
        (encode_end::<K, A>(self.0.as_ref(), start), encode_end::<K, A>(self.1.as_ref(), end))
    }
}

impl<K: Key, P: KeyPrefix<K>> KeyRangeCodec<K> for Prefix<P> {
    fn encode_ends(&self, start: &mut KeyBuf, end: &mut KeyBuf) -> (Edge, Edge) {
        self.0.encode_prefix(start);
        self.0.encode_prefix(end);
        // Without a key at its end, a range ends after all keys that begin as the buffer does.
        (Edge::Included, Edge::Unbounded)
    }
}

/// Database keys from `start` up to, but not including, `end`; empty where `start >= end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: KeyBuf,
    pub(crate) end: KeyBuf,
}

impl Span {
    /// All keys of a namespace.
    pub(crate) fn namespace(id: u32) -> Self {
        let start = KeyBuf::in_namespace(id);
        Self { end: successor(start.as_slice()), start }
    }

    /// All database keys that begin with `prefix`, which begins with the number of a namespace.
    pub(crate) fn of_prefix(prefix: KeyBuf) -> Self {
        Self { end: successor(prefix.as_slice()), start: prefix }
    }

    /// Whether no key lies in it.
    pub(crate) fn is_empty(&self) -> bool {
        self.start >= self.end
    }
}

/// The encoded ends of a range: their keys, before these are made the ends of a span.
#[derive(Debug)]
pub(crate) struct RangeEnds {
    pub(crate) start: KeyBuf,
    pub(crate) end: KeyBuf,
    edges: (Edge, Edge),
}

impl RangeEnds {
    /// Encodes the ends behind what all keys of the place begin with.
    pub(crate) fn encode<K: Key>(prefix: KeyBuf, range: &impl KeyRange<K>) -> Self {
        let (mut start, mut end) = (prefix.clone(), prefix);
        let edges = range.encode_ends(&mut start, &mut end);
        Self { start, end, edges }
    }

    pub(crate) fn start_is_excluded(&self) -> bool {
        self.edges.0 == Edge::Excluded
    }

    pub(crate) fn end_is_included(&self) -> bool {
        self.edges.1 == Edge::Included
    }

    /// The keys within the range; `None` where it starts after its end.
    pub(crate) fn into_span(self) -> Option<Span> {
        let Self { mut start, mut end, edges: (from, to) } = self;
        if from != Edge::Unbounded && to != Edge::Unbounded && start > end {
            return None;
        }
        // In bytewise order nothing lies between a key and the same key with a zero byte behind it.
        if from == Edge::Excluded {
            start.push(0);
        }
        match to {
            Edge::Included => end.push(0),
            Edge::Excluded => {}
            Edge::Unbounded => end = successor(end.as_slice()),
        }
        Some(Span { start, end })
    }
}

/// The first database key behind all that begin with `prefix`. Namespace numbers are never `FFFFFFFF` (the catalog gives
/// them out from 1), so there always is one.
fn successor(prefix: &[u8]) -> KeyBuf {
    let kept = prefix.iter().rposition(|byte| *byte != 0xFF).map_or(0, |last| last + 1);
    let mut bytes = prefix.get(..kept).unwrap_or_default().to_vec();
    if let Some(last) = bytes.last_mut() {
        *last += 1;
    }
    KeyBuf::from_bytes(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn span(range: &impl KeyRange<u64>) -> Option<Span> {
        RangeEnds::encode(KeyBuf::in_namespace(7), range).into_span()
    }

    #[test]
    fn a_prefix_of_ff_bytes_ends_with_the_namespace() {
        let mut prefix = KeyBuf::in_namespace(0x0000_01FF);
        prefix.extend(&[0xFF, 0xFF]);
        let span = Span::of_prefix(prefix);
        assert_eq!(span.end.as_slice(), [0, 0, 2]);
    }

    #[test]
    fn bounds_at_the_extremes_stay_in_the_namespace() {
        let all = Span::namespace(7);
        for span in [
            span(&(..)),
            span(&(0..)),
            span(&(..=u64::MAX)),
            span(&(u64::MAX..)),
            span(&(Bound::Excluded(u64::MAX), Bound::Unbounded)),
        ] {
            let span = span.unwrap();
            assert!(span.start >= all.start && span.end <= all.end, "{span:?}");
        }
    }

    #[test]
    fn start_after_end_is_no_span_and_equal_is_empty() {
        assert_eq!(span(&(Bound::Included(6), Bound::Included(5))), None);
        assert!(span(&(5..5)).unwrap().is_empty());
        assert!(span(&(Bound::Excluded(5), Bound::Excluded(5))).unwrap().is_empty());
        assert!(!span(&(5..=5)).unwrap().is_empty());
    }
}
