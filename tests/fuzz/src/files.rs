//! The files in a database's directory that kvstore reads itself: the marker, RocksDB's logs and its manifest.
//!
//! An input is what kind of file it is for, and the file; or, since any bytes have a wrong checksum most of the time, what
//! the file is made of, see [`framed`].

use std::{fs, io};

use fastrand::Rng;

use crate::{Target, Verdict, mutate, within};

pub(crate) const TARGET: Target = Target { name: "files", stack: crate::THREAD, check, sample, mutate: mutate::bytes };

/// The number of the log; in a file of that number, what another number has left is passed over.
const NUMBER: u32 = 7;

const BLOCK: usize = 32 << 10;

fn check(input: &[u8]) -> Result<Verdict, String> {
    let Some((kind, bytes)) = input.split_first() else { return Ok(Verdict::Refused) };
    match kind % 8 {
        0 => check_marker(bytes),
        1 => {
            let text = [bytes, format!("crc {:08x}\n", crc32c::crc32c(bytes)).as_bytes()].concat();
            check_marker(&text)
        }
        2 => check_log(bytes, None),
        3 => {
            let (log, count) = framed(bytes);
            check_log(&log, count)
        }
        4 => check_manifest(bytes),
        5 => check_manifest(&framed(bytes).0),
        6 => check_table(bytes),
        _ => check_table(&footed(bytes)),
    }
}

/// A marker is read only where it has every byte as it is written.
fn check_marker(bytes: &[u8]) -> Result<Verdict, String> {
    let failed = |error: io::Error| error.to_string();
    let directory = tempfile::tempdir().map_err(failed)?;
    let path = directory.path().join("KVSTORE");
    fs::write(&path, bytes).map_err(failed)?;
    match within(64 << 10, || kvstore_inside::rewrite_marker(directory.path()))? {
        Ok(true) if fs::read(&path).map_err(failed)? == bytes => Ok(Verdict::Accepted),
        Ok(true) => Err("a marker is written with other bytes than it was read from".into()),
        Ok(false) => Err("a marker is passed over".into()),
        Err(kvstore::Error::Corrupt { .. } | kvstore::Error::Unsupported { .. }) => Ok(Verdict::Refused),
        Err(other) => Err(format!("an error that damage does not explain: {other:?}")),
    }
}

/// Records end one behind the other, within the log; `count` of them, where nothing is wrong.
pub(crate) fn check_log(log: &[u8], count: Option<usize>) -> Result<Verdict, String> {
    // Two readers, each with a block that grows to its size.
    let most = 8 * BLOCK + 4 * log.len();
    let found = within(most, || kvstore_inside::read_log(log, NUMBER.into()))?.map_err(|error| error.to_string())?;
    if !found.ends.is_sorted_by(|a, b| a < b) || found.ends.last().is_some_and(|end| *end > log.len() as u64) {
        return Err(format!("records end at {:?} in a log of {} bytes", found.ends, log.len()));
    }
    if found.kept > log.len() {
        return Err(format!("records of {} bytes were read from a log of {}", found.kept, log.len()));
    }
    match count {
        Some(count) if !found.is_whole || found.ends.len() != count => {
            Err(format!("of {count} records {} were read", found.ends.len()))
        }
        _ => Ok(if found.is_whole { Verdict::Accepted } else { Verdict::Refused }),
    }
}

fn check_manifest(bytes: &[u8]) -> Result<Verdict, String> {
    let failed = |error: io::Error| error.to_string();
    let directory = tempfile::tempdir().map_err(failed)?;
    let path = directory.path().join("MANIFEST-000001");
    fs::write(&path, bytes).map_err(failed)?;
    let most = 4 * BLOCK + 4 * bytes.len();
    let is_sound = within(most, || kvstore_inside::read_manifest(&path))?.map_err(failed)?;
    Ok(if is_sound { Verdict::Accepted } else { Verdict::Refused })
}

fn check_table(bytes: &[u8]) -> Result<Verdict, String> {
    let failed = |error: io::Error| error.to_string();
    let directory = tempfile::tempdir().map_err(failed)?;
    let path = directory.path().join("000001.sst");
    fs::write(&path, bytes).map_err(failed)?;
    let most = 4 * BLOCK + 4 * bytes.len();
    let last = within(most, || kvstore_inside::read_table(&path))?.map_err(failed)?;
    Ok(if last.is_some() { Verdict::Accepted } else { Verdict::Refused })
}

/// A table whose last block is the bytes, behind which come what ends a block and a footer.
fn footed(block: &[u8]) -> Vec<u8> {
    let size = u32::try_from(block.len()).unwrap_or(u32::MAX).to_le_bytes();
    let (extended_magic, version) = ([0x3E, 0x00, 0x7A, 0x00], 6_u32.to_le_bytes());
    let magic = 0x88E2_41B7_85F4_CFF7_u64.to_le_bytes();
    [block, &[0; 5], &[1], &extended_magic, &[0; 8], &size, &[0; 24], &version, &magic].concat()
}

