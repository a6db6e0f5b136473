//! What a test did, in figures: one line on standard output, and one in the file of `make torture`'s table.

use std::fs::OpenOptions;
use std::io::Write;

/// Reports what a test did, such as `report("kills", "300 kills, 41,022 acknowledged operations, 0 violations")`.
///
/// The line also goes to the end of the file named by `KVSTORE_TORTURE_REPORT`, where that is set.
pub fn report(test: &str, figures: &str) {
    println!("torture: {test}: {figures}");
    if let Some(path) = std::env::var_os("KVSTORE_TORTURE_REPORT") {
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .and_then(|mut file| writeln!(file, "| {test} | {figures} |"));
        if let Err(error) = written {
            eprintln!("can't write the report to {}: {error}", path.to_string_lossy());
        }
    }
}
