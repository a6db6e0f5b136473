//! The progress bar: bytes hashed of the bytes known to be pending, throughput, and the time left.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

/// What was done and what is to be done, in this process. Shown on standard error where that is a terminal.
pub(crate) struct Progress {
    bar: ProgressBar,
    /// Below zero for a moment where a worker is done with a file before the walker has told of it.
    files: AtomicI64,
}

impl Progress {
    pub(crate) fn new() -> Self {
        let bar = ProgressBar::new(0); // draws nothing where standard error is no terminal
        if !bar.is_hidden() {
            let template = "{bytes} of {total_bytes} [{wide_bar:.green}] {binary_bytes_per_sec}, {eta} left, {msg}";
            // A mistake in the template would cost the looks, not the work.
            bar.set_style(ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.enable_steady_tick(Duration::from_millis(200));
        }
        Self { bar, files: AtomicI64::new(0) }
    }

    /// Files were found that are to be hashed.
    pub(crate) fn found(&self, files: i64, bytes: u64) {
        self.bar.inc_length(bytes);
        self.show(self.files.fetch_add(files, Ordering::Relaxed) + files);
    }

    /// A part of a file was hashed.
    pub(crate) fn read(&self, bytes: u64) {
        self.bar.inc(bytes);
    }

    /// A file is done, of which `read` bytes were hashed and not as many as `expected`, if it changed or can't be read.
    pub(crate) fn done(&self, expected: u64, read: u64) {
        self.bar.inc_length(read.saturating_sub(expected));
        self.bar.dec_length(expected.saturating_sub(read));
        self.show(self.files.fetch_sub(1, Ordering::Relaxed) - 1);
    }

    /// A file need not be hashed after all.
    pub(crate) fn dropped(&self, expected: u64) {
        self.done(expected, 0);
    }

    fn show(&self, files: i64) {
        if !self.bar.is_hidden() {
            self.bar.set_message(format!("{} files", files.max(0)));
        }
    }

    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
