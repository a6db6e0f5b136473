//! The catalogue under `kill -9`: resumed, it ends as if nobody had killed it, and no file that was finished is touched
//! again.

#![allow(clippy::unwrap_used, reason = "where a helper of a test fails, the test fails")]

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs::{self, Permissions};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use kvstore::Database;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use tempfile::TempDir;

mod programs;
#[path = "../examples/catalogue/store.rs"]
#[allow(dead_code, reason = "the program's own types, of which the test needs some")]
mod store;

use store::{File, FilePath, Kind, Outcome, Run, Work};

type Files = BTreeMap<FilePath, File>;

/// Numbers that look random, the same ones in every run of the test.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit.max(1)
    }
}

/// A tree with everything in it that a catalogue may stumble over.
struct Tree {
    dir: TempDir,
    regular: usize,
}

impl Tree {
    fn root(&self) -> PathBuf {
        self.dir.path().join("tree")
    }

    fn new(directories: usize, files_in_each: usize) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().join("tree");
        let mut regular = 0;
        let mut write = |path: &Path, content: &[u8]| {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
            regular += 1;
        };
        let mut numbers = Numbers(1);
        for directory in 0..directories {
            for file in 0..files_in_each {
                let length = usize::try_from(numbers.below(4096)).unwrap();
                write(&root.join(format!("d{directory}/f{file}")), &vec![file.to_le_bytes()[0]; length]);
            }
        }
        for large in 0..6 {
            write(&root.join(format!("large/{large}")), &vec![large; 3 << 20]);
        }
        // The order of paths is not that of names: `a.txt` comes before `a/b`, and `a/b` before `ab`.
        for name in ["a.txt", "a/b", "ab", "empty"] {
            write(&root.join(name), if name == "empty" { b"" } else { name.as_bytes() });
        }
        write(&root.join(OsStr::from_bytes(b"no-utf8-\xff\xfe")), b"bytes");
        write(&root.join("no read"), b"secret");
        write(&root.join("no entry/inside"), b"secret");
        fs::set_permissions(root.join("no read"), Permissions::from_mode(0o000)).unwrap();
        fs::set_permissions(root.join("no entry"), Permissions::from_mode(0o000)).unwrap();
        symlink("a.txt", root.join("link")).unwrap();
        symlink("a", root.join("link to a directory")).unwrap();
        symlink("nowhere", root.join("dangling")).unwrap();
        symlink("circle", root.join("circle")).unwrap();
        mknodat(CWD, root.join("pipe"), FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        Self { dir, regular }
    }

    fn db(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        // So that it can be removed.
        let _ = fs::set_permissions(self.root().join("no entry"), Permissions::from_mode(0o700));
    }
}

/// Root reads everything, whatever the permissions say.
fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn catalogue(root: &Path, db: &Path) -> Command {
    let mut command = Command::new(programs::example("catalogue"));
    command.arg(root).arg("--db").arg(db).args(["--workers", "3"]);
    command
}

fn run(mut command: Command) -> String {
    let Output { status, stdout, stderr } = command.output().unwrap();
    let (printed, errors) = (String::from_utf8(stdout).unwrap(), String::from_utf8_lossy(&stderr));
    assert!(status.success(), "{status}\n{printed}{errors}");
    assert!(errors.is_empty(), "no progress bar where there is no terminal: {errors}");
    printed
}

/// What a catalogue has, and how many entries of its journal are left.
fn contents(db: &Path) -> (Files, usize) {
    let db = Database::open(db).unwrap();
    let files = db.store::<File>().unwrap().iter().unwrap().collect::<kvstore::Result<Files>>().unwrap();
    let journal = db.store::<Work>().unwrap().iter().unwrap().collect::<kvstore::Result<Vec<_>>>().unwrap();
    // A file is in the journal exactly as long as it says so, and then once.
    for (id, work) in &journal {
        assert_eq!(files.get(&work.path).and_then(|file| file.pending), Some(*id), "{}", work.path);
    }
    assert_eq!(files.values().filter(|file| file.pending.is_some()).count(), journal.len());
    db.close().unwrap();
    (files, journal.len())
}

