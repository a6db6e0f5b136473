//! One run of cargo, and what it made.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use super::Result;
use super::generate::Package;

/// How a crate is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Build {
    /// `cargo check`, all of the crate.
    Check,
    /// `cargo build`, all of the crate.
    Dev,
    /// `cargo build` after a small edit, with what the compiler kept of the build before.
    Edited,
    /// `cargo build --release`.
    Release,
}

impl Build {
    pub(super) const ALL: [Self; 4] = [Self::Check, Self::Dev, Self::Edited, Self::Release];

    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Check => "`check`",
            Self::Dev => "`build`",
            Self::Edited => "`build` after an edit",
            Self::Release => "`build --release`",
        }
    }

    fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Check => &["check"],
            Self::Dev | Self::Edited => &["build"],
            Self::Release => &["build", "--release"],
        }
    }

    /// Two directories: dependencies would be compiled anew where one build keeps what the other does not.
    fn target(self) -> &'static str {
        if self == Self::Edited { "target-incremental" } else { "target" }
    }
}

/// What a run of cargo took, in seconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sample {
    pub(super) wall: f64,
    pub(super) cpu: f64,
}

/// A workspace in which crates are compiled.
#[derive(Debug)]
pub(super) struct Shop<'a> {
    pub(super) dir: &'a Path,
}

impl Shop<'_> {
    fn cargo(&self, build: Build, arguments: &[&str]) -> Result<String> {
        let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
            .current_dir(self.dir)
            .args(arguments)
            .args(["--offline", "--color", "never", "--target-dir", build.target()])
            .env("CARGO_INCREMENTAL", if build == Build::Edited { "1" } else { "0" })
            .output()?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(said) } else { Err(format!("cargo {arguments:?} failed:\n{said}").into()) }
    }

    /// Compiles what the crates need, and lets those that use their structs do so. One by one, since the features of
    /// what they share depend on who asks.
    pub(super) fn prepare(&self, packages: &[Package]) -> Result<()> {
        for package in packages {
            eprintln!("{}, and what it needs", package.name);
            for build in Build::ALL {
                self.cargo(build, &[build.arguments(), &["--package", &package.name]].concat())?;
            }
            if package.variant.is_used() {
                self.cargo(Build::Dev, &["test", "--lib", "--package", &package.name])?;
            }
        }
        Ok(())
    }

    /// Compiles one crate, whose source has been touched.
    pub(super) fn compile(&self, package: &mut Package, build: Build) -> Result<Sample> {
        package.touch(build == Build::Edited)?;
        let (began, before) = (Instant::now(), children_seconds()?);
        let said = self.cargo(build, &[build.arguments(), &["--package", &package.name]].concat())?;
        let sample = Sample { wall: began.elapsed().as_secs_f64(), cpu: children_seconds()? - before };
        let compiled = said.lines().filter(|line| line.contains("Compiling ") || line.contains("Checking "));
        match compiled.collect::<Vec<_>>()[..] {
            [line] if line.contains(&package.name) => Ok(sample),
            _ => Err(format!("not {} alone was compiled:\n{said}", package.name).into()),
        }
    }

    /// The size of what was made of a crate.
    pub(super) fn size(&self, package: &Package, build: Build) -> Result<Size> {
        let profile = if build == Build::Release { "release" } else { "debug" };
        let library = self.dir.join(build.target()).join(profile).join(format!("lib{}.rlib", package.name));
        Ok(Size {
            file: std::fs::metadata(&library)?.len() as f64,
            text: text(&library),
            functions: functions(&library),
        })
    }
}

/// What a library is made of.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    /// Bytes of the file, with its metadata.
    pub(super) file: f64,
    /// Bytes of code and constants, where there are binutils to tell.
    pub(super) text: Option<f64>,
    /// Functions, likewise.
    pub(super) functions: Option<f64>,
}

/// The output of a tool that may be missing. Metadata in a library is no object file, at which it grumbles.
fn output(tool: &str, arguments: &[&str], library: &Path) -> Option<String> {
    let output = Command::new(tool).args(arguments).arg(library).output().ok()?;
    String::from_utf8(output.stdout).ok()
}

fn text(library: &Path) -> Option<f64> {
    let sizes = output("size", &["--totals"], library)?;
    sizes.lines().last()?.split_whitespace().next()?.parse().ok()
}

fn functions(library: &Path) -> Option<f64> {
    let symbols = output("nm", &["--defined-only"], library)?;
    let is_code = |line: &&str| line.split_whitespace().rev().nth(1).is_some_and(|kind| matches!(kind, "t" | "T"));
    Some(symbols.lines().filter(is_code).count() as f64)
}

/// The processor time of all child processes that have ended, and of theirs.
fn children_seconds() -> Result<f64> {
    /// Linux counts in these, whatever its clock does.
    const TICKS_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    // The second field, a name in brackets, may have spaces in it; user and system time of children are 16 and 17.
    let fields: Vec<_> = stat.rsplit_once(')').ok_or("no name")?.1.split_whitespace().collect();
    let ticks = |place: usize| {
        Ok::<f64, Box<dyn std::error::Error + Send + Sync>>(fields.get(place).ok_or("no such field")?.parse()?)
    };
    Ok((ticks(13)? + ticks(14)?) / TICKS_A_SECOND)
}

/// Where this workspace is.
pub(super) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}
