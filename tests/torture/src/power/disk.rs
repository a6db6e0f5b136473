//! A file system of the model: takes a trace, and tells what is there after power was lost.
//!
//! A file has bytes that were synced, and since then writes, each page of which may be on disk or not, in any version and
//! any order, whatever becomes of other files. A directory has names that were synced, and since then changes: see
//! [`Order`]. To sync a file does not sync its name, and to sync a name does not sync the directory's own name in the one
//! above. One exception is made: where `MANIFEST-000005` is synced, its name is, too. RocksDB renames `CURRENT`, which
//! names it, before it syncs the directory, and relies on what all file systems do that it is used on, though no standard
//! says so.

use std::collections::{BTreeMap, HashMap, HashSet};

use fastrand::Rng;
use kvstore_tests::TestResult;

use super::file::{Fate, File};
use super::image::Image;
use super::names::{Name, Names, Node, Order, Tree};
use super::trace::Event;

/// A file system.
#[derive(Debug, Clone, Default)]
pub struct Disk<'t> {
    names: Names,
    files: Vec<File<'t>>,
    /// How many directories were ever made besides the root, which has number 0.
    directories: usize,
    open: HashMap<i32, Node>,
    manifests: HashSet<Node>,
}

impl<'t> Disk<'t> {
    /// A disk on which there is an image, and nothing is pending.
    ///
    /// # Errors
    /// Where the image is not whole.
    pub fn holding(image: &Image) -> TestResult<Self> {
        let (mut disk, mut tree) = (Self::default(), Tree::new());
        for (path, content) in &image.entries {
            let name = locate(&tree, path)?;
            let node = match content {
                Some(bytes) => disk.new_file(File::holding(bytes.clone())),
                None => disk.new_directory(),
            };
            tree.insert(name, node);
        }
        disk.names = Names::holding(tree);
        Ok(disk)
    }

    /// Takes the next event of a trace.
    ///
    /// # Errors
    /// Where it can't have happened here: the trace is not whole.
    pub fn apply(&mut self, event: Event<'t>) -> TestResult {
        match event {
            Event::Begin => self.open.clear(),
            Event::Line(_) => {}
            Event::Open { fd, path, creates, empties } => {
                let node = match self.find(path)? {
                    Some(node) => node,
                    None if creates => {
                        let (name, file) = (self.name(path)?, self.new_file(File::default()));
                        if name.1.starts_with("MANIFEST-") {
                            self.manifests.insert(file);
                        }
                        self.names.change(vec![(name, Some(file))]);
                        file
                    }
                    None => return Err(format!("`{path}` was opened, and is not there").into()),
                };
                self.open.insert(fd, node);
                if empties {
                    self.file(fd)?.resize(0);
                }
            }
            Event::Close { fd } => {
                self.open.remove(&fd);
            }
            Event::Duplicate { fd, of } => {
                let node = self.node(of)?;
                self.open.insert(fd, node);
            }
            Event::Write { fd, at, bytes } => self.file(fd)?.write(at, bytes),
            Event::Resize { fd, size } => self.file(fd)?.resize(size),
            Event::Grow { fd, size } => {
                let file = self.file(fd)?;
                let size = size.max(file.now().len());
                file.resize(size);
            }
            Event::Sync { fd } => match self.node(fd)? {
                node @ Node::File(_) => {
                    self.file(fd)?.sync();
                    if self.manifests.contains(&node) {
                        self.names.sync_names_of(node);
                    }
                }
                Node::Directory(directory) => self.names.sync(directory),
            },
            Event::Rename { from, to } => {
                let node = self.find(from)?.ok_or_else(|| format!("`{from}` was renamed, and is not there"))?;
                let change = vec![(self.name(from)?, None), (self.name(to)?, Some(node))];
                self.names.change(change);
            }
            Event::Link { from, to } => {
                let node = self.find(from)?.ok_or_else(|| format!("`{from}` was linked, and is not there"))?;
                let change = vec![(self.name(to)?, Some(node))];
                self.names.change(change);
            }
            Event::Remove { path } => {
                let change = vec![(self.name(path)?, None)];
                self.names.change(change);
            }
            Event::MakeDirectory { path } => {
                let (name, directory) = (self.name(path)?, self.new_directory());
                self.names.change(vec![(name, Some(directory))]);
            }
        }
        Ok(())
    }

