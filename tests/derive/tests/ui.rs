//! What must not compile, and what the compiler says about it: one mistake a file, in `ui/<topic>/`.
//!
//! `TRYBUILD=overwrite cargo test -p kvstore-derive-tests --test ui` writes the expected output anew; read it before it
//! is committed. It depends on the compiler, so it is that of the pinned toolchain.

#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::{fs, io};

#[test]
fn mistakes_are_explained() {
    trybuild::TestCases::new().compile_fail("ui/*/*.rs");
}

/// The files with this extension in the folders of the topics, without it.
fn cases(extension: &str) -> io::Result<BTreeSet<PathBuf>> {
    let mut cases = BTreeSet::new();
    for topic in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("ui"))? {
        for file in fs::read_dir(topic?.path())? {
            let path = file?.path();
            if path.extension().is_some_and(|found| found == extension) {
                cases.insert(path.with_extension(""));
            }
        }
    }
    Ok(cases)
}

#[test]
fn each_case_has_its_output_and_each_output_its_case() -> io::Result<()> {
    let (sources, outputs) = (cases("rs")?, cases("stderr")?);
    let orphans: Vec<_> = sources.symmetric_difference(&outputs).collect();
    assert!(orphans.is_empty(), "without .rs or without .stderr: {orphans:#?}");
    assert!(sources.len() >= 30, "{} cases", sources.len());
    Ok(())
}

#[test]
fn no_output_shows_the_standard_library() -> io::Result<()> {
    for case in cases("stderr")? {
        let output = fs::read_to_string(case.with_extension("stderr"))?;
        assert!(!output.contains("$RUST") && !output.contains("/rustc/"), "{}", case.display());
    }
    Ok(())
}
