//! The bytes of a record while it is read, and what keeps a damaged one from exhausting the stack or the memory.

use std::borrow::Cow;
use std::convert::Infallible;

use cbor4ii::core::dec::{self, Decode};
use cbor4ii::core::types;

use super::error::CodecError;
use super::memory::Memory;
use super::{MAX_DEPTH, MAX_HOPS};

/// The CBOR of one record that is not read yet. It is serde's `Deserializer`, by mutable reference: see `deserializer.rs`.
#[derive(Debug)]
pub struct Source<'de> {
    pub(super) bytes: &'de [u8],
    /// How many more arrays and maps may lie inside one another. One whose reading failed is never left, which tells that a
    /// `Deserialize` went on after that: see [`check_left`](Self::check_left).
    depth: u16,
    /// How many more `Some`s and newtypes may lie around one another. They need not take a byte.
    hops: u16,
    /// How many items arrays and maps may still declare: in all as many as there are bytes, since each takes one.
    items: usize,
    /// Whether what a type does not know is left out, and not an error.
    pub(super) ignores_unknown: bool,
    /// The struct or enum that is being read, and where the key that came last begins: for errors.
    pub(super) type_name: &'static str,
    pub(super) key: &'de [u8],
    /// What the values take that were read.
    pub(super) memory: Memory,
}

impl<'de> Source<'de> {
    pub(super) fn new(bytes: &'de [u8]) -> Self {
        Self {
            bytes,
            depth: MAX_DEPTH,
            hops: MAX_HOPS,
            items: bytes.len(),
            ignores_unknown: false,
            type_name: "",
            key: &[],
            memory: Memory::default(),
        }
    }

    /// The initial byte of the next item.
    #[inline]
    pub(super) fn peek(&self, name: &'static str) -> Result<u8, CodecError> {
        match self.bytes.first() {
            Some(initial) => Ok(*initial),
            None => Err(CodecError::end(name)),
        }
    }

    #[inline]
    pub(super) fn skip(&mut self, bytes: usize) {
        self.bytes = self.bytes.get(bytes..).unwrap_or_default();
    }

    /// Reads the head of an item of this major type: a number, or a length, which is `None` if a break ends the item.
    ///
    /// cbor4ii copies the bytes of a number by a call of `memcpy`, which took longer than all else that is done for one.
    #[inline]
    fn head(&mut self, major: u8, name: &'static str) -> Result<Option<u64>, CodecError> {
        let Some((initial, rest)) = self.bytes.split_first() else { return Err(CodecError::end(name)) };
        if initial >> 5 != major {
            return Err(CodecError::mismatch(name, *initial));
        }
        let number = match initial & 0x1F {
            small @ 0..=23 => Some((u64::from(small), rest)),
            24 => rest.split_first_chunk().map(|(bytes, rest)| (u8::from_be_bytes(*bytes).into(), rest)),
            25 => rest.split_first_chunk().map(|(bytes, rest)| (u16::from_be_bytes(*bytes).into(), rest)),
            26 => rest.split_first_chunk().map(|(bytes, rest)| (u32::from_be_bytes(*bytes).into(), rest)),
            27 => rest.split_first_chunk().map(|(bytes, rest)| (u64::from_be_bytes(*bytes), rest)),
            31 => {
                self.bytes = rest;
                return Ok(None);
            }
            _ => return Err(CodecError::mismatch(name, *initial)),
        };
        match number {
            Some((number, rest)) => {
                self.bytes = rest;
                Ok(Some(number))
            }
            None => Err(CodecError::end(name)),
        }
    }

    /// Reads an unsigned number.
    #[inline]
    pub(super) fn unsigned(&mut self, name: &'static str) -> Result<u64, CodecError> {
        self.head(0, name)?.ok_or_else(|| CodecError::mismatch(name, 0x1F))
    }

