//! Keys of fixed width: booleans, characters, integers, addresses and times.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::num::NonZero;
use std::time::{Duration, SystemTime};

use super::arg::own_argument;
use super::codec::{decode_whole, take};
use super::hidden::{KeyBuf, KeyCodec, KeyError};
use super::{Key, Shape};

// `do_not_recommend`, here and on other keys: which types are keys is said by the message of the trait, so that the
// compiler need not list eight of them.

/// A key whose two forms are the same bytes.
macro_rules! same_forms {
    ($type:ty, $shape:expr, |$value:ident, $out:ident| $encode:expr, |$bytes:ident| $decode:expr) => {
        impl KeyCodec for $type {
            type Root = Self;
            #[inline]
            fn encode_last(&self, $out: &mut KeyBuf) {
                let $value = self;
                $encode;
            }
            #[inline]
            fn encode_part(&self, out: &mut KeyBuf) {
                self.encode_last(out);
            }
            fn decode_last(bytes: &[u8]) -> Result<Self, KeyError> {
                decode_whole(bytes)
            }
            fn decode_part($bytes: &mut &[u8]) -> Result<Self, KeyError> {
                $decode
            }
        }
        own_argument!([] $type);
        #[diagnostic::do_not_recommend]
        impl Key for $type {
            const SHAPE: Shape = $shape;
        }
    };
}

/// The same for keys whose bytes are an array.
macro_rules! fixed_key {
    ($type:ty, $shape:expr, |$value:ident| $encode:expr, |$bytes:ident| $decode:expr) => {
        same_forms!($type, $shape, |$value, out| out.extend(&$encode), |$bytes| $decode);
    };
}

macro_rules! unsigned_keys {
    ($($type:ident $shape:ident),*) => {$(
        fixed_key!($type, Shape::$shape, |value| value.to_be_bytes(), |bytes| Ok(Self::from_be_bytes(take(bytes)?)));
        nonzero_key!($type $shape);
    )*};
}

// Flipping the sign bit moves the negatives before the others, in order.
macro_rules! signed_keys {
    ($($type:ident $unsigned:ident $shape:ident),*) => {$(
        fixed_key!(
            $type,
            Shape::$shape,
            |value| (value.cast_unsigned() ^ (1 << ($type::BITS - 1))).to_be_bytes(),
            |bytes| Ok(($unsigned::from_be_bytes(take(bytes)?) ^ (1 << ($type::BITS - 1))).cast_signed())
        );
        nonzero_key!($type $shape);
    )*};
}

macro_rules! nonzero_key {
    ($type:ident $shape:ident) => {
        same_forms!(
            NonZero<$type>,
            Shape::NonZeroInt { of: &Shape::$shape },
            |value, out| value.get().encode_last(out),
            |bytes| Self::new($type::decode_part(bytes)?).ok_or(KeyError::Value("number but zero"))
        );
    };
}

unsigned_keys!(u8 U8, u16 U16, u32 U32, u64 U64, u128 U128);
signed_keys!(i8 u8 I8, i16 u16 I16, i32 u32 I32, i64 u64 I64, i128 u128 I128);

fixed_key!(bool, Shape::Bool, |value| [u8::from(*value)], |bytes| match take(bytes)? {
    [0] => Ok(false),
    [1] => Ok(true),
    _ => Err(KeyError::Value("boolean")),
});

fixed_key!(char, Shape::Char, |value| u32::from(*value).to_be_bytes(), |bytes| {
    char::from_u32(u32::from_be_bytes(take(bytes)?)).ok_or(KeyError::Value("character"))
});

#[cfg(feature = "uuid")]
fixed_key!(uuid::Uuid, Shape::Uuid, |value| *value.as_bytes(), |bytes| Ok(Self::from_bytes(take(bytes)?)));

