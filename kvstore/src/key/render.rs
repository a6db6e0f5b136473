//! Key bytes as readable text, for errors.

use std::fmt::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::time::Duration;

use super::Shape;
use super::codec::take;
use super::hidden::{KeyBuf, KeyCodec, KeyError};

impl Shape {
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
            Self::NonZeroInt { of } => of.render_one(bytes, last, out)?,
            Self::Text if last => {
                let _ = write!(out, "{:?}", String::decode_last(std::mem::take(bytes))?);
            }
            Self::Text => show!(String, "{:?}"),
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
            Self::Ipv4 => show!(Ipv4Addr, "{}"),
            Self::Ipv6 => show!(Ipv6Addr, "{}"),
            Self::Ip => show!(IpAddr, "{}"),
            Self::SocketV4 => show!(SocketAddrV4, "{}"),
            Self::SocketV6 => show!(SocketAddrV6, "{}"),
            Self::Socket => show!(SocketAddr, "{}"),
            Self::TimeSpan => show!(Duration, "{:?}"),
            Self::Time => {
                let (seconds, nanos) = (i64::decode_part(bytes)?, u32::decode_part(bytes)?);
                let _ = write!(out, "{}", Utc { seconds, nanos });
            }
            Self::Optional { of } => match take(bytes)? {
                [0] => out.push_str("None"),
                [1] => render_list("Some(", &[of], bytes, last, out)?,
                _ => return Err(KeyError::Value("option")),
            },
            Self::Reversed { of } => {
                let mut flipped = KeyBuf::from_bytes(bytes);
                flipped.flip_from(0);
                let mut rest = flipped.as_slice();
                render_list("Reverse(", &[of], &mut rest, false, out)?;
                *bytes = bytes.get(bytes.len() - rest.len()..).unwrap_or_default();
            }
            Self::Tuple { parts } => render_list("(", &parts.iter().collect::<Vec<_>>(), bytes, last, out)?,
            Self::Struct { fields } => {
                let shapes: Vec<_> = fields.iter().map(|field| &field.shape).collect();
                render_list("(", &shapes, bytes, last, out)?;
            }
            Self::Enum { variants } => {
                let number = usize::from(u16::from_be_bytes(take(bytes)?));
                let variant = variants.get(number).ok_or(KeyError::Value("variant"))?;
                out.push_str(variant.name);
                if !variant.fields.is_empty() {
                    let shapes: Vec<_> = variant.fields.iter().map(|field| &field.shape).collect();
                    render_list("(", &shapes, bytes, last, out)?;
                }
            }
        }
        Ok(())
    }
}

fn render_list(open: &str, shapes: &[&Shape], bytes: &mut &[u8], last: bool, out: &mut String) -> Result<(), KeyError> {
    out.push_str(open);
    for (i, shape) in shapes.iter().enumerate() {
        out.push_str(if i == 0 { "" } else { ", " });
        shape.render_one(bytes, last && i + 1 == shapes.len(), out)?;
    }
    // As Rust writes a tuple of one.
    out.push_str(if open == "(" && shapes.len() == 1 { ",)" } else { ")" });
    Ok(())
}

/// A moment as RFC 3339 writes it: `2023-11-14T22:13:20.5Z`.
struct Utc {
    seconds: i64,
    nanos: u32,
}

impl fmt::Display for Utc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second) = (self.seconds.div_euclid(86_400), self.seconds.rem_euclid(86_400));
        // The Gregorian calendar repeats after 146,097 days, which are 400 years. With years that begin in March, the leap
        // day is the last of its year, and the months' lengths follow one line.
        let days = days + 719_468;
        let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let march = (5 * day + 2) / 153;
        let (day, month) = (day - (153 * march + 2) / 5 + 1, if march < 10 { march + 3 } else { march - 9 });
        let year = era * 400 + year + i64::from(month <= 2);
        let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos > 0 {
            write!(f, ".{}", format!("{:09}", self.nanos).trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
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
    use std::cmp::Reverse;
    use std::net::IpAddr;
    use std::num::NonZero;
    use std::time::{Duration, SystemTime};

    use super::Utc;
    use crate::key::hidden::KeyBuf;
    use crate::key::{Key, KeyField, Shape, Variant};

    fn shown<K: Key>(key: &K) -> String {
        let mut bytes = KeyBuf::new();
        key.encode_last(&mut bytes);
        K::SHAPE.render(bytes.as_slice())
    }

    #[test]
    fn keys_read_as_written() {
        assert_eq!(shown(&(String::from("a\0b"), 7_u64)), r#"("a\0b", 7)"#);
        assert_eq!(shown(&(String::from("a"),)), r#"("a",)"#);
        assert_eq!(shown(&(Some(String::from("a")), None::<u8>, NonZero::<i8>::MIN)), r#"(Some("a"), None, -128)"#);
        assert_eq!(shown(&(Reverse((String::from("a"), 7_u8)), Reverse(1_u8))), r#"(Reverse(("a", 7)), Reverse(1))"#);
        assert_eq!(shown(&IpAddr::from([127, 0, 0, 1])), "127.0.0.1");
        assert_eq!(shown(&std::net::SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], 80))), "[::1]:80");
        assert_eq!(shown(&Duration::from_millis(1_500)), "1.5s");
        assert_eq!(shown(&SystemTime::UNIX_EPOCH), "1970-01-01T00:00:00Z");
    }

    #[test]
    fn variants_show_their_fields_and_other_bytes_are_hexadecimal() {
        const HIGH: &[KeyField] = &[
            KeyField { name: "by", aliases: &[], shape: Shape::U32 },
            KeyField { name: "to", aliases: &[], shape: Shape::Text },
        ];
        let level =
            Shape::Enum { variants: &[Variant { name: "Low", fields: &[] }, Variant { name: "High", fields: HIGH }] };
        assert_eq!(level.render(&[0, 1, 0, 0, 0, 9, b'x']), r#"High(9, "x")"#);
        assert_eq!(Shape::U64.render(&[1, 2]), "bytes 0x0102");
    }

    #[test]
    fn moments_follow_the_calendar() {
        for (seconds, nanos, expected) in [
            (1_700_000_000, 500_000_000, "2023-11-14T22:13:20.5Z"),
            (951_782_399, 0, "2000-02-28T23:59:59Z"),
            (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (951_868_800, 1, "2000-03-01T00:00:00.000000001Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
            (-1, 0, "1969-12-31T23:59:59Z"),
            (-62_167_219_200, 0, "0000-01-01T00:00:00Z"),
        ] {
            assert_eq!(Utc { seconds, nanos }.to_string(), expected);
        }
        for seconds in [i64::MIN, i64::MAX] {
            assert!(Utc { seconds, nanos: 0 }.to_string().ends_with('Z'));
        }
    }
}
