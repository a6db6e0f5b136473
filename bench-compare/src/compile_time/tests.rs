use std::fs;

use super::generate::{Variant, source, workspace};
use super::measure::root;

#[test]
fn every_variant_has_the_same_structs() {
    let structs = |source: &str| {
        let lines = source.lines().map(str::trim).filter(|line| line.starts_with("pub ") && !line.contains("use_all"));
        lines.map(str::to_owned).collect::<Vec<_>>()
    };
    let sources = Variant::ALL.map(|variant| source(variant, 20, 0).unwrap());
    for (variant, source) in Variant::ALL.into_iter().zip(&sources) {
        assert_eq!(source.matches("#[derive(").count(), 20, "{variant:?}");
        assert_eq!(source.matches("pub field_").count(), 200, "{variant:?}");
        assert_eq!(source.matches("fn use_").count(), if variant.is_used() { 21 } else { 0 }, "{variant:?}");
        assert_eq!(structs(source), structs(&sources[0]), "{variant:?}");
    }
}

#[test]
fn an_edit_changes_the_source_and_a_touch_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let mut packages = workspace(dir.path(), &root(), &[1, 2]).unwrap();
    assert_eq!(packages.len(), 2 * Variant::ALL.len());
    let package = &mut packages[0];
    let read = || fs::read_to_string(dir.path().join("packages").join("serde_1/src/lib.rs")).unwrap();
    let first = read();
    package.touch(false).unwrap();
    assert_eq!(read(), first);
    package.touch(true).unwrap();
    assert_ne!(read(), first);
}
