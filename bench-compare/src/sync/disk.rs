//! What the disk needs, without a database.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::Instant;

use crate::Result;

/// A file that is appended to and synced, as a log is.
pub(super) struct Disk(File);

impl Disk {
    pub(super) fn new(path: &Path) -> Result<Self> {
        Ok(Self(File::create_new(path)?))
    }

    /// Microseconds of so many appends of a small record with their syncs.
    pub(super) fn probe(&mut self, times: usize) -> Result<Vec<f64>> {
        let append = |_| {
            let start = Instant::now();
            self.0.write_all(&[0x5A; 200])?;
            self.0.sync_data()?;
            Ok(start.elapsed().as_nanos() as f64 / 1000.0)
        };
        (0..times).map(append).collect()
    }
}