    /// Reads a number of either sign, in 64 bits.
    #[inline]
    pub(super) fn signed(&mut self, name: &'static str) -> Result<i64, CodecError> {
        let is_negative = self.peek(name)? >> 5 == 1;
        let number = self.head(u8::from(is_negative), name)?.ok_or_else(|| CodecError::mismatch(name, 0x1F))?;
        match i64::try_from(number) {
            // It counts from -1 downwards.
            Ok(number) => Ok(if is_negative { !number } else { number }),
            Err(_) => Err(CodecError::out_of_range(name)),
        }
    }

    /// Reads the length of an array or a map, which is `None` if a break ends it.
    #[inline]
    pub(super) fn length(&mut self, major: u8, name: &'static str) -> Result<Option<usize>, CodecError> {
        match self.head(major, name)? {
            Some(length) => usize::try_from(length).map(Some).map_err(|_| CodecError::end(name)),
            None => Ok(None),
        }
    }

    /// Reads text or bytes. What is in pieces is copied together.
    #[inline]
    fn string(&mut self, major: u8, name: &'static str) -> Result<Option<&'de [u8]>, CodecError> {
        let before = self.bytes;
        let Some(length) = self.length(major, name)? else {
            self.bytes = before;
            return Ok(None);
        };
        let (string, rest) = self.bytes.split_at_checked(length).ok_or_else(|| CodecError::end(name))?;
        self.bytes = rest;
        Ok(Some(string))
    }

    #[inline]
    pub(super) fn text(&mut self) -> Result<Cow<'de, str>, CodecError> {
        const NAME: &str = "str";
        match self.string(3, NAME)? {
            Some(text) => match std::str::from_utf8(text) {
                Ok(text) => Ok(Cow::Borrowed(text)),
                Err(_) => Err(CodecError::wrong("str is not UTF-8")),
            },
            None => Ok(Cow::decode(self)?),
        }
    }

    #[inline]
    pub(super) fn byte_string(&mut self) -> Result<Cow<'de, [u8]>, CodecError> {
        match self.string(2, "bytes")? {
            Some(bytes) => Ok(Cow::Borrowed(bytes)),
            None => Ok(types::Bytes::decode(self)?.0),
        }
    }

    /// Enters an array or a map.
    #[inline]
    pub(super) fn enter(&mut self) -> Result<(), CodecError> {
        match self.depth.checked_sub(1) {
            Some(depth) => self.depth = depth,
            None => return Err(CodecError::too_deep()),
        }
        Ok(())
    }

    #[inline]
    pub(super) fn leave(&mut self) {
        self.depth += 1;
    }

    /// How deep reading is inside arrays and maps, for [`check_left`](Self::check_left).
    #[inline]
    pub(super) fn level(&self) -> u16 {
        self.depth
    }

    /// Checks that every array and map was left that was entered since `level`. Otherwise a part could not be read, and a
    /// `Deserialize` around it went on: what is left of the part would be taken for what follows.
    #[inline]
    pub(super) fn check_left(&self, level: u16) -> Result<(), CodecError> {
        if self.depth == level {
            return Ok(());
        }
        Err(CodecError::wrong("a part of it can't be read, and the `Deserialize` around it went on"))
    }

    /// Enters a `Some` or a newtype.
    #[inline]
    pub(super) fn hop(&mut self) -> Result<(), CodecError> {
        match self.hops.checked_sub(1) {
            Some(hops) => self.hops = hops,
            None => return Err(CodecError::too_wrapped()),
        }
        Ok(())
    }

    #[inline]
    pub(super) fn hop_back(&mut self) {
        self.hops += 1;
    }

    /// Counts the items that an array or a map declares, and refuses it if they can't all be there: room for them is made
    /// before they are read, at every level of nesting.
    #[inline]
    pub(super) fn declare(&mut self, items: usize, name: &'static str) -> Result<(), CodecError> {
        match self.items.checked_sub(items) {
            Some(left) => self.items = left,
            None => return Err(CodecError::end(name)),
        }
        Ok(())
    }

    /// Moves past one item that the type does not know, if it may be left out.
    pub(super) fn skip_unknown(&mut self) -> Result<(), CodecError> {
        if self.ignores_unknown { skip_item(&mut self.bytes, self.depth) } else { Err(self.unknown()) }
    }

    /// The error for an item that the type does not know: the next commit would drop it.
    #[cold]
    fn unknown(&self) -> CodecError {
        // If the item follows the key that came last, that is its name.
        let mut key = self.key;
        let head = take_head(&mut key).filter(|head| head.major == 3 && !head.is_open);
        let name = head.and_then(|head| take_bytes(&mut key, head.argument));
        let name = name.filter(|_| key.len() == self.bytes.len()).and_then(|name| std::str::from_utf8(name).ok());
        let what = name
            .map_or_else(|| "an unknown item".to_owned(), |name| format!("unknown field `{}`", name.escape_debug()));
        let inside = if self.type_name.is_empty() { String::new() } else { format!(" inside `{}`", self.type_name) };
        CodecError::wrong(format_args!(
            "{what}{inside}: the next commit would drop it; `#[store(ignore_unknown)]` on the field and `IgnoreUnknown` \
             around a type allow that"
        ))
    }
}