fn runs(db: &Path) -> Vec<(u64, Run)> {
    let db = Database::open(db).unwrap();
    let runs = db.store::<Run>().unwrap().iter().unwrap().collect::<kvstore::Result<Vec<_>>>().unwrap();
    db.close().unwrap();
    runs
}

fn of<'a>(files: &'a Files, path: &[u8]) -> &'a File {
    &files[&FilePath(path.to_vec())]
}

#[test]
fn killed_and_resumed_it_ends_as_if_undisturbed() {
    let tree = Tree::new(60, 40);
    let (root, started) = (tree.root(), Instant::now());
    let printed = run(catalogue(&root, &tree.db("undisturbed")));
    let undisturbed_time = started.elapsed();
    assert!(!printed.contains("Resuming"), "{printed}");
    let (undisturbed, left) = contents(&tree.db("undisturbed"));
    assert_eq!(left, 0);

    let (mut kills, mut resumed, mut begun_again) = (0, 0, 0);
    for seed in 1..=4 {
        let (mut numbers, db) = (Numbers(seed), tree.db(&format!("killed {seed}")));
        let mut finished = Files::new();
        let mut longest = undisturbed_time / 2;
        loop {
            let mut command = catalogue(&root, &db);
            let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            // When it is killed, if it has not ended by then, does not matter to what follows.
            sleep(Duration::from_micros(numbers.below(u64::try_from(longest.as_micros()).unwrap())));
            child.kill().unwrap();
            let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
            // A panic would be seen even of a process that was killed before it could end by it.
            assert!(stderr.is_empty(), "{}", String::from_utf8_lossy(&stderr));
            resumed += usize::from(String::from_utf8(stdout).unwrap().contains("Resuming run 1"));
            let (files, left) = contents(&db);
            for (path, file) in &finished {
                assert_eq!(files.get(path), Some(file), "{path} was finished, and touched again");
            }
            finished = files.into_iter().filter(|(_, file)| file.hash.is_some()).collect();
            assert!(status.success() || status.code().is_none(), "it ended by itself, in failure: {status}");
            kills += u32::from(!status.success());
            // It may have been killed behind its last commit, with nothing left to do but to say so.
            if runs(&db).iter().any(|(_, run)| run.finished.is_some()) {
                assert_eq!(left, 0);
                break;
            }
            assert!(!status.success(), "it ended, and its run did not");
            longest += longest / 10; // so that it ends, however slow the machine
        }

        let (files, _) = contents(&db);
        assert_eq!(files.keys().collect::<Vec<_>>(), undisturbed.keys().collect::<Vec<_>>());
        for (path, file) in &files {
            let expected = &undisturbed[path];
            let what = |file: &File| (file.kind, file.meta, file.hash, file.target.clone(), file.error.clone());
            assert_eq!(what(file), what(expected), "{path}");
            // The processes all worked on run 1, so there is one attempt, as without kills. It may have been begun again.
            let outcomes = |file: &File| file.attempts.iter().map(|(run, a)| (*run, a.outcome)).collect::<Vec<_>>();
            assert_eq!(outcomes(file), outcomes(expected), "{path}");
            begun_again += file.attempts.values().map(|attempt| attempt.begun - 1).sum::<u32>();
        }
        let runs = runs(&db);
        // A kill that comes after a run's end but before its process's makes the next one a new run, with nothing to do.
        assert!(!runs.is_empty() && runs.iter().all(|run| run.1.finished.is_some()), "{} runs", runs.len());
        let printed = run(catalogue(&root, &db));
        assert!(printed.contains("Nothing was hashed: no file has changed."), "{printed}");
    }
    println!("{kills} kills, of which {resumed} were resumed; {begun_again} files had to be begun again");
    // Each kill can have interrupted as many files as there are workers.
    assert!(begun_again <= 3 * kills);
}

