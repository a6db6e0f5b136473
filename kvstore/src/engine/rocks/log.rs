//! Reads files in RocksDB's log format: the write-ahead logs and the manifest.
//!
//! Blocks of 32 KiB hold fragments: a masked CRC-32C, a length of two bytes, a type, in recycled files the number of the
//! log, and the bytes. A record is one whole fragment, or a first, some middle and a last one. A block's last bytes, too
//! few for a header, are zero.
//!
//! Unlike RocksDB's reader this one stops at everything that should not be there, zeroed pages and a record without its
//! end among them, and then looks for what follows.

use std::io::{self, Read};

const BLOCK: usize = 32 * 1024;
const HEADER: usize = 4 + 2 + 1;
const RECYCLED_HEADER: usize = HEADER + 4;

/// What comes next in a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// A whole record, whose end is at this offset.
    Record { end: u64 },
    /// The log ends, behind a whole record.
    End,
    /// Here the log is damaged, or was not written to its end.
    Damage(&'static str),
    /// A record type that this reader does not know how to read.
    Unknown(u8),
}

/// Reads the records of one file in order.
pub(super) struct LogReader<R> {
    file: R,
    /// What fragments of a recycled file must name.
    number: u32,
    block: Vec<u8>,
    /// Where the block lies in the file.
    block_start: u64,
    /// The next fragment, in the block.
    position: usize,
    /// How many bytes of a record are kept.
    keep: usize,
    payload: Vec<u8>,
}

/// The part of a record within one block.
struct Fragment {
    kind: u8,
    start: usize,
    end: usize,
}

impl<R: Read> LogReader<R> {
    /// A reader that keeps the first `keep` bytes of each record.
    pub(super) fn new(file: R, number: u64, keep: usize) -> Self {
        // Recycled files hold the lower half of the number.
        let number = u32::try_from(number & u64::from(u32::MAX)).unwrap_or_default();
        Self { file, number, block: Vec::new(), block_start: 0, position: 0, keep, payload: Vec::new() }
    }

    /// The first bytes of the record that was read last.
    pub(super) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// Reads the next record.
    pub(super) fn next(&mut self) -> io::Result<Next> {
        self.payload.clear();
        let mut begun = false;
        loop {
            let rest = self.block.len() - self.position;
            if rest < HEADER || self.is_at_filling() {
                let at_end = self.block.len() < BLOCK && self.block_start + self.block.len() as u64 > 0;
                if at_end && rest > 0 {
                    return Ok(Next::Damage("the head of a record is cut off"));
                }
                if at_end || !self.read_block()? {
                    return Ok(if begun { Next::Damage("a record has no end") } else { Next::End });
                }
                continue;
            }
            let fragment = match self.fragment() {
                Ok(Some(fragment)) => fragment,
                // What a recycled file held before.
                Ok(None) => return Ok(if begun { Next::Damage("a record has no end") } else { Next::End }),
                Err(damage) => return Ok(Next::Damage(damage)),
            };
            let bytes = self.block.get(fragment.start..fragment.end).unwrap_or_default();
            let room = self.keep.saturating_sub(self.payload.len()).min(bytes.len());
            match (fragment.kind, begun) {
                // The size of timestamps, and what is said of the log before: not part of a record.
                (10 | 11 | 128.., false) => {}
                (1..=8, _) => {
                    let (first, last) =
                        (matches!(fragment.kind, 1 | 5 | 2 | 6), matches!(fragment.kind, 1 | 5 | 4 | 8));
                    if first && begun {
                        return Ok(Next::Damage("a record has no end"));
                    }
                    if !first && !begun {
                        return Ok(Next::Damage("a record has no beginning"));
                    }
                    begun = true;
                    self.payload.extend_from_slice(bytes.get(..room).unwrap_or_default());
                    if last {
                        self.position = fragment.end;
                        return Ok(Next::Record { end: self.block_start + fragment.end as u64 });
                    }
                }
                (kind, _) => return Ok(Next::Unknown(kind)),
            }
            self.position = fragment.end;
        }
    }

    /// Whether only zeros are left of a whole block, too few for a head of a recycled file. If a fragment was there, the
    /// one that follows has no beginning.
    fn is_at_filling(&self) -> bool {
        let rest = self.block.get(self.position..).unwrap_or_default();
        self.block.len() == BLOCK && rest.len() < RECYCLED_HEADER && rest.iter().all(|byte| *byte == 0)
    }