impl<'de> dec::Read<'de> for Source<'de> {
    type Error = Infallible;

    #[inline]
    fn fill<'short>(&'short mut self, want: usize) -> Result<dec::Reference<'de, 'short>, Self::Error> {
        Ok(dec::Reference::Long(self.bytes.get(..want).unwrap_or(self.bytes)))
    }

    #[inline]
    fn advance(&mut self, n: usize) {
        self.skip(n);
    }
}

/// What the head of an item says.
pub(super) struct Head {
    pub(super) major: u8,
    pub(super) argument: u64,
    /// Whether a break ends it.
    pub(super) is_open: bool,
}

/// Takes the head of an item off the front; `None` where it ends early.
pub(super) fn take_head(bytes: &mut &[u8]) -> Option<Head> {
    let (initial, rest) = bytes.split_first()?;
    let argument_bytes = match initial & 0x1F {
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => 0,
    };
    let (argument, rest) = rest.split_at_checked(argument_bytes)?;
    *bytes = rest;
    let argument = if argument.is_empty() {
        u64::from(initial & 0x1F)
    } else {
        argument.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))
    };
    Some(Head { major: initial >> 5, argument, is_open: initial & 0x1F == 31 })
}

/// Takes that many bytes off the front.
pub(super) fn take_bytes<'b>(bytes: &mut &'b [u8], len: u64) -> Option<&'b [u8]> {
    let (taken, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
    *bytes = rest;
    Some(taken)
}

/// Moves past one item whose arrays and maps are nested at most this deep.
pub(super) fn skip_item(bytes: &mut &[u8], depth: u16) -> Result<(), CodecError> {
    const NAME: &str = "an item that is left out";
    let end = || CodecError::end(NAME);
    loop {
        let Head { major, argument, is_open } = take_head(bytes).ok_or_else(end)?;
        let items = match major {
            2 | 3 if !is_open => return take_bytes(bytes, argument).map(|_| ()).ok_or_else(end),
            // The item follows its tags.
            6 => continue,
            2 | 3 => 0,
            4 => argument,
            5 => argument.checked_mul(2).ok_or_else(end)?,
            _ => return Ok(()),
        };
        let depth = depth.checked_sub(1).ok_or_else(CodecError::too_deep)?;
        if is_open {
            while *bytes.first().ok_or_else(end)? != BREAK {
                skip_item(bytes, depth)?;
            }
            *bytes = bytes.get(1..).unwrap_or_default();
        } else {
            for _ in 0..items {
                skip_item(bytes, depth)?;
            }
        }
        return Ok(());
    }
}

/// Ends an item of open length.
pub(super) const BREAK: u8 = 0xFF;
