//! What generated code calls. Not part of the public interface: anything here may change with any release.

pub use crate::key::hidden::{
    Edge, KeyArgCodec, KeyBuf, KeyCodec, KeyError, KeyPrefixCodec, KeyRangeCodec, Newtype, NextKeyCodec,
};
pub use crate::record::{FieldReader, FieldWriter, RecordError, RecordReader, RecordWriter, required};
pub use crate::store::{Field, FieldSchema, InitializeValue, Schema, StoreCodec};