    /// What is there now, as a process sees it.
    pub fn now(&self) -> Image {
        self.collect(self.names.now(), |file| file.now().to_vec())
    }

    /// What is there when nothing survives that was not synced.
    pub fn synced(&self) -> Image {
        self.collect(self.names.synced(), |file| file.synced().to_vec())
    }

    /// What is there when the power comes back.
    pub fn after_power_loss(&self, rng: &mut Rng) -> Image {
        let order = if rng.bool() { Order::Journal } else { Order::Any };
        // Mostly each file has a fate of its own, and sometimes all of them the same.
        let common = if rng.u8(..4) == 0 { Some(Fate::any(rng)) } else { None };
        let tree = self.names.after_power_loss(order, rng);
        self.collect(&tree, |file| {
            let fate = common.unwrap_or_else(|| Fate::any(rng));
            file.after_power_loss(fate, rng)
        })
    }

    /// All that a tree's root leads to.
    fn collect(&self, tree: &Tree, mut read: impl FnMut(&File<'t>) -> Vec<u8>) -> Image {
        let mut image = Image::default();
        // A file with two names has the same bytes under both.
        let mut bytes: BTreeMap<usize, Vec<u8>> = BTreeMap::new();
        let mut directories = vec![(0, String::new())];
        while let Some((directory, path)) = directories.pop() {
            let names = tree.range((directory, String::new())..(directory + 1, String::new()));
            for ((_, name), node) in names {
                let path = if path.is_empty() { name.clone() } else { format!("{path}/{name}") };
                let content = match node {
                    Node::Directory(number) => {
                        directories.push((*number, path.clone()));
                        None
                    }
                    Node::File(number) => {
                        self.files.get(*number).map(|file| bytes.entry(*number).or_insert_with(|| read(file)).clone())
                    }
                };
                image.entries.insert(path, content);
            }
        }
        image
    }

    fn new_file(&mut self, file: File<'t>) -> Node {
        self.files.push(file);
        Node::File(self.files.len() - 1)
    }

    fn new_directory(&mut self) -> Node {
        self.directories += 1;
        Node::Directory(self.directories)
    }

    fn node(&self, fd: i32) -> TestResult<Node> {
        Ok(*self.open.get(&fd).ok_or_else(|| format!("descriptor {fd} is not open"))?)
    }

    fn file(&mut self, fd: i32) -> TestResult<&mut File<'t>> {
        let Node::File(number) = self.node(fd)? else { return Err("a directory was written to".into()) };
        Ok(self.files.get_mut(number).ok_or("an unknown file")?)
    }

    fn find(&self, path: &str) -> TestResult<Option<Node>> {
        if path.is_empty() {
            return Ok(Some(Node::Directory(0)));
        }
        Ok(self.names.now().get(&self.name(path)?).copied())
    }

    fn name(&self, path: &str) -> TestResult<Name> {
        locate(self.names.now(), path)
    }
}

/// The directory and name to which a path leads, whether they are there or not.
fn locate(tree: &Tree, path: &str) -> TestResult<Name> {
    let mut parts = path.split('/').filter(|part| !matches!(*part, "" | "."));
    let mut last = parts.next().ok_or("the root has no name")?;
    let mut directory = 0;
    for part in parts {
        match tree.get(&(directory, last.to_owned())) {
            Some(Node::Directory(number)) => directory = *number,
            _ => return Err(format!("`{path}` leads through no directory").into()),
        }
        last = part;
    }
    Ok((directory, last.to_owned()))
}
