//! What the shim recorded, call by call.

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::str;

use kvstore_tests::TestResult;

/// One call that took effect. Paths are relative to the root of the recording, `fd` is a descriptor of the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the fields say it themselves")]
pub enum Event<'t> {
    /// A process begins: nothing is open.
    Begin,
    /// A file or directory was opened. A file is made or emptied if the flags say so.
    Open { fd: i32, path: &'t str, creates: bool, empties: bool },
    /// A descriptor was closed.
    Close { fd: i32 },
    /// A descriptor is another one for the same file.
    Duplicate { fd: i32, of: i32 },
    /// Bytes were written at an offset.
    Write { fd: i32, at: usize, bytes: &'t [u8] },
    /// A file got a size.
    Resize { fd: i32, size: usize },
    /// A file was made to have at least a size.
    Grow { fd: i32, size: usize },
    /// A file or directory was synced.
    Sync { fd: i32 },
    /// A name was given to what had another one.
    Rename { from: &'t str, to: &'t str },
    /// A second name was given to a file.
    Link { from: &'t str, to: &'t str },
    /// A name was removed, of a file or an empty directory.
    Remove { path: &'t str },
    /// A directory was made.
    MakeDirectory { path: &'t str },
    /// The child wrote a line to its ledger, which is no part of the file system under test.
    Line(&'t str),
}

/// Bytes of a record in front of its data, see `shim.c`.
const HEAD: usize = 1 + 4 + 8 + 8 + 4 + 4;
const O_CREAT: u64 = 0o100;
const O_TRUNC: u64 = 0o1000;

/// Reads a whole trace. The file `ledger` below the root holds lines, each written at once.
///
/// # Errors
/// Where it is no trace.
pub fn parse<'t>(trace: &'t [u8], root: &Path, ledger: &str) -> TestResult<Vec<Event<'t>>> {
    let mut reader =
        Reader { rest: trace, root: root.to_str().ok_or("the root is no text")?, ledger, ledgers: HashSet::new() };
    let mut events = Vec::new();
    while !reader.rest.is_empty() {
        events.extend(reader.next()?);
    }
    Ok(events)
}

/// Removes the syncs of some paths, as of when they were opened.
pub fn remove_syncs<'t>(events: &mut Vec<Event<'t>>, is_unsynced: impl Fn(&str) -> bool) {
    let mut open: HashMap<i32, &str> = HashMap::new();
    events.retain(|event: &Event<'t>| {
        match *event {
            Event::Open { fd, path, .. } => {
                open.insert(fd, path);
            }
            Event::Duplicate { fd, of } => {
                if let Some(path) = open.get(&of).copied() {
                    open.insert(fd, path);
                }
            }
            Event::Sync { fd } => return open.get(&fd).is_none_or(|path| !is_unsynced(path)),
            _ => {}
        }
        true
    });
}

struct Reader<'t, 'r> {
    rest: &'t [u8],
    root: &'r str,
    ledger: &'r str,
    /// Descriptors of the ledger.
    ledgers: HashSet<i32>,
}

impl<'t> Reader<'t, '_> {
    /// The next event, if the next record is one.
    fn next(&mut self) -> TestResult<Option<Event<'t>>> {
        let mut head = self.take(HEAD)?;
        let kind = number(&mut head, 1)?;
        let fd = i32::from_le_bytes(u32::try_from(number(&mut head, 4)?)?.to_le_bytes());
        let (a, _b) = (number(&mut head, 8)?, number(&mut head, 8)?);
        let (first, second) = (number(&mut head, 4)?, number(&mut head, 4)?);
        let (first, second) = (self.take(usize::try_from(first)?)?, self.take(usize::try_from(second)?)?);
        let size = usize::try_from(a)?;
        let is_of_ledger = self.ledgers.contains(&fd);
        let event = match u8::try_from(kind)? {
            b'b' => {
                self.ledgers.clear();
                Event::Begin
            }
            b'o' => {
                let path = self.path(first)?;
                if path == self.ledger {
                    self.ledgers.insert(fd);
                    return Ok(None);
                }
                Event::Open { fd, path, creates: a & O_CREAT != 0, empties: a & O_TRUNC != 0 }
            }
            b'c' if is_of_ledger => {
                self.ledgers.remove(&fd);
                return Ok(None);
            }
            b'w' if is_of_ledger => {
                Event::Line(str::from_utf8(first)?.strip_suffix('\n').ok_or("a line that was written in parts")?)
            }
            b'c' => Event::Close { fd },
            b'd' => Event::Duplicate { fd, of: i32::try_from(a)? },
            b'w' => Event::Write { fd, at: size, bytes: first },
            b't' => Event::Resize { fd, size },
            b'a' => Event::Grow { fd, size },
            b's' => Event::Sync { fd },
            b'r' => Event::Rename { from: self.path(first)?, to: self.path(second)? },
            b'l' => Event::Link { from: self.path(first)?, to: self.path(second)? },
            b'u' | b'x' => Event::Remove { path: self.path(first)? },
            b'm' => Event::MakeDirectory { path: self.path(first)? },
            _ => return Err(format!("a record of kind {kind}").into()),
        };
        Ok(Some(event))
    }

    fn take(&mut self, length: usize) -> TestResult<&'t [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or("a record without its end")?;
        self.rest = rest;
        Ok(taken)
    }

    fn path(&self, bytes: &'t [u8]) -> TestResult<&'t str> {
        let path = str::from_utf8(bytes)?;
        Ok(path.strip_prefix(self.root).ok_or("a path outside of the root")?.trim_matches('/'))
    }
}

fn number(bytes: &mut &[u8], size: usize) -> TestResult<u64> {
    let (taken, rest) = bytes.split_at_checked(size).ok_or("a record without its head")?;
    *bytes = rest;
    Ok(taken.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
}