fixed_key!(Ipv4Addr, Shape::Ipv4, |value| value.octets(), |bytes| Ok(Self::from(take::<4>(bytes)?)));
fixed_key!(Ipv6Addr, Shape::Ipv6, |value| value.octets(), |bytes| Ok(Self::from(take::<16>(bytes)?)));

/// A key of version 4 or 6 of something, by one byte in front.
macro_rules! versioned_key {
    ($type:ident $shape:ident, $v4:ident $v6:ident) => {
        same_forms!(
            $type,
            Shape::$shape,
            |value, out| match value {
                Self::V4(address) => {
                    out.push(4);
                    address.encode_last(out);
                }
                Self::V6(address) => {
                    out.push(6);
                    address.encode_last(out);
                }
            },
            |bytes| match take(bytes)? {
                [4] => $v4::decode_part(bytes).map(Self::V4),
                [6] => $v6::decode_part(bytes).map(Self::V6),
                _ => Err(KeyError::Value("version of IP")),
            }
        );
    };
}

versioned_key!(IpAddr Ip, Ipv4Addr Ipv6Addr);
versioned_key!(SocketAddr Socket, SocketAddrV4 SocketAddrV6);

same_forms!(
    SocketAddrV4,
    Shape::SocketV4,
    |value, out| {
        value.ip().encode_last(out);
        value.port().encode_last(out);
    },
    |bytes| Ok(Self::new(Ipv4Addr::decode_part(bytes)?, u16::decode_part(bytes)?))
);

same_forms!(
    SocketAddrV6,
    Shape::SocketV6,
    |value, out| {
        value.ip().encode_last(out);
        value.port().encode_last(out);
        value.flowinfo().encode_last(out);
        value.scope_id().encode_last(out);
    },
    |bytes| {
        let (ip, port) = (Ipv6Addr::decode_part(bytes)?, u16::decode_part(bytes)?);
        Ok(Self::new(ip, port, u32::decode_part(bytes)?, u32::decode_part(bytes)?))
    }
);

/// Nanoseconds within a second.
fn decode_nanos(bytes: &mut &[u8]) -> Result<u32, KeyError> {
    let nanos = u32::decode_part(bytes)?;
    if nanos < 1_000_000_000 { Ok(nanos) } else { Err(KeyError::Value("nanosecond")) }
}

same_forms!(
    Duration,
    Shape::TimeSpan,
    |value, out| {
        value.as_secs().encode_last(out);
        value.subsec_nanos().encode_last(out);
    },
    |bytes| Ok(Self::new(u64::decode_part(bytes)?, decode_nanos(bytes)?))
);

/// Seconds since 1970, rounded down, and the nanoseconds that follow.
fn since_epoch(time: SystemTime) -> (i64, u32) {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(after) => (i64::try_from(after.as_secs()).unwrap_or(i64::MAX), after.subsec_nanos()),
        Err(before) => {
            let before = before.duration();
            let seconds = 0_i64.checked_sub_unsigned(before.as_secs()).unwrap_or(i64::MIN);
            match before.subsec_nanos() {
                0 => (seconds, 0),
                nanos => (seconds.saturating_sub(1), 1_000_000_000 - nanos),
            }
        }
    }
}

/// The time that is so far from 1970, if the platform has it.
fn from_epoch(seconds: i64, nanos: u32) -> Option<SystemTime> {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let second = if seconds < 0 { epoch.checked_sub(whole) } else { epoch.checked_add(whole) }?;
    // Where a clock has longer steps, what lies between two of them is no time.
    second.checked_add(Duration::from_nanos(nanos.into())).filter(|time| since_epoch(*time) == (seconds, nanos))
}

same_forms!(
    SystemTime,
    Shape::Time,
    |value, out| {
        let (seconds, nanos) = since_epoch(*value);
        seconds.encode_last(out);
        nanos.encode_last(out);
    },
    |bytes| {
        let (seconds, nanos) = (i64::decode_part(bytes)?, decode_nanos(bytes)?);
        from_epoch(seconds, nanos).ok_or(KeyError::Value("time on this platform"))
    }
);
