//! Where the bytes of a record go while a value is written, and how deep it is nested.

use std::fmt;

use cbor4ii::core::enc::{self, Encode};
use serde::Serialize;

use super::error::CodecError;
use super::{MAX_DEPTH, MAX_HOPS, MAX_RECORD_BYTES, NULL, ORDERED, SOME, SOME_INITIAL, UNDEFINED};

/// The CBOR of one record while it is written. It is serde's `Serializer`, by mutable reference: see `serializer.rs`.
#[derive(Debug)]
pub struct Sink<'a> {
    buf: &'a mut Vec<u8>,
    /// The length that `buf` can reach.
    end: usize,
    /// How many more arrays and maps may be opened inside one another.
    depth: u16,
    /// How many more `Some`s and newtypes may lie around one another: they need not take a byte.
    hops: u16,
    /// How many parts were begun that did not end: none, unless a panic was caught.
    open_parts: u32,
    /// Whether a part failed. A `Serialize` that goes on after that has left the part's beginning in the record.
    has_failed: bool,
    /// Whether tuples get [`ORDERED`] in front: see `read_back.rs`.
    marks_tuples: bool,
}

impl<'a> Sink<'a> {
    /// Appends to `buf`, in which other records may precede; `start` is where this one begins.
    pub(super) fn new(buf: &'a mut Vec<u8>, start: usize) -> Self {
        let end = start + MAX_RECORD_BYTES;
        Self { buf, end, depth: MAX_DEPTH, hops: MAX_HOPS, open_parts: 0, has_failed: false, marks_tuples: false }
    }

    /// As [`new`](Self::new), with the tuples marked: no record, but to be compared with another.
    pub(super) fn marked(buf: &'a mut Vec<u8>, start: usize) -> Self {
        Self { marks_tuples: true, ..Self::new(buf, start) }
    }

    /// Marks the array that is written next as one whose elements have an order.
    #[inline]
    pub(super) fn mark_tuple(&mut self) -> Result<(), CodecError> {
        if self.marks_tuples {
            enc::Write::push(self, &[ORDERED]).map_err(enc::Error::Write)?;
        }
        Ok(())
    }

    /// Returns an error of a part, which makes the record one that is refused.
    #[cold]
    pub(super) fn fail(&mut self, error: CodecError) -> CodecError {
        self.has_failed = true;
        error
    }

    #[inline]
    pub(super) fn write(&mut self, item: impl Encode) -> Result<(), CodecError> {
        Ok(item.encode(self)?)
    }

    /// Writes a value that is a part of another. It is written whole, or the record is refused.
    #[inline]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        self.open_parts += 1;
        value.serialize(&mut *self).map_err(|error| self.fail(error))?;
        self.open_parts -= 1;
        Ok(())
    }

    /// Opens an array or a map.
    #[inline]
    pub(super) fn enter(&mut self) -> Result<(), CodecError> {
        match self.depth.checked_sub(1) {
            Some(depth) => self.depth = depth,
            None => return Err(CodecError::too_deep()),
        }
        Ok(())
    }

    #[inline]
    pub(super) fn leave(&mut self, levels: u16) {
        self.depth += levels;
    }

    /// Writes what is inside a newtype.
    #[inline]
    pub(super) fn hop<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        match self.hops.checked_sub(1) {
            Some(hops) => self.hops = hops,
            None => return Err(CodecError::too_wrapped()),
        }
        self.part(value)?;
        self.hops += 1;
        Ok(())
    }

    /// Writes what is inside a `Some`, with the tag where it would be read as `None` without it.
    #[inline]
    pub(super) fn some<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CodecError> {
        let start = self.buf.len();
        self.hop(value)?;
        // An item that begins with one of these is nothing but null, a unit or another such `Some`.
        match self.buf.get(start) {
            Some(&(NULL | UNDEFINED | SOME_INITIAL)) => self.insert(start, &SOME),
            _ => Ok(()),
        }
    }

    /// Writes text as its `Display` makes it.
    pub(super) fn display<T: fmt::Display + ?Sized>(&mut self, text: &T) -> Result<(), CodecError> {
        struct Text<'s, 'a> {
            sink: &'s mut Sink<'a>,
            full: Option<Full>,
        }
        impl fmt::Write for Text<'_, '_> {
            fn write_str(&mut self, piece: &str) -> fmt::Result {
                enc::Write::push(self.sink, piece.as_bytes()).map_err(|full| {
                    self.full = Some(full);
                    fmt::Error
                })
            }
        }
        let start = self.buf.len();
        let mut out = Text { sink: self, full: None };
        let result = fmt::write(&mut out, format_args!("{text}"));
        if let Some(full) = out.full {
            return Err(enc::Error::Write(full).into());
        }
        result.map_err(|_| CodecError::wrong("its `Display` failed"))?;
        // The head, which has the length, is made behind the text, and then moved before it.
        let end = self.buf.len();
        cbor4ii::core::types::UncheckedStr::bounded(end - start, self)?;
        let head = self.buf.len() - end;
        if let Some(text) = self.buf.get_mut(start..) {
            text.rotate_right(head);
        }
        Ok(())
    }

    #[cold]
    fn insert(&mut self, at: usize, bytes: &[u8]) -> Result<(), CodecError> {
        enc::Write::push(self, bytes).map_err(enc::Error::Write)?;
        if let Some(moved) = self.buf.get_mut(at..) {
            moved.rotate_right(bytes.len());
        }
        Ok(())
    }

    /// Refuses a record of which a part failed, though the value around it did not.
    pub(super) fn finish(&self) -> Result<(), CodecError> {
        if self.has_failed || self.open_parts > 0 {
            return Err(CodecError::wrong("a part of it failed to serialize, and the `Serialize` around it went on"));
        }
        Ok(())
    }
}

impl enc::Write for Sink<'_> {
    type Error = Full;

    #[inline]
    fn push(&mut self, input: &[u8]) -> Result<(), Full> {
        if self.end - self.buf.len() < input.len() {
            // Of this record alone: others may precede it in the buffer.
            let so_far = MAX_RECORD_BYTES - (self.end - self.buf.len());
            self.has_failed = true;
            return Err(Full { size: so_far + input.len() });
        }
        self.buf.extend_from_slice(input);
        Ok(())
    }
}

/// The record would become too large.
#[derive(Debug, thiserror::Error)]
#[error("{size} bytes are too many")]
pub struct Full {
    pub(super) size: usize,
}