    /// The fragment at the position; none where a recycled file's old content begins.
    fn fragment(&self) -> Result<Option<Fragment>, &'static str> {
        let rest = self.block.get(self.position..).unwrap_or_default();
        let Some(head) = Head::parse(rest) else { return Err("the head of a record is cut off") };
        if head.kind == 0 && head.length == 0 {
            return Err("there are zeros in the place of a record");
        }
        let end = head.size + head.length;
        if end > rest.len() {
            return Err("a record is cut off");
        }
        if !head.is_sound(rest) {
            return Err("a record has a wrong checksum");
        }
        if head.recycled.is_some_and(|number| number != self.number) {
            return Ok(None);
        }
        Ok(Some(Fragment { kind: head.kind, start: self.position + head.size, end: self.position + end }))
    }

    /// After damage: whether anything follows that is a commit with at least this sequence number, at whatever offset,
    /// since the lengths that lead there may be damaged.
    pub(super) fn is_followed_by(&mut self, sequence: u64) -> io::Result<bool> {
        loop {
            for start in self.position..self.block.len() {
                let rest = self.block.get(start..).unwrap_or_default();
                // Most bytes are no head; only what might be one has its checksum computed.
                let found = Head::parse(rest).filter(|head| matches!(head.kind, 1 | 2 | 5 | 6) && head.length >= 12);
                if let Some(head) = found
                    && head.recycled.is_none_or(|number| number == self.number)
                    && rest
                        .get(head.size..)
                        .and_then(commit_head)
                        .is_some_and(|(found, count)| found >= sequence && count > 0)
                    && head.is_sound(rest)
                {
                    return Ok(true);
                }
            }
            if !self.read_block()? {
                return Ok(false);
            }
        }
    }

    /// Reads the next block; false at the end of the file.
    fn read_block(&mut self) -> io::Result<bool> {
        self.block_start += self.block.len() as u64;
        self.block.clear();
        self.position = 0;
        self.file.by_ref().take(BLOCK as u64).read_to_end(&mut self.block)?;
        Ok(!self.block.is_empty())
    }
}

/// The head of a fragment.
struct Head {
    checksum: u32,
    length: usize,
    kind: u8,
    /// The number of the log, in recycled files.
    recycled: Option<u32>,
    size: usize,
}

impl Head {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let (checksum, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first_chunk()?;
        let (&kind, rest) = rest.split_first()?;
        let recycled = matches!(kind, 5..=8 | 11 | 131);
        let recycled = if recycled { Some(u32::from_le_bytes(*rest.first_chunk()?)) } else { None };
        Some(Self {
            checksum: u32::from_le_bytes(*checksum),
            length: usize::from(u16::from_le_bytes(*length)),
            kind,
            recycled,
            size: if recycled.is_some() { RECYCLED_HEADER } else { HEADER },
        })
    }

    /// Whether the checksum fits the fragment that `bytes` begin with.
    fn is_sound(&self, bytes: &[u8]) -> bool {
        // A checksum stored among data that is itself summed up is masked.
        let unmasked = self.checksum.wrapping_sub(0xA282_EAD8).rotate_right(17);
        bytes.get(6..self.size + self.length).is_some_and(|covered| crc32c::crc32c(covered) == unmasked)
    }
}

