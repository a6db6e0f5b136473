//! Real directories, damaged and reopened.

#![allow(clippy::case_sensitive_file_extension_comparisons, reason = "RocksDB writes its names in lower case")]

mod misplaced;
mod opening;
mod processes;
mod recovery;
mod surviving;
mod table;

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};

use tempfile::TempDir;
use tracing::field::{Field, Visit};
use tracing::span;

use super::*;
use crate::engine::local::Storage;
use crate::engine::{Op, Page, Reader, Tables};
use crate::error::Error;
use crate::key::Span;
use crate::key::hidden::KeyBuf;

fn buffered() -> OpenOptions {
    OpenOptions {
        sync: false,
        cache_bytes: 8 << 20,
        write_buffer_bytes: 64 << 20,
        prefix_recovery: false,
        create_if_missing: true,
        counters: None,
    }
}

fn synced() -> OpenOptions {
    OpenOptions { sync: true, ..buffered() }
}

fn prefix() -> OpenOptions {
    OpenOptions { prefix_recovery: true, ..buffered() }
}

fn reopened(path: &Path) -> Rocks {
    open(path, &buffered()).unwrap().0
}

fn close(rocks: &Rocks) {
    rocks.refuse().unwrap();
    rocks.finish().unwrap();
}

fn put(rocks: &Rocks, key: &[u8], value: &[u8]) {
    rocks.write(&[Op::Put { key, value }], false).unwrap();
}

fn get(reader: &dyn Reader, key: &[u8]) -> Option<Vec<u8>> {
    let mut found = Vec::new();
    reader.read(key, &mut |value| found.extend(value)).unwrap().then_some(found)
}

fn everything() -> Span {
    Span { start: KeyBuf::new(), end: KeyBuf::from_bytes(&[0xFF; 8]) }
}

/// All rows of a reader, page by page.
fn rows(reader: &dyn Reader) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let (mut page, mut rest, mut rows) = (Page::new(), everything(), Vec::new());
    loop {
        page.clear(500);
        reader.page(&rest, &mut page)?;
        for index in 0..page.len() {
            let (key, value) = page.row(index).unwrap();
            rows.push((key.to_vec(), value.to_vec()));
        }
        if !page.more {
            return Ok(rows);
        }
        rest.start = KeyBuf::from_bytes(&rows.last().unwrap().0);
        rest.start.push(0);
    }
}

/// The files in a directory with their sizes and checksums, to find that nothing was changed.
fn contents(path: &Path) -> Vec<(String, u64, u32)> {
    let mut contents: Vec<_> = fs::read_dir(path)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| {
            let bytes = fs::read(entry.path()).unwrap_or_default();
            (entry.file_name().into_string().unwrap(), bytes.len() as u64, crc32c::crc32c(&bytes))
        })
        .collect();
    contents.sort();
    contents
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to.join(entry.file_name()));
        } else {
            // RocksDB removes files that are not needed any more in the background.
            let copied = fs::copy(entry.path(), to.join(entry.file_name())).map_err(|error| error.kind());
            assert!(matches!(copied, Ok(_) | Err(std::io::ErrorKind::NotFound)), "{copied:?}");
        }
    }
}

/// Waits for what RocksDB does in the background, the removal of files that are not needed any more among it: then the
/// directory stays as it is, and a copy of it is as a kill would leave it.
fn settle(rocks: &Rocks, path: &Path) {
    rocks.with_db(|db| db.wait_for_compact(&rocksdb::WaitForCompactOptions::default()).unwrap());
    settle_files(path);
    let live = rocks.with_db(|db| db.live_files().unwrap().len());
    while contents(path).iter().filter(|file| file.0.contains(".sst")).count() != live {
        std::thread::yield_now();
    }
}

/// The same for a database that another process has open, which has written nothing since it opened it.
fn settle_files(path: &Path) {
    // RocksDB keeps two files of options.
    let most = [("MANIFEST-", 1), (".log", 1), ("OPTIONS-", 2)];
    let is_settled = || {
        let names: Vec<_> = contents(path).into_iter().map(|file| file.0).collect();
        most.iter().all(|(part, most)| names.iter().filter(|name| name.contains(part)).count() <= *most)
    };
    while !is_settled() {
        std::thread::yield_now();
    }
}

/// Runs `call` and tells the warnings and errors that it wrote.
fn warnings<R>(call: impl FnOnce() -> R) -> (R, Vec<String>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&seen);
    let result = on_warnings(move |text| kept.lock().unwrap().push(text), call);
    let seen = seen.lock().unwrap().clone();
    (result, seen)
}

/// Runs `call`, and `hear` for each warning and error that it writes.
fn on_warnings<R>(hear: impl Fn(String) + Send + Sync + 'static, call: impl FnOnce() -> R) -> R {
    // As long as there is one subscriber alone, `tracing` asks the one of the thread that meets a line first. Other threads
    // have none, and the line would then be off for this thread, too.
    static SECOND: OnceLock<tracing::Dispatch> = OnceLock::new();
    SECOND.get_or_init(|| tracing::Dispatch::new(Warnings(|_| {})));
    tracing::subscriber::with_default(Warnings(hear), call)
}

struct Warnings<F>(F);

impl<F: Fn(String) + Send + Sync + 'static> tracing::Subscriber for Warnings<F> {
    fn enabled(&self, metadata: &tracing::Metadata<'_>) -> bool {
        *metadata.level() <= tracing::Level::WARN
    }
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn event(&self, event: &tracing::Event<'_>) {
        struct Text(String);
        impl Visit for Text {
            fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
                let _ = write!(self.0, "{}={value:?} ", field.name());
            }
        }
        let mut text = Text(String::new());
        event.record(&mut text);
        (self.0)(text.0);
    }
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

fn directory() -> TempDir {
    tempfile::tempdir().unwrap()
}