#[test]
fn everything_in_the_tree_is_recorded() {
    let tree = Tree::new(2, 3);
    let printed = run(catalogue(&tree.root(), &tree.db("db")));
    let (files, left) = contents(&tree.db("db"));
    assert_eq!(left, 0);

    let empty = of(&files, b"empty");
    assert_eq!((empty.meta.size, empty.hash.unwrap().0), (0, *blake3::hash(b"").as_bytes()));
    let bytes = of(&files, b"no-utf8-\xff\xfe");
    assert_eq!(bytes.hash.unwrap().0, *blake3::hash(b"bytes").as_bytes());
    assert_eq!(bytes.attempts[&1].outcome, Outcome::Hashed);
    let link = of(&files, b"link");
    assert_eq!((link.kind, link.target.as_deref(), &link.error), (Kind::Link, Some(&b"a.txt"[..]), &None));
    assert_eq!(of(&files, b"link to a directory").error, None);
    for (name, target) in [("dangling", "nowhere"), ("circle", "circle")] {
        let link = of(&files, name.as_bytes());
        assert_eq!((link.kind, link.target.as_deref()), (Kind::Link, Some(target.as_bytes())));
        assert!(link.error.as_ref().unwrap().starts_with("it leads nowhere: "), "{:?}", link.error);
    }
    let pipe = of(&files, b"pipe");
    assert_eq!((pipe.kind, pipe.hash, &pipe.error), (Kind::Special, None, &None));
    for (path, file) in &files {
        let hashable = file.kind == Kind::Regular && file.error.is_none();
        assert_eq!(file.hash.is_some(), hashable, "{path}");
        assert_eq!(file.attempts.len(), usize::from(file.kind == Kind::Regular), "{path}");
    }
    let regular = files.values().filter(|file| file.kind == Kind::Regular).count();
    if is_root() {
        assert_eq!(regular, tree.regular);
    } else {
        let secret = of(&files, b"no read");
        assert_eq!((secret.hash, secret.attempts[&1].outcome), (None, Outcome::Failed));
        assert!(secret.error.as_ref().unwrap().contains("Permission denied"));
        let directory = of(&files, b"no entry/");
        assert_eq!(directory.kind, Kind::Directory);
        assert!(directory.error.as_ref().unwrap().contains("Permission denied"));
        assert_eq!(regular, tree.regular - 1);
    }
    assert!(printed.contains("  dangling: it leads nowhere: No such file or directory"), "{printed}");
    assert!(printed.contains(&format!("symbolic links {:>20}", 4)), "{printed}");
}

#[test]
fn only_what_has_changed_is_hashed_again() {
    let tree = Tree::new(2, 3);
    let (root, db) = (tree.root(), tree.db("db"));
    run(catalogue(&root, &db));
    let before = contents(&db).0;
    assert!(run(catalogue(&root, &db)).contains("Nothing was hashed: no file has changed."));
    for (path, file) in contents(&db).0 {
        // What could not be hashed is tried again in every run. The rest is as it was.
        assert!(file == before[&path] || file.attempts[&2].outcome == Outcome::Failed, "{path}");
    }

    fs::write(root.join("new"), "new").unwrap();
    // As long as before, and with the time at which it was written as before.
    let written = fs::metadata(root.join("a.txt")).unwrap().modified().unwrap();
    fs::write(root.join("a.txt"), "A.TXT").unwrap();
    fs::File::options().write(true).open(root.join("a.txt")).unwrap().set_modified(written).unwrap();
    fs::remove_file(root.join("empty")).unwrap();
    fs::remove_dir_all(root.join("d1")).unwrap();
    fs::remove_file(root.join("link")).unwrap();
    fs::write(root.join("link"), "no link any more").unwrap();
    fs::remove_file(root.join("ab")).unwrap();
    symlink("a", root.join("ab")).unwrap();
    let printed = run(catalogue(&root, &db));
    let after = contents(&db).0;
    let hashed = after.iter().filter(|(_, file)| file.attempts.get(&3).is_some_and(|a| a.outcome == Outcome::Hashed));
    let hashed: Vec<_> = hashed.map(|(path, _)| path.to_string()).collect();
    assert_eq!(hashed, ["a.txt", "link", "new"], "{printed}");
    assert_eq!(of(&after, b"a.txt").hash.unwrap().0, *blake3::hash(b"A.TXT").as_bytes());
    assert_eq!(of(&after, b"a.txt").attempts.len(), 2);
    assert_eq!(of(&after, b"link").target, None);
    let link = of(&after, b"ab");
    assert_eq!((link.kind, link.hash, link.target.as_deref()), (Kind::Link, None, Some(&b"a"[..])));
    assert!(!after.keys().any(|path| path.0.starts_with(b"d1/") || path.0 == b"empty"));
    assert!(printed.contains(&format!("removed {:>27}", 4)), "{printed}");
}