/// The sequence number and the count of operations with which a commit in a log begins.
pub(super) fn commit_head(payload: &[u8]) -> Option<(u64, u32)> {
    let (sequence, rest) = payload.split_first_chunk()?;
    let sequence = u64::from_le_bytes(*sequence);
    // Sequence numbers have 56 bits.
    (sequence >> 56 == 0).then_some((sequence, u32::from_le_bytes(*rest.first_chunk()?)))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A log of records as RocksDB's writer lays them out.
    pub(in super::super) fn written(records: &[Vec<u8>], recycled: Option<u32>) -> Vec<u8> {
        let mut log = Vec::new();
        let head = if recycled.is_some() { RECYCLED_HEADER } else { HEADER };
        for record in records {
            let (mut rest, mut first) = (record.as_slice(), true);
            loop {
                let left = BLOCK - log.len() % BLOCK;
                if left < head {
                    log.resize(log.len() + left, 0);
                    continue;
                }
                let part = rest.len().min(left - head);
                let last = part == rest.len();
                let kind = match (first, last) {
                    (true, true) => 1,
                    (true, false) => 2,
                    (false, false) => 3,
                    (false, true) => 4,
                } + if recycled.is_some() { 4 } else { 0 };
                let mut covered = vec![kind];
                covered.extend(recycled.iter().flat_map(|number| number.to_le_bytes()));
                covered.extend(&rest[..part]);
                let checksum = crc32c::crc32c(&covered).rotate_left(17).wrapping_add(0xA282_EAD8);
                log.extend(checksum.to_le_bytes());
                log.extend(u16::try_from(part).unwrap().to_le_bytes());
                log.extend(covered);
                (rest, first) = (&rest[part..], false);
                if last {
                    break;
                }
            }
        }
        log
    }

    fn records() -> Vec<Vec<u8>> {
        // Lengths around the ends of blocks: a header that just fits, one that does not, a block filled up.
        let lengths = [0, 1, 12, 32_700, 40, BLOCK - HEADER, BLOCK - HEADER - 6, 100_000, 5, BLOCK - 2 * HEADER, 70];
        lengths.iter().enumerate().map(|(index, length)| vec![u8::try_from(index).unwrap(); *length]).collect()
    }

    fn read(log: &[u8], number: u64) -> (Vec<Vec<u8>>, u64, Next) {
        let mut reader = LogReader::new(log, number, usize::MAX);
        let (mut found, mut end) = (Vec::new(), 0);
        loop {
            match reader.next().unwrap() {
                Next::Record { end: at } => {
                    found.push(reader.payload().to_vec());
                    end = at;
                }
                other => return (found, end, other),
            }
        }
    }

    #[test]
    fn all_records_are_read() {
        for recycled in [None, Some(7)] {
            let log = written(&records(), recycled);
            assert_eq!(read(&log, 7), (records(), log.len() as u64, Next::End));
        }
        assert_eq!(read(&[], 7), (Vec::new(), 0, Next::End));
        let old = written(&records(), Some(6));
        assert_eq!(read(&old, 7), (Vec::new(), 0, Next::End));
    }

    #[test]
    fn what_fills_a_block_is_no_damage() {
        for (head, recycled) in [(HEADER, None), (RECYCLED_HEADER, Some(7))] {
            for left in 0..head {
                let records = [vec![1; BLOCK - head - left], vec![2; 50]];
                assert_eq!(read(&written(&records, recycled), 7).0, records, "{left} bytes left");
            }
        }
    }

    #[test]
    fn only_the_first_bytes_are_kept() {
        let log = written(&records(), None);
        let mut reader = LogReader::new(log.as_slice(), 7, 12);
        for record in records() {
            assert!(matches!(reader.next().unwrap(), Next::Record { .. }));
            assert_eq!(reader.payload(), &record[..record.len().min(12)]);
        }
    }

    #[test]
    fn a_cut_at_any_place_leaves_the_records_before_it() {
        let log = written(&records(), None);
        let mut ends = vec![0];
        let mut reader = LogReader::new(log.as_slice(), 7, 0);
        while let Next::Record { end } = reader.next().unwrap() {
            ends.push(end);
        }
        for cut in (0..log.len()).step_by(13).chain(ends.iter().map(|end| usize::try_from(*end).unwrap())) {
            let (found, end, next) = read(&log[..cut], 7);
            let whole = ends.iter().filter(|end| **end <= cut as u64).count() - 1;
            assert_eq!(found, records()[..whole], "cut at {cut}");
            assert_eq!(end, ends[whole]);
            // A block's zeros at its end belong to no record.
            let between = log[usize::try_from(end).unwrap()..cut].iter().all(|byte| *byte == 0) && cut % BLOCK == 0;
            assert!(if end == cut as u64 || between { next == Next::End } else { matches!(next, Next::Damage(_)) });
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_stops_the_reader_before_its_record() {
        let records = vec![vec![1; 100], vec![2; 40_000], vec![3; 100]];
        let log = written(&records, None);
        for index in (0..log.len()).step_by(7) {
            let mut damaged = log.clone();
            damaged[index] ^= 0x10;
            let (found, _, next) = read(&damaged, 7);
            assert!(matches!(next, Next::Damage(_) | Next::Unknown(_)), "flipped at {index}: {next:?}");
            assert!(found.len() < 3 && found == records[..found.len()]);
        }
    }

    #[test]
    fn commits_behind_damage_are_seen() {
        let commit = |sequence: u64| {
            let mut bytes = sequence.to_le_bytes().to_vec();
            bytes.extend([1, 0, 0, 0]);
            bytes.resize(1000, 9);
            bytes
        };
        let log = written(&(1..=100).map(commit).collect::<Vec<_>>(), None);
        let followed = |damaged: &[u8], least| {
            let mut reader = LogReader::new(damaged, 7, 12);
            while let Next::Record { .. } = reader.next().unwrap() {}
            reader.is_followed_by(least).unwrap()
        };
        let mut damaged = log.clone();
        // The length of the third record.
        damaged[2 * 1007 + 4] ^= 0xFF;
        assert!(followed(&damaged, 4) && followed(&damaged, 100) && !followed(&damaged, 101));
        damaged[2 * 1007..].fill(0);
        assert!(!followed(&damaged, 1));
        let mut damaged = log.clone();
        damaged[99 * 1007 + 500] ^= 1;
        assert!(!followed(&damaged, 100));
    }
}
