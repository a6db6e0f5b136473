//! The buffer in which a database key is built, without allocation for keys of usual length.

use std::fmt;
use std::hash::{Hash, Hasher};

/// Bytes kept in place: four of the namespace and a key of up to 64.
const INLINE: usize = 68;

/// The bytes of a key, usually behind the number of its namespace. Up to 68 bytes lie in the value itself.
#[derive(Clone)]
pub struct KeyBuf {
    len: usize,
    inline: [u8; INLINE],
    /// Holds all bytes as soon as they are more than `INLINE`; empty, thus unallocated, before.
    heap: Vec<u8>,
}

impl KeyBuf {
    /// An empty buffer.
    #[inline]
    pub const fn new() -> Self {
        Self { len: 0, inline: [0; INLINE], heap: Vec::new() }
    }

    /// A buffer that holds the number of a namespace, ready for the bytes of a key.
    #[inline]
    pub(crate) fn in_namespace(id: u32) -> Self {
        let mut buf = Self::new();
        buf.extend(&id.to_be_bytes());
        buf
    }

    /// A copy of `bytes`.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Self {
        let mut buf = Self::new();
        buf.extend(bytes);
        buf
    }

    /// Appends one byte.
    #[inline]
    pub fn push(&mut self, byte: u8) {
        self.extend(&[byte]);
    }

    /// Appends bytes.
    #[inline]
    pub fn extend(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if let Some(place) = self.inline.get_mut(self.len..end)
            && self.heap.is_empty()
        {
            place.copy_from_slice(bytes);
        } else {
            if self.heap.is_empty() {
                self.heap.reserve(end.max(2 * INLINE));
                self.heap.extend_from_slice(self.inline.get(..self.len).unwrap_or_default());
            }
            self.heap.extend_from_slice(bytes);
        }
        self.len = end;
    }

    /// All bytes so far.
    #[inline]
    pub fn as_slice(&self) -> &[u8] {
        if self.heap.is_empty() { self.inline.get(..self.len).unwrap_or_default() } else { &self.heap }
    }

    /// How many bytes there are so far.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Flips all bits of the bytes from `start` on.
    pub(crate) fn flip_from(&mut self, start: usize) {
        let bytes =
            if self.heap.is_empty() { self.inline.get_mut(start..self.len) } else { self.heap.get_mut(start..) };
        for byte in bytes.unwrap_or_default() {
            *byte = !*byte;
        }
    }

    /// The bytes behind the number of the namespace.
    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        self.as_slice().get(4..).unwrap_or_default()
    }
}

impl Default for KeyBuf {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for KeyBuf {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for KeyBuf {}

impl PartialOrd for KeyBuf {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for KeyBuf {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_slice().cmp(other.as_slice())
    }
}

impl Hash for KeyBuf {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.as_slice());
    }
}

impl fmt::Debug for KeyBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&super::bytes_as_text(self.as_slice()))
    }
}

#[cfg(test)]
mod tests {
    use super::KeyBuf;

    #[test]
    fn bytes_survive_the_move_to_the_heap() {
        for first in [0, 1, 67, 68, 69, 200] {
            for second in [0, 1, 67, 68, 69, 200] {
                let mut buf = KeyBuf::new();
                buf.extend(&vec![1; first]);
                buf.extend(&vec![2; second]);
                let mut expected = vec![1; first];
                expected.extend(vec![2; second]);
                assert_eq!(buf.as_slice(), expected, "{first} and {second} bytes");
            }
        }
    }

    #[test]
    fn keys_of_64_bytes_in_a_namespace_stay_in_place() {
        let mut buf = KeyBuf::in_namespace(7);
        buf.extend(&[9; 64]);
        assert_eq!(buf.heap.capacity(), 0);
        buf.push(9);
        assert!(buf.heap.capacity() > 0);
        assert_eq!(buf.key(), [9; 65]);
    }
}
