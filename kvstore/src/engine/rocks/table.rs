//! Reads from the end of a table which commits it holds.
//!
//! A table ends with a footer of 53 bytes, the block in front of it lists the other blocks by name, and one of these holds
//! properties. A block is a sequence of entries: how many bytes the key shares with the one before, the lengths of the
//! rest of the key and of the value, and these bytes.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use super::fields::Fields;

/// Checksum type, extended magic, checksum and its context, size of the list of blocks, reserved, version, magic.
const FOOTER: usize = 1 + 4 + 4 + 4 + 4 + 24 + 4 + 8;
const EXTENDED_MAGIC: [u8; 4] = [0x3E, 0x00, 0x7A, 0x00];
const MAGIC: u64 = 0x88E2_41B7_85F4_CFF7;
/// The only version that this crate has ever written.
pub(super) const VERSION: u32 = 6;
/// Behind each block: a byte for its compression, and a checksum.
const TRAILER: u64 = 1 + 4;
/// Neither the list nor the properties are ever longer.
const MAX_BLOCK: u64 = 1 << 20;

/// The highest sequence number of a commit in a table, 0 where all were merged into the last level; `None` where the table
/// was not written to its end.
pub(super) fn last_sequence(path: &Path) -> io::Result<Option<u64>> {
    let mut file = File::open(path)?;
    let found = file.metadata()?;
    let size = if found.is_file() { found.len() } else { 0 };
    let Some(footer_start) = size.checked_sub(FOOTER as u64) else { return Ok(None) };
    let footer = read(&mut file, footer_start, FOOTER as u64)?;
    let Some(blocks_size) = size_of_block_list(&footer) else { return Ok(None) };
    let Some(start) = footer_start.checked_sub(TRAILER + blocks_size) else { return Ok(None) };
    let blocks = read(&mut file, start, blocks_size)?;
    let Some(mut place) = find(&blocks, b"rocksdb.properties") else { return Ok(None) };
    let (Some(start), Some(length)) = (place.number(), place.number()) else { return Ok(None) };
    if length > MAX_BLOCK || start.checked_add(length).is_none_or(|end| end > size) {
        return Ok(None);
    }
    let properties = read(&mut file, start, length)?;
    Ok(find(&properties, b"rocksdb.key.largest.seqno").and_then(|mut value| value.number()))
}

fn read(file: &mut File, start: u64, length: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn size_of_block_list(footer: &[u8]) -> Option<u64> {
    let (_, rest) = footer.split_first()?;
    let (extended_magic, rest) = rest.split_first_chunk()?;
    let (size, rest) = rest.get(8..)?.split_first_chunk()?;
    let (version, magic) = rest.get(24..)?.split_first_chunk()?;
    let is_known = *extended_magic == EXTENDED_MAGIC
        && u32::from_le_bytes(*version) == VERSION
        && u64::from_le_bytes(*magic.first_chunk()?) == MAGIC;
    let size = u64::from(u32::from_le_bytes(*size));
    (is_known && size <= MAX_BLOCK).then_some(size)
}

/// The value of a key in a block.
fn find<'a>(block: &'a [u8], wanted: &[u8]) -> Option<Fields<'a>> {
    let (mut rest, mut key) = (Fields(block), Vec::<u8>::new());
    while !rest.0.is_empty() {
        let (shared, unshared, length) = (rest.number()?, rest.number()?, rest.number()?);
        key.truncate(usize::try_from(shared).ok()?);
        key.extend(rest.take(unshared)?);
        let value = rest.take(length)?;
        if key == wanted {
            return Some(Fields(value));
        }
    }
    None
}
