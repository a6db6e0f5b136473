//! Where the compiled examples are.

use std::path::PathBuf;

/// The program of an example. `cargo test` compiles examples before it runs tests, unless it is told `--test`.
pub(crate) fn example(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap(); // <profile>/deps/<test>-<hash>
    let profile = test.parent().and_then(|deps| deps.parent()).unwrap();
    let program = profile.join("examples").join(format!("{name}{}", std::env::consts::EXE_SUFFIX));
    assert!(program.exists(), "{} is missing: `cargo build -p kvstore-examples --examples`", program.display());
    program
}
