//! About how much memory a value takes, found while it is read: what the read cache charges for it.
//!
//! Each type that serde reads says its size, and what it is read into: text, an array, a map. What lies inside another value
//! is counted with that. A type that is larger than the room it was given, as in a `Box`, lies elsewhere.

use std::any::type_name;

/// What an allocation takes beside its bytes: the counts of an `Arc`, and the allocator's share.
pub(crate) const ALLOCATION: usize = 16;

/// Memory of the values that were read so far.
#[derive(Debug, Default)]
pub(super) struct Memory {
    bytes: usize,
    /// The size of the value into which the next one is read, and with which it is counted.
    room: usize,
}

impl Memory {
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// A value of type `T` is read next, and counted by the caller.
    #[inline]
    pub(super) fn make_room<T>(&mut self) {
        if is_scalar::<T>() {
            return;
        }
        self.room = size_of::<T>();
        if size_of::<T>() <= SCALAR {
            // It owns something, and is no more than a pointer: what lies there may be too small to be noticed.
            self.bytes += ALLOCATION;
        }
    }

    /// A value of type `T` is read now. If it does not fit its room, there is only a pointer to it in that.
    #[inline]
    pub(super) fn place<T>(&mut self) {
        if is_scalar::<T>() {
            return;
        }
        let size = size_of::<T>();
        if size > self.room {
            self.bytes += size + ALLOCATION;
        }
        self.room = size;
    }

    /// So many bytes are read, as text or as they are.
    #[inline]
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes + ALLOCATION);
    }

    /// The collection `C` was read, of so many elements of this size.
    #[inline]
    pub(super) fn add_collection<C>(&mut self, count: usize, size: usize, is_map: bool) {
        if count != 0 {
            let kind = Kind::of(type_name::<C>(), is_map);
            self.bytes = self.bytes.saturating_add(kind.bytes(count, size) + ALLOCATION);
        }
    }
}

/// The size of the largest number.
const SCALAR: usize = 16;

/// Whether a type is as small as a number, and owns nothing: it is not worth a look.
#[inline]
const fn is_scalar<T>() -> bool {
    !std::mem::needs_drop::<T>() && size_of::<T>() <= SCALAR
}

/// How a collection keeps its elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One after the other.
    Array,
    /// In a table with a byte for each place.
    Hash,
    /// In nodes for up to 11.
    BTree,
    /// Each by itself, with two pointers.
    Linked,
}

impl Kind {
    /// By the name of the type. It is good enough for an estimate: the compiler does not promise what names look like.
    #[inline]
    fn of(name: &str, is_map: bool) -> Self {
        if name.starts_with("alloc::vec::Vec<") {
            Self::Array
        } else if name.starts_with("std::collections::hash") || name.starts_with("hashbrown::") {
            Self::Hash
        } else if name.starts_with("alloc::collections::btree") {
            Self::BTree
        } else if name.starts_with("alloc::collections::linked_list") {
            Self::Linked
        } else if is_map {
            // Among those in use it takes the most.
            Self::BTree
        } else {
            Self::Array
        }
    }

    #[inline]
    fn bytes(self, count: usize, size: usize) -> usize {
        /// A collection that is read begins with room for so many bytes at most, and doubles it.
        const EXACT: usize = 1 << 20;
        let all = count.saturating_mul(size);
        match self {
            Self::Array if all > EXACT => all.checked_next_power_of_two().unwrap_or(all),
            Self::Array => all,
            Self::Hash => {
                // Seven of eight places are filled at most.
                let places = (count.saturating_mul(8) / 7 + 1).checked_next_power_of_two().unwrap_or(count).max(4);
                places.saturating_mul(size + 1) + ALLOCATION
            }
            Self::BTree => {
                // What is inserted in order leaves six in each node.
                let nodes = count / 6 + 1;
                nodes.saturating_mul(11 * size + 32 + ALLOCATION)
            }
            Self::Linked => all.saturating_add(count.saturating_mul(2 * size_of::<usize>() + ALLOCATION)),
        }
    }
}
