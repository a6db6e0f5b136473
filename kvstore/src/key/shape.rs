//! The canonical description of a key's bytes, and key bytes as readable text.

use std::fmt::{self, Write};

use super::codec::take;
use super::hidden::{KeyCodec, KeyError};

/// What the bytes of a key type look like.
///
/// Its text, from [`Display`](fmt::Display), is kept in the catalog and compared when a store is opened, in place of the
/// names of Rust types: `u64`, `(string,u64)`, `enum{Low,High(u32)}`. A newtype's shape is that of its field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shape {
    /// `bool`
    Bool,
    /// `char`
    Char,
    /// `u8`
    U8,
    /// `u16`
    U16,
    /// `u32`
    U32,
    /// `u64`
    U64,
    /// `u128`
    U128,
    /// `i8`
    I8,
    /// `i16`
    I16,
    /// `i32`
    I32,
    /// `i64`
    I64,
    /// `i128`
    I128,
    /// `String`
    String,
    /// `Vec<u8>`
    Bytes,
    /// `[u8; N]`
    ByteArray(usize),
    /// `uuid::Uuid`
    Uuid,
    /// A tuple, or a struct of several fields.
    Tuple {
        /// The parts in order.
        parts: &'static [Shape],
    },
    /// An enum.
    Enum {
        /// The variants in order of their numbers.
        variants: &'static [Variant],
    },
}

/// One variant of an enum used as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Its name, without raw-identifier prefix.
    pub name: &'static str,
    /// Its fields in order.
    pub fields: &'static [Shape],
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bool => f.write_str("bool"),
            Self::Char => f.write_str("char"),
            Self::U8 => f.write_str("u8"),
            Self::U16 => f.write_str("u16"),
            Self::U32 => f.write_str("u32"),
            Self::U64 => f.write_str("u64"),
            Self::U128 => f.write_str("u128"),
            Self::I8 => f.write_str("i8"),
            Self::I16 => f.write_str("i16"),
            Self::I32 => f.write_str("i32"),
            Self::I64 => f.write_str("i64"),
            Self::I128 => f.write_str("i128"),
            Self::String => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::ByteArray(len) => write!(f, "bytes[{len}]"),
            Self::Uuid => f.write_str("uuid"),
            Self::Tuple { parts } => write_list(f, parts),
            Self::Enum { variants } => {
                f.write_str("enum{")?;
                for (i, variant) in variants.iter().enumerate() {
                    f.write_str(if i == 0 { "" } else { "," })?;
                    f.write_str(variant.name)?;
                    if !variant.fields.is_empty() {
                        write_list(f, variant.fields)?;
                    }
                }
                f.write_str("}")
            }
        }
    }
}

fn write_list(f: &mut fmt::Formatter<'_>, shapes: &[Shape]) -> fmt::Result {
    f.write_str("(")?;
    for (i, shape) in shapes.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { "," })?;
        write!(f, "{shape}")?;
    }
    f.write_str(")")
}

impl Shape {
    /// Whether keys written under the `stored` shape are keys of this one: equal, but for variants added at the end of an
    /// enum.
    pub(crate) fn accepts(&self, stored: &str) -> bool {
        let mut rest = stored;
        self.strip(&mut rest) && rest.is_empty()
    }

    /// Takes the text of this shape, or of an earlier one that it accepts, off the front of `text`.
    fn strip(&self, text: &mut &str) -> bool {
        match self {
            Self::Tuple { parts } => strip_list(parts, text),
            Self::Enum { variants } => {
                if !strip_word("enum{", text) {
                    return false;
                }
                for (i, variant) in variants.iter().enumerate() {
                    if strip_word("}", text) {
                        return true; // the stored enum had fewer variants
                    }
                    let fits = (i == 0 || strip_word(",", text))
                        && strip_word(variant.name, text)
                        && (variant.fields.is_empty() || strip_list(variant.fields, text))
                        && text.starts_with([',', '}']);
                    if !fits {
                        return false;
                    }
                }
                strip_word("}", text)
            }
            single => strip_word(&single.to_string(), text),
        }
    }

    /// Key bytes, in last form, as a reader would write the key: `"a"`, `7`, `("acme", 7)`, `High(3)`; bytes that are no
    /// key of this shape as hexadecimal.
    pub(crate) fn render(&self, bytes: &[u8]) -> String {
        let (mut text, mut rest) = (String::new(), bytes);
        match self.render_one(&mut rest, true, &mut text) {
            Ok(()) if rest.is_empty() => text,
            _ => format!("bytes {}", bytes_as_text(bytes)),
        }
    }

