//! The files of a directory, and what can be told from their bytes alone.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::Path;

/// The files of a directory and of the directories in it, by their path in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Files(pub(super) BTreeMap<String, Vec<u8>>);

/// What a file is for, told by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Log,
    Table,
    Manifest,
    Marker,
    Current,
    Options,
    Identity,
    /// Its only meaning is that it is locked.
    Lock,
}

impl Kind {
    pub(super) fn of(name: &str) -> Option<Self> {
        let name = name.rsplit('/').next().unwrap_or(name);
        Some(match name {
            "KVSTORE" => Self::Marker,
            "CURRENT" => Self::Current,
            "IDENTITY" => Self::Identity,
            "LOCK" | "KVSTORE.lock" => Self::Lock,
            _ if name.starts_with("MANIFEST-") => Self::Manifest,
            _ if name.starts_with("OPTIONS-") => Self::Options,
            _ => match name.rsplit_once('.')?.1 {
                "log" => Self::Log,
                "sst" => Self::Table,
                _ => return None,
            },
        })
    }
}

/// A block of RocksDB's logs, and the manifest, which has the same form.
const BLOCK: usize = 32 << 10;

impl Files {
    pub(super) fn read(directory: &Path) -> io::Result<Self> {
        let mut files = Self::default();
        files.add(directory, "")?;
        Ok(files)
    }

    fn add(&mut self, directory: &Path, prefix: &str) -> io::Result<()> {
        for entry in fs::read_dir(directory)? {
            let entry = entry?;
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            if entry.file_type()?.is_dir() {
                self.add(&entry.path(), &format!("{name}/"))?;
                continue;
            }
            match fs::read(entry.path()) {
                Ok(bytes) => drop(self.0.insert(name, bytes)),
                // RocksDB removes files that are not needed any more in the background.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Writes them into a directory that is not there yet.
    pub(super) fn write(&self, directory: &Path) -> io::Result<()> {
        fs::create_dir(directory)?;
        for (name, bytes) in &self.0 {
            let path = directory.join(name);
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            fs::write(path, bytes)?;
        }
        Ok(())
    }

    pub(super) fn without_locks(mut self) -> Self {
        self.0.retain(|name, _| Kind::of(name) != Some(Kind::Lock));
        self
    }

    pub(super) fn of_kind(&self, kind: Kind) -> Vec<&String> {
        self.0.keys().filter(|name| Kind::of(name) == Some(kind)).collect()
    }

    pub(super) fn log(&self, number: u64) -> Option<&[u8]> {
        self.0.get(&format!("{number:06}.log")).map(Vec::as_slice)
    }

    /// The numbers of the logs.
    pub(super) fn logs(&self) -> Vec<u64> {
        self.0.keys().filter_map(|name| name.strip_suffix(".log")?.parse().ok()).collect()
    }
}

/// Where the records of a log or manifest end. Reads no checksums: it is meant for files that are whole.
pub(super) fn record_ends(bytes: &[u8]) -> Vec<usize> {
    let (mut ends, mut position) = (Vec::new(), 0);
    loop {
        let left = BLOCK - position % BLOCK;
        let Some([_, _, _, _, low, high, kind]) = bytes.get(position..).and_then(|rest| rest.first_chunk()) else {
            return ends;
        };
        if left < 7 {
            position += left;
            continue;
        }
        let length = usize::from(u16::from_le_bytes([*low, *high]));
        if *kind == 0 && length == 0 {
            return ends;
        }
        // Fragments of recycled files name the log.
        position += length + if matches!(kind, 5..=8 | 11 | 131) { 11 } else { 7 };
        if position > bytes.len() {
            return ends;
        }
        // All but the first and the middle parts of records.
        if !matches!(kind, 2 | 3 | 6 | 7) {
            ends.push(position);
        }
    }
}
