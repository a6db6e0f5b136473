//! How the stores of bytes encode a value.

use std::cell::RefCell;

use kvstore::{__bench as bench, Map};

use super::Record;
use crate::Result;

/// An encoding of values.
pub(crate) trait Codec: Send + Sync + 'static {
    /// Appends the value's bytes.
    fn encode<R: Record>(value: &R, bytes: &mut Vec<u8>) -> Result<()>;
    /// Reads a value back.
    fn decode<R: Record>(bytes: &[u8]) -> Result<R>;
}

/// What users of stores of bytes choose for speed: fields without names.
pub(crate) struct Postcard;

impl Codec for Postcard {
    fn encode<R: Record>(value: &R, bytes: &mut Vec<u8>) -> Result<()> {
        *bytes = postcard::to_extend(value, std::mem::take(bytes))?;
        Ok(())
    }

    fn decode<R: Record>(bytes: &[u8]) -> Result<R> {
        Ok(postcard::from_bytes(bytes)?)
    }
}

/// The records of kvstore.
pub(crate) struct Ours;

impl Codec for Ours {
    fn encode<R: Record>(value: &R, bytes: &mut Vec<u8>) -> Result<()> {
        if bench::encode::<String, R, Map<String, R>>(value, bytes) { Ok(()) } else { Err("not encoded".into()) }
    }

    fn decode<R: Record>(bytes: &[u8]) -> Result<R> {
        bench::decode::<String, R, Map<String, R>>(bytes).ok_or_else(|| "not a record".into())
    }
}

/// Encodes into a buffer that the thread uses again, as kvstore does, and hands the bytes on.
pub(crate) fn encoded<C: Codec, R: Record, T>(value: &R, then: impl FnOnce(&[u8]) -> Result<T>) -> Result<T> {
    thread_local! {
        static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
    }
    BUFFER.with_borrow_mut(|bytes| {
        bytes.clear();
        C::encode(value, bytes)?;
        then(bytes)
    })
}
