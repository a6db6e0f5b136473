//! Why a value can't be a record, or bytes are not a record.

use std::convert::Infallible;
use std::fmt;

use cbor4ii::core::{dec, enc};

use super::sink::Full;
use super::{MAX_DEPTH, MAX_HOPS, MAX_RECORD_BYTES};

/// Why a value is no record, or bytes are not a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecordError {
    /// It is wrong, in the way this text says.
    Wrong(Box<str>),
    /// It is of a kind that this version does not know.
    Unsupported(Box<str>),
    /// It has more bytes than a record can have: the size so far, and the limit.
    TooLarge {
        /// Bytes so far.
        size: usize,
        /// Bytes at most.
        limit: usize,
    },
}

impl RecordError {
    pub(crate) fn wrong(reason: impl fmt::Display) -> Self {
        Self::Wrong(reason.to_string().into())
    }

    /// The same, with the field that it is about.
    pub(super) fn in_field(self, name: &str) -> Self {
        match self {
            Self::Wrong(reason) => Self::wrong(format_args!("field `{name}`: {reason}")),
            other => other,
        }
    }

    /// The same, with the element that it is about.
    pub(crate) fn in_element(self, element: &str) -> Self {
        match self {
            Self::Wrong(reason) => Self::wrong(format_args!("element {element}: {reason}")),
            Self::Unsupported(what) => Self::Unsupported(format!("{what}, in element {element}").into()),
            too_large @ Self::TooLarge { .. } => too_large,
        }
    }
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wrong(reason) | Self::Unsupported(reason) => f.write_str(reason),
            Self::TooLarge { size, limit } => write!(f, "{size} bytes are too many: a record has at most {limit}"),
        }
    }
}

impl From<crate::key::hidden::KeyError> for RecordError {
    fn from(error: crate::key::hidden::KeyError) -> Self {
        Self::wrong(error)
    }
}

/// A [`RecordError`] as serde hands it on: the size of a pointer, since every call returns one or none.
#[derive(Debug)]
pub struct CodecError(Box<RecordError>);

impl CodecError {
    #[cold]
    pub(super) fn wrong(reason: impl fmt::Display) -> Self {
        RecordError::wrong(reason).into()
    }

    /// Something else is there than the type asks for; `found` is the initial byte of the item.
    #[cold]
    pub(super) fn mismatch(expected: &str, found: u8) -> Self {
        Self::wrong(format_args!("expected {expected}, found {}", item_name(found)))
    }

    /// Arrays and maps are nested too deeply.
    #[cold]
    pub(super) fn too_deep() -> Self {
        Self::wrong(format_args!("it is nested deeper than {MAX_DEPTH} levels of arrays and maps"))
    }

    /// Too many `Some`s and newtypes lie around one value.
    #[cold]
    pub(super) fn too_wrapped() -> Self {
        Self::wrong(format_args!("it is nested in more than {MAX_HOPS} options and newtypes"))
    }

    /// A number does not fit in the type of this name.
    #[cold]
    pub(super) fn out_of_range(name: &str) -> Self {
        Self::wrong(format_args!("the number is out of the range of {name}"))
    }

    /// The record ends too early.
    #[cold]
    pub(super) fn end(inside: &str) -> Self {
        Self::wrong(format_args!("the record ends inside {inside}"))
    }
}

impl fmt::Display for CodecError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for CodecError {}

impl serde::ser::Error for CodecError {
    #[cold]
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::wrong(reason)
    }
}

impl serde::de::Error for CodecError {
    #[cold]
    fn custom<T: fmt::Display>(reason: T) -> Self {
        Self::wrong(reason)
    }
}

impl From<RecordError> for CodecError {
    #[cold]
    fn from(error: RecordError) -> Self {
        Self(Box::new(error))
    }
}

impl From<CodecError> for RecordError {
    #[cold]
    fn from(error: CodecError) -> Self {
        *error.0
    }
}

impl From<enc::Error<Full>> for CodecError {
    #[cold]
    fn from(error: enc::Error<Full>) -> Self {
        match error {
            enc::Error::Write(Full { size }) => RecordError::TooLarge { size, limit: MAX_RECORD_BYTES }.into(),
            other => Self::wrong(other),
        }
    }
}

impl From<dec::Error<Infallible>> for CodecError {
    #[cold]
    fn from(error: dec::Error<Infallible>) -> Self {
        use dec::Error;
        match error {
            Error::Mismatch { name, found } => match name.strip_suffix("::tag") {
                // What was found is the number of a tag, not an initial byte. 3 is that of a negative integer.
                Some(name) if found == 3 => Self::out_of_range(name),
                Some(name) => Self::mismatch(name, TAG),
                None => Self::mismatch(name, found),
            },
            Error::Unsupported { name, found } => {
                Self::wrong(format_args!("{} can't be read as {name}", item_name(found)))
            }
            Error::Eof { name, .. } => Self::end(name),
            Error::RequireLength { name, .. } => Self::wrong(format_args!("{name} has another length than expected")),
            Error::RequireUtf8 { name } => Self::wrong(format_args!("{name} is not UTF-8")),
            Error::LengthOverflow { name, .. } => Self::wrong(format_args!("the length of {name} is out of range")),
            Error::CastOverflow { name } | Error::ArithmeticOverflow { name, .. } => Self::out_of_range(name),
            other => Self::wrong(other),
        }
    }
}

/// The initial byte of a tag with the number 0.
const TAG: u8 = 0xC0;

/// What an initial byte of CBOR announces.
pub(super) fn item_name(initial: u8) -> &'static str {
    match initial >> 5 {
        0 => "an unsigned integer",
        1 => "a negative integer",
        2 => "bytes",
        3 => "a string",
        4 => "an array",
        5 => "a map",
        6 if matches!(initial, 0xC2 | 0xC3) => "an integer of more than 64 bits",
        6 => "a tag",
        _ => match initial {
            0xF4 | 0xF5 => "a boolean",
            0xF6 => "null",
            0xF7 => "a unit",
            0xF9..=0xFB => "a float",
            _ => "a simple value",
        },
    }
}
