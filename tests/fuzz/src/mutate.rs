//! Small changes to bytes.

use fastrand::Rng;

/// No input grows beyond this.
const MOST: usize = 8 << 10;

/// Some bytes.
pub(crate) fn any_bytes(rng: &mut Rng) -> Vec<u8> {
    let most = if rng.bool() { 16 } else { 512 };
    let length = rng.usize(..most);
    (0..length).map(|_| byte(rng)).collect()
}

/// Any byte, and those that mean something in some encoding more often.
fn byte(rng: &mut Rng) -> u8 {
    match rng.u8(..4) {
        0 => *rng.choice(&[0_u8, 1, 0x7F, 0x80, 0xFE, 0xFF]).unwrap_or(&0),
        _ => rng.u8(..),
    }
}

/// Any number, and those at some limit more often.
fn number(rng: &mut Rng) -> u64 {
    let edge = rng.u32(..64);
    match rng.u8(..5) {
        0 => u64::MAX >> edge,
        1 => 1 << edge,
        2 => (1_u64 << edge).wrapping_neg(),
        3 => rng.u64(..) >> edge,
        _ => rng.u64(..32),
    }
}

/// The head of an item of CBOR, of any kind and length, that may be longer than it must.
fn cbor_head(rng: &mut Rng) -> Vec<u8> {
    let (kind, argument) = (rng.u8(..8) << 5, number(rng).to_be_bytes());
    match rng.u8(..6) {
        0 => vec![kind | 31],
        1 => vec![kind | rng.u8(..24)],
        size => {
            let size = usize::from(size - 2);
            let mut head = vec![kind | [24, 25, 26, 27][size]];
            head.extend(&argument[8 - (1 << size)..]);
            head
        }
    }
}

/// A stretch of `bytes` that is not too long.
fn stretch(rng: &mut Rng, bytes: &[u8]) -> std::ops::Range<usize> {
    let start = rng.usize(..=bytes.len());
    let most = if rng.u8(..4) == 0 { bytes.len() } else { 8 };
    start..start + rng.usize(..=most.min(bytes.len() - start))
}

/// Changes `input` in one place; `other` is another input, to take parts of.
pub(crate) fn bytes(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8]) {
    let place = stretch(rng, input);
    match rng.u8(..9) {
        0 => {
            if let Some(byte) = input.get_mut(place.start) {
                *byte ^= 1 << rng.u8(..8);
            }
        }
        1 => {
            if let Some(found) = input.get_mut(place.start) {
                *found = byte(rng);
            }
        }
        2 => drop(input.drain(place)),
        3 => {
            let new: Vec<_> = (0..rng.usize(1..8)).map(|_| byte(rng)).collect();
            input.splice(place.start..place.start, new);
        }
        4 => {
            // Often enough to nest as deeply as can be.
            let most = if rng.u8(..8) == 0 { 600 } else { 4 };
            let again = input[place.clone()].repeat(rng.usize(1..most));
            input.splice(place.end..place.end, again);
        }
        5 => {
            let part = other[stretch(rng, other)].to_vec();
            input.splice(place, part);
        }
        // The beginning of one and the end of another.
        6 => {
            let from = rng.usize(..=other.len());
            input.splice(place.start.., other[from..].iter().copied());
        }
        7 => {
            let (number, little) = (number(rng), rng.bool());
            let size = 1 << rng.u32(..4);
            let new =
                if little { number.to_le_bytes()[..size].to_vec() } else { number.to_be_bytes()[8 - size..].to_vec() };
            let end = (place.start + size).min(input.len());
            input.splice(place.start..end, new);
        }
        _ => {
            let end = (place.start + rng.usize(..2)).min(input.len());
            input.splice(place.start..end, cbor_head(rng));
        }
    }
    input.truncate(MOST);
}