    fn render_one(&self, bytes: &mut &[u8], last: bool, out: &mut String) -> Result<(), KeyError> {
        // Writing to a String does not fail.
        macro_rules! show {
            ($type:ty, $format:literal) => {{
                let _ = write!(out, $format, <$type>::decode_part(bytes)?);
            }};
        }
        match self {
            Self::Bool => show!(bool, "{}"),
            Self::Char => show!(char, "{:?}"),
            Self::U8 => show!(u8, "{}"),
            Self::U16 => show!(u16, "{}"),
            Self::U32 => show!(u32, "{}"),
            Self::U64 => show!(u64, "{}"),
            Self::U128 => show!(u128, "{}"),
            Self::I8 => show!(i8, "{}"),
            Self::I16 => show!(i16, "{}"),
            Self::I32 => show!(i32, "{}"),
            Self::I64 => show!(i64, "{}"),
            Self::I128 => show!(i128, "{}"),
            Self::String if last => {
                let _ = write!(out, "{:?}", String::decode_last(std::mem::take(bytes))?);
            }
            Self::String => show!(String, "{:?}"),
            Self::Bytes => {
                let value = if last { std::mem::take(bytes).to_vec() } else { Vec::<u8>::decode_part(bytes)? };
                out.push_str(&bytes_as_text(&value));
            }
            Self::ByteArray(len) => {
                let (head, rest) = bytes.split_at_checked(*len).ok_or(KeyError::Short)?;
                *bytes = rest;
                out.push_str(&bytes_as_text(head));
            }
            Self::Uuid => {
                let _ = write!(out, "{:032x}", u128::from_be_bytes(take(bytes)?));
            }
            Self::Tuple { parts } => render_list(parts, bytes, last, out)?,
            Self::Enum { variants } => {
                let number = usize::from(u16::from_be_bytes(take(bytes)?));
                let variant = variants.get(number).ok_or(KeyError::Value("variant"))?;
                out.push_str(variant.name);
                if !variant.fields.is_empty() {
                    render_list(variant.fields, bytes, last, out)?;
                }
            }
        }
        Ok(())
    }
}

fn render_list(shapes: &[Shape], bytes: &mut &[u8], last: bool, out: &mut String) -> Result<(), KeyError> {
    out.push('(');
    for (i, shape) in shapes.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        shape.render_one(bytes, last && i + 1 == shapes.len(), out)?;
    }
    out.push(')');
    Ok(())
}

fn strip_word(word: &str, text: &mut &str) -> bool {
    text.strip_prefix(word).map(|rest| *text = rest).is_some()
}

fn strip_list(shapes: &[Shape], text: &mut &str) -> bool {
    strip_word("(", text)
        && shapes.iter().enumerate().all(|(i, shape)| (i == 0 || strip_word(",", text)) && shape.strip(text))
        && strip_word(")", text)
}

/// Bytes in hexadecimal, at most 64 of them: enough to find the key, not enough to fill a log.
pub(crate) fn bytes_as_text(bytes: &[u8]) -> String {
    const SHOWN: usize = 64;
    let mut text = String::from("0x");
    for byte in bytes.iter().take(SHOWN) {
        let _ = write!(text, "{byte:02x}");
    }
    if bytes.len() > SHOWN {
        let _ = write!(text, ".. ({} bytes)", bytes.len());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Shape = Shape::Enum { variants: &[Variant { name: "Low", fields: &[] }] };
    const NEW: Shape = Shape::Enum {
        variants: &[
            Variant { name: "Low", fields: &[] },
            Variant { name: "High", fields: &[Shape::U32, Shape::String] },
        ],
    };
    const LOWER: Shape = Shape::Enum { variants: &[Variant { name: "Lower", fields: &[] }] };

    #[test]
    fn text_is_canonical() {
        assert_eq!(Shape::Tuple { parts: &[Shape::String, NEW] }.to_string(), "(string,enum{Low,High(u32,string)})");
        assert_eq!(Shape::ByteArray(16).to_string(), "bytes[16]");
    }

    #[test]
    fn an_enum_grows_only_at_its_end() {
        assert!(NEW.accepts(&OLD.to_string()) && NEW.accepts(&NEW.to_string()));
        assert!(!OLD.accepts(&NEW.to_string()) && !OLD.accepts(&LOWER.to_string()) && !LOWER.accepts(&OLD.to_string()));
        let (new, old) = (Shape::Tuple { parts: &[NEW, Shape::U8] }, Shape::Tuple { parts: &[OLD, Shape::U8] });
        assert!(new.accepts(&old.to_string()) && !old.accepts(&new.to_string()));
    }

    #[test]
    fn other_widths_are_other_shapes() {
        assert!(!Shape::U8.accepts("u16") && !Shape::U16.accepts("u8") && !Shape::U128.accepts("u12"));
        assert!(!Shape::Bytes.accepts("bytes[4]") && !Shape::ByteArray(4).accepts("bytes"));
    }

    #[test]
    fn keys_read_as_written() {
        let mut key = crate::key::hidden::KeyBuf::new();
        (String::from("a\0b"), 7_u64).encode_last(&mut key);
        assert_eq!(Shape::Tuple { parts: &[Shape::String, Shape::U64] }.render(key.as_slice()), r#"("a\0b", 7)"#);
        assert_eq!(NEW.render(&[0, 1, 0, 0, 0, 9, b'x']), r#"High(9, "x")"#);
        assert_eq!(Shape::U64.render(&[1, 2]), "bytes 0x0102");
    }
}
