//! The subcommand `growth`, on a small scale: it starts processes of its own program. The steps check their answers.

use std::process::Command;

#[test]
fn every_measure_at_every_size() {
    let dir = tempfile::tempdir().unwrap();
    let arguments = "growth --entries 300,30 --namespaces 3,30 --largest-value 1024 --total-mib 1 --rounds 2 --svg-dir";
    let output = Command::new(env!("CARGO_BIN_EXE_bench-compare"))
        .args(arguments.split(' '))
        .arg(dir.path())
        .arg("--dir")
        .arg(dir.path())
        .output()
        .unwrap();
    let (text, errors) = (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{errors}");
    for title in ["| entries | 30 | 300 |", "| namespaces | 3 | 30 |", "| size of a value | 16 B | 128 B | 1 KiB |"] {
        assert!(text.contains(title), "{title} in {text}");
    }
    // What is not measured is shown as a dash.
    assert!(!text.contains("| –") && !text.contains("NaN") && !text.contains("inf"), "{text}");
    assert_eq!(text.lines().filter(|line| line.starts_with("| ")).count(), 3 * 2 + 16 + 14 + 14);
    let mut charts: Vec<_> = dir.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    charts.sort();
    assert_eq!(charts, ["entries.svg", "namespaces.svg", "values.svg"]);
}
