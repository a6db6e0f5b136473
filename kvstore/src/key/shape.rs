//! The canonical description of a key's bytes.

use std::fmt;

/// What the bytes of a key type look like.
///
/// Its text, from [`Display`](fmt::Display), is kept in the catalog and compared when a store is opened, in place of the
/// names of Rust types: `u64`, `(string,u64)`, `(tenant:string,number:u64)`, `enum{Low,High(u32)}`. A newtype's shape is
/// that of its field.
// No variant has the name of a type of the standard library: the compiler would then show that type with its whole path
// in every message.
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
    /// `NonZero` of an integer
    NonZeroInt {
        /// The integer.
        of: &'static Shape,
    },
    /// `String`, `Box<str>`, `Arc<str>`
    Text,
    /// `Vec<u8>`, `Box<[u8]>`, `Arc<[u8]>`
    Bytes,
    /// `[u8; N]`
    ByteArray(usize),
    /// `uuid::Uuid`
    Uuid,
    /// `Ipv4Addr`
    Ipv4,
    /// `Ipv6Addr`
    Ipv6,
    /// `IpAddr`
    Ip,
    /// `SocketAddrV4`
    SocketV4,
    /// `SocketAddrV6`
    SocketV6,
    /// `SocketAddr`
    Socket,
    /// `Duration`
    TimeSpan,
    /// `SystemTime`
    Time,
    /// `Option` of a key
    Optional {
        /// The key.
        of: &'static Shape,
    },
    /// `Reverse` of a key
    Reversed {
        /// The key.
        of: &'static Shape,
    },
    /// A tuple, or a tuple struct of several fields.
    Tuple {
        /// The parts in order.
        parts: &'static [Shape],
    },
    /// A struct of several named fields.
    Struct {
        /// The fields in order.
        fields: &'static [KeyField],
    },
    /// An enum.
    Enum {
        /// The variants in order of their numbers.
        variants: &'static [Variant],
    },
}

/// A field of a struct, or of a variant, in a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyField {
    /// Its name, without raw-identifier prefix; empty in a tuple variant.
    pub name: &'static str,
    /// The names that it had before: `#[key(alias = "old")]`.
    pub aliases: &'static [&'static str],
    /// What its bytes look like.
    pub shape: Shape,
}

/// One variant of an enum used as a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variant {
    /// Its name, without raw-identifier prefix.
    pub name: &'static str,
    /// Its fields in order.
    pub fields: &'static [KeyField],
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
            Self::NonZeroInt { of } => write!(f, "nonzero({of})"),
            Self::Text => f.write_str("string"),
            Self::Bytes => f.write_str("bytes"),
            Self::ByteArray(len) => write!(f, "bytes[{len}]"),
            Self::Uuid => f.write_str("uuid"),
            Self::Ipv4 => f.write_str("ipv4"),
            Self::Ipv6 => f.write_str("ipv6"),
            Self::Ip => f.write_str("ip"),
            Self::SocketV4 => f.write_str("socketv4"),
            Self::SocketV6 => f.write_str("socketv6"),
            Self::Socket => f.write_str("socket"),
            Self::TimeSpan => f.write_str("duration"),
            Self::Time => f.write_str("time"),
            Self::Optional { of } => write!(f, "option({of})"),
            Self::Reversed { of } => write!(f, "reverse({of})"),
            Self::Tuple { parts } => write_list(f, "(", parts, ")"),
            Self::Struct { fields } => write_list(f, "(", fields, ")"),
            Self::Enum { variants } => write_list(f, "enum{", variants, "}"),
        }
    }
}

impl fmt::Display for KeyField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, shape, .. } = self;
        if name.is_empty() { write!(f, "{shape}") } else { write!(f, "{name}:{shape}") }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)?;
        if self.fields.is_empty() { Ok(()) } else { write_list(f, "(", self.fields, ")") }
    }
}