/// A log with right checksums, and how many records it has where nothing in it is wrong. It is made of these: flags, the
/// length of a record in two bytes, the length of a pattern in one, and the pattern, which is repeated to that length. A
/// flag of the upper half makes it one fragment, of the type in the lower half, or with a wrong checksum.
pub(crate) fn framed(mut input: &[u8]) -> (Vec<u8>, Option<usize>) {
    let (mut log, mut count) = (Vec::new(), Some(0));
    // Some blocks are enough.
    while log.len() < 2 * BLOCK
        && let Some(([flags, length_0, length_1, pattern], rest)) = input.split_first_chunk()
    {
        let (pattern, rest) = rest.split_at(usize::from(*pattern).min(rest.len()));
        let length = usize::from(u16::from_le_bytes([*length_0, *length_1]));
        let record: Vec<u8> = pattern
            .iter()
            .copied()
            .chain([0].into_iter().filter(|_| pattern.is_empty()))
            .cycle()
            .take(length)
            .collect();
        if flags >> 4 == 0 {
            write_record(&mut log, &record, flags & 1 == 1);
            count = count.map(|count| count + 1);
        } else {
            write_fragment(&mut log, &record, flags & 0x0F, flags >> 4 == 1);
            count = None;
        }
        input = rest;
    }
    (log, count)
}

/// As RocksDB lays out a record: in as many fragments as there are blocks for it.
fn write_record(log: &mut Vec<u8>, record: &[u8], is_recycled: bool) {
    let head = if is_recycled { 11 } else { 7 };
    let (mut rest, mut first) = (record, true);
    loop {
        let left = BLOCK - log.len() % BLOCK;
        if left < head {
            log.resize(log.len() + left, 0);
            continue;
        }
        let (part, behind) = rest.split_at(rest.len().min(left - head));
        let kind = match (first, behind.is_empty()) {
            (true, true) => 1,
            (true, false) => 2,
            (false, false) => 3,
            (false, true) => 4,
        };
        write_fragment(log, part, if is_recycled { kind + 4 } else { kind }, true);
        (rest, first) = (behind, false);
        if rest.is_empty() {
            return;
        }
    }
}

fn write_fragment(log: &mut Vec<u8>, bytes: &[u8], kind: u8, is_sound: bool) {
    let mut covered = vec![kind];
    if matches!(kind, 5..=8 | 11) {
        covered.extend(NUMBER.to_le_bytes());
    }
    covered.extend(bytes);
    let checksum = crc32c::crc32c(&covered).rotate_left(17).wrapping_add(0xA282_EAD8);
    log.extend((checksum ^ u32::from(!is_sound)).to_le_bytes());
    log.extend(u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_le_bytes());
    log.extend(covered);
}

fn sample(rng: &mut Rng) -> Vec<u8> {
    match rng.u8(..4) {
        0 => marker(rng).into_bytes(),
        1 => [&[3], frames(rng, commit).as_slice()].concat(),
        2 => [&[5], frames(rng, edit).as_slice()].concat(),
        _ => table(rng),
    }
}

/// The last block of a table, in which the properties lie where that block itself does.
fn table(rng: &mut Rng) -> Vec<u8> {
    let mut block = vec![7];
    let mut entry = |key: &[u8], value: &[u8]| {
        for number in [rng.u64(..2) * rng.u64(..8), key.len() as u64, value.len() as u64] {
            varint(&mut block, number);
        }
        block.extend([key, value].concat());
    };
    let (mut place, mut last) = (Vec::new(), Vec::new());
    for number in [0, 60] {
        varint(&mut place, number);
    }
    varint(&mut last, 1 << 20);
    entry(b"rocksdb.key.largest.seqno", &last);
    entry(b"rocksdb.properties", &place);
    block
}

fn marker(rng: &mut Rng) -> String {
    let state = rng.choice(&["creating", "open", "clean"]).unwrap_or(&"open");
    let durability = if rng.bool() { "sync" } else { "buffered" };
    // The kind of file comes first.
    format!(
        "\u{1}kvstore 1\nid {:032x}\nstate {state}\ndurability {durability}\nsynced {}\n",
        rng.u128(..),
        rng.u64(..)
    )
}

fn frames(rng: &mut Rng, record: fn(&mut Rng) -> Vec<u8>) -> Vec<u8> {
    let mut frames = Vec::new();
    for _ in 0..rng.u32(..6) {
        let record = record(rng);
        let pattern = u8::try_from(record.len()).unwrap_or(u8::MAX);
        // Now and then a long one, that goes on in the next block.
        let length = if rng.u8(..8) == 0 { rng.u16(..) } else { u16::from(pattern) };
        let [length_0, length_1] = length.to_le_bytes();
        frames.extend([u8::from(rng.u8(..8) == 0), length_0, length_1, pattern]);
        frames.extend(&record[..usize::from(pattern)]);
    }
    frames
}

/// The head of a commit, and some bytes.
fn commit(rng: &mut Rng) -> Vec<u8> {
    [rng.u64(..100).to_le_bytes().as_slice(), &1_u32.to_le_bytes(), &mutate::any_bytes(rng)].concat()
}

/// Fields of an edit in a manifest: a tag, and what goes with it.
fn edit(rng: &mut Rng) -> Vec<u8> {
    let mut edit = Vec::new();
    for _ in 0..rng.u32(..6) {
        let tag =
            *rng.choice(&[1_u64, 2, 3, 4, 5, 6, 7, 9, 10, 100, 102, 103, 200, 201, 202, 203, 300, 8200]).unwrap_or(&2);
        varint(&mut edit, tag);
        for _ in 0..rng.u32(..8) {
            let number = rng.u64(..) >> rng.u32(32..64);
            varint(&mut edit, number);
        }
    }
    edit
}

fn varint(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}