#[test]
fn what_is_below_an_unreadable_directory_is_kept() {
    if is_root() {
        return; // no directory is unreadable then
    }
    let tree = Tree::new(2, 3);
    let (root, db) = (tree.root(), tree.db("db"));
    run(catalogue(&root, &db));
    let before = contents(&db).0;
    fs::set_permissions(root.join("d0"), Permissions::from_mode(0o000)).unwrap();
    let printed = run(catalogue(&root, &db));
    fs::set_permissions(root.join("d0"), Permissions::from_mode(0o700)).unwrap();
    let meanwhile = contents(&db).0;
    assert_eq!(of(&meanwhile, b"d0/f0"), of(&before, b"d0/f0"), "{printed}");
    assert!(of(&meanwhile, b"d0/").error.is_some());
    run(catalogue(&root, &db));
    let after = contents(&db).0;
    assert!(!after.contains_key(&FilePath(b"d0/".to_vec())));
    assert_eq!(of(&after, b"d0/f0"), of(&before, b"d0/f0"));
}

#[test]
fn list_and_show_print_from_the_store() {
    let tree = Tree::new(2, 3);
    let (root, db) = (tree.root(), tree.db("db"));
    let ask = |option: &str, value: &[u8]| {
        let mut command = catalogue(&root, &db);
        command.arg(option).arg(OsStr::from_bytes(value));
        command
    };
    let early = ask("--list", b"").output().unwrap();
    assert!(!early.status.success() && !db.exists(), "asking creates nothing");
    run(catalogue(&root, &db));
    fs::remove_dir_all(root.join("d0")).unwrap(); // from the store, not from the tree

    let listed = run(ask("--list", b"d0/"));
    assert_eq!(listed.lines().count(), 3, "{listed}");
    let line = run(ask("--list", b"a.txt"));
    assert_eq!(line, format!("{} {:>12}  a.txt\n", blake3::hash(b"a.txt").to_hex(), 5));
    assert_eq!(run(ask("--list", b"a")).lines().count(), 3, "characters, not directories: a.txt, a/b and ab");
    assert!(run(ask("--list", b"no-utf8")).ends_with("no-utf8-\\xff\\xfe\n"));
    assert!(run(ask("--list", b"dang")).contains("dangling -> nowhere (it leads nowhere: "));

    let shown = run(ask("--show", b"no-utf8-\xff\xfe"));
    for line in ["no-utf8-\\xff\\xfe", "  size       5 bytes", "  attempt    in run 1: begun 1 times, hashed"] {
        assert!(shown.lines().any(|shown| shown == line), "{line}, in:\n{shown}");
    }
    let in_full = fs::canonicalize(&root).unwrap().join("a/b");
    assert!(run(ask("--show", in_full.as_os_str().as_bytes())).starts_with("a/b\n"));
    let absent = ask("--show", b"absent").output().unwrap();
    assert_eq!(String::from_utf8(absent.stderr).unwrap(), "error: the catalogue has no absent\n");
}

#[test]
fn a_store_is_of_one_tree_and_not_part_of_it() {
    let tree = Tree::new(2, 3);
    let db = tree.root().join("d0/db");
    run(catalogue(&tree.root(), &db));
    run(catalogue(&tree.root(), &db));
    assert_eq!(contents(&db).0.keys().filter(|path| path.0.starts_with(b"d0/")).count(), 3);

    let other = catalogue(&tree.root().join("a"), &db).output().unwrap();
    let error = String::from_utf8(other.stderr).unwrap();
    assert!(!other.status.success() && error.starts_with("error: this is a catalogue of "), "{error}");

    let held = Database::open(&db).unwrap();
    let second = catalogue(&tree.root(), &db).output().unwrap();
    let error = String::from_utf8(second.stderr).unwrap();
    assert!(error.contains("is in use: another process has it open"), "{error}");
    held.close().unwrap();
}