fn write_list<T: fmt::Display>(f: &mut fmt::Formatter<'_>, open: &str, items: &[T], close: &str) -> fmt::Result {
    f.write_str(open)?;
    for (i, item) in items.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { "," })?;
        write!(f, "{item}")?;
    }
    f.write_str(close)
}

impl Shape {
    /// Whether keys written under the `stored` shape are keys of this one. The two are equal, but for variants added at
    /// the end of an enum, for fields whose stored name is an alias, and for fields that were stored without names, as
    /// earlier versions did.
    pub(crate) fn accepts(&self, stored: &str) -> bool {
        let mut rest = stored;
        self.strip(&mut rest) && rest.is_empty()
    }

    /// Whether the `stored` shape, which this one does not accept, has the same types in the same order.
    pub(crate) fn differs_in_names(&self, stored: &str) -> bool {
        without_names(&self.to_string()) == without_names(stored)
    }

    /// Takes the text of this shape, or of an earlier one that it accepts, off the front of `text`.
    fn strip(&self, text: &mut &str) -> bool {
        match self {
            Self::Optional { of } => strip_word("option(", text) && of.strip(text) && strip_word(")", text),
            Self::Reversed { of } => strip_word("reverse(", text) && of.strip(text) && strip_word(")", text),
            Self::Tuple { parts } => strip_list(parts, text, Self::strip),
            Self::Struct { fields } => strip_fields(fields, text),
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
                        && (variant.fields.is_empty() || strip_fields(variant.fields, text))
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
}

/// The text of a shape without the names of fields.
fn without_names(text: &str) -> String {
    let parts = text.split_inclusive(['(', ',', '{']);
    parts.map(|part| part.split_once(':').map_or(part, |(_, shape)| shape)).collect()
}

fn strip_word(word: &str, text: &mut &str) -> bool {
    text.strip_prefix(word).map(|rest| *text = rest).is_some()
}

fn strip_list<T>(items: &[T], text: &mut &str, strip: impl Fn(&T, &mut &str) -> bool) -> bool {
    strip_word("(", text)
        && items.iter().enumerate().all(|(i, item)| (i == 0 || strip_word(",", text)) && strip(item, text))
        && strip_word(")", text)
}

/// Either all fields are stored with their names, or none is.
fn strip_fields(fields: &[KeyField], text: &mut &str) -> bool {
    let named = |field: &KeyField, text: &mut &str| strip_name(field, text) && field.shape.strip(text);
    let start = *text;
    if strip_list(fields, text, named) {
        return true;
    }
    *text = start;
    strip_list(fields, text, |field, text| field.shape.strip(text))
}

fn strip_name(field: &KeyField, text: &mut &str) -> bool {
    field.name.is_empty()
        || std::iter::once(&field.name).chain(field.aliases).any(|name| {
            text.strip_prefix(*name).and_then(|rest| rest.strip_prefix(':')).map(|rest| *text = rest).is_some()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: Shape = Shape::Enum { variants: &[Variant { name: "Low", fields: &[] }] };
    const HIGH: Variant = Variant { name: "High", fields: &[field("", Shape::U32), field("", Shape::Text)] };
    const NEW: Shape = Shape::Enum { variants: &[Variant { name: "Low", fields: &[] }, HIGH] };
    const LOWER: Shape = Shape::Enum { variants: &[Variant { name: "Lower", fields: &[] }] };
    const ROUTE: Shape = Shape::Struct { fields: &[field("from", Shape::U32), field("to", Shape::U32)] };

    const fn field(name: &'static str, shape: Shape) -> KeyField {
        KeyField { name, aliases: &[], shape }
    }

    #[test]
    fn text_is_canonical() {
        assert_eq!(Shape::Tuple { parts: &[Shape::Text, NEW] }.to_string(), "(string,enum{Low,High(u32,string)})");
        assert_eq!(Shape::ByteArray(16).to_string(), "bytes[16]");
        assert_eq!(ROUTE.to_string(), "(from:u32,to:u32)");
        let shape = Shape::Optional { of: &Shape::Reversed { of: &Shape::NonZeroInt { of: &Shape::I8 } } };
        assert_eq!(shape.to_string(), "option(reverse(nonzero(i8)))");
    }

    #[test]
    fn an_enum_grows_only_at_its_end() {
        assert!(NEW.accepts(&OLD.to_string()) && NEW.accepts(&NEW.to_string()));
        assert!(!OLD.accepts(&NEW.to_string()) && !OLD.accepts(&LOWER.to_string()) && !LOWER.accepts(&OLD.to_string()));
        let (new, old) = (Shape::Tuple { parts: &[NEW, Shape::U8] }, Shape::Tuple { parts: &[OLD, Shape::U8] });
        assert!(new.accepts(&old.to_string()) && !old.accepts(&new.to_string()));
        let (new, old) = (Shape::Optional { of: &NEW }, Shape::Optional { of: &OLD });
        assert!(new.accepts(&old.to_string()) && !old.accepts(&new.to_string()));
    }

    #[test]
    fn other_widths_are_other_shapes() {
        assert!(!Shape::U8.accepts("u16") && !Shape::U16.accepts("u8") && !Shape::U128.accepts("u12"));
        assert!(!Shape::Bytes.accepts("bytes[4]") && !Shape::ByteArray(4).accepts("bytes"));
        assert!(!Shape::Ip.accepts("ipv4") && !Shape::Ipv4.accepts("ip") && !Shape::U64.accepts("nonzero(u64)"));
    }

    #[test]
    fn swapped_fields_are_another_shape() {
        const SWAPPED: &[KeyField] = &[field("to", Shape::U32), field("from", Shape::U32)];
        let swapped = Shape::Struct { fields: SWAPPED };
        assert!(ROUTE.accepts(&ROUTE.to_string()) && !swapped.accepts(&ROUTE.to_string()));
        let tuple = Shape::Tuple { parts: &[Shape::U32, Shape::U32] };
        assert!(
            !tuple.accepts(&ROUTE.to_string())
                && !ROUTE.accepts("(from:u32,u32)")
                && !ROUTE.accepts("(fromm:u32,to:u32)")
        );
    }

    #[test]
    fn other_names_are_told_from_other_types() {
        assert!(ROUTE.differs_in_names("(to:u32,from:u32)") && ROUTE.differs_in_names("(origin:u32,to:u32)"));
        assert!(!ROUTE.differs_in_names("(from:u32,to:u64)") && !ROUTE.differs_in_names("(from:u32,to:u32,by:u8)"));
        assert_eq!(without_names("enum{Via(route:(from:u32,to:u32),n:u8),Low}"), "enum{Via((u32,u32),u8),Low}");
    }

    #[test]
    fn fields_stored_without_names_fit_by_their_types() {
        const FIELDS: &[KeyField] = &[field("route", ROUTE), field("n", Shape::U8)];
        assert!(ROUTE.accepts("(u32,u32)") && !ROUTE.accepts("(u32,u64)") && !ROUTE.accepts("(u32)"));
        let nested = Shape::Enum { variants: &[Variant { name: "Via", fields: FIELDS }] };
        assert!(nested.accepts("enum{Via((u32,u32),u8)}"));
        assert!(nested.accepts("enum{Via(route:(from:u32,to:u32),n:u8)}"));
        assert!(!nested.accepts("enum{Via(n:u8,route:(from:u32,to:u32))}"));
    }

    #[test]
    fn a_renamed_field_fits_under_its_old_name() {
        const FROM: KeyField = KeyField { name: "from", aliases: &["origin", "fro"], shape: Shape::U32 };
        const FIELDS: &[KeyField] = &[FROM, field("to", Shape::U32)];
        let renamed = Shape::Struct { fields: FIELDS };
        assert!(renamed.accepts("(origin:u32,to:u32)") && renamed.accepts("(fro:u32,to:u32)"));
        assert!(renamed.accepts("(from:u32,to:u32)") && !renamed.accepts("(to:u32,from:u32)"));
    }
}
