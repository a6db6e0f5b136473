//! The names in the directories of the model: which of them survive power loss.

use std::collections::{BTreeMap, BTreeSet};

use fastrand::Rng;

/// A name in a directory, by the directory's number.
pub type Name = (usize, String);

/// What a name stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Node {
    /// A file, by its number.
    File(usize),
    /// A directory, by its number.
    Directory(usize),
}

/// What all names stand for. The root is directory 0.
pub type Tree = BTreeMap<Name, Node>;

/// All names, with the changes of them since their directories were last synced.
#[derive(Debug, Clone, Default)]
pub struct Names {
    synced: Tree,
    now: Tree,
    pending: Vec<Change>,
    changes: u64,
    /// The last change that a sync was asked to keep.
    last_synced: u64,
}

/// What one call did to names: it is there as a whole, or not at all.
#[derive(Debug, Clone)]
struct Change {
    number: u64,
    names: Vec<(Name, Option<Node>)>,
}

/// Which of the pending changes survive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// The first ones, as file systems with a journal do it: with a change all before it are there, in whatever directory.
    Journal,
    /// Any of them; of the changes of one name the first ones.
    Any,
}

impl Names {
    /// Names that were there and synced before.
    pub fn holding(tree: Tree) -> Self {
        Self { synced: tree.clone(), now: tree, ..Self::default() }
    }

    /// What all names stand for now.
    pub fn now(&self) -> &Tree {
        &self.now
    }

    /// What they stand for when nothing survives that was not synced.
    pub fn synced(&self) -> &Tree {
        &self.synced
    }

    /// Takes a change.
    pub fn change(&mut self, names: Vec<(Name, Option<Node>)>) {
        self.changes += 1;
        let change = Change { number: self.changes, names };
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    /// Makes all names of a directory survive, and with them the changes that went before.
    pub fn sync(&mut self, directory: usize) {
        self.keep(|((of, _), _)| *of == directory);
    }

    /// Makes the names of a node survive, and with them the changes that went before.
    pub fn sync_names_of(&mut self, node: Node) {
        self.keep(|(_, to)| *to == Some(node));
    }

    fn keep(&mut self, is_kept: impl Fn(&(Name, Option<Node>)) -> bool) {
        let mut names: BTreeSet<Name> = BTreeSet::new();
        let mut kept = Vec::new();
        for change in std::mem::take(&mut self.pending).into_iter().rev() {
            if change.names.iter().any(|part| is_kept(part) || names.contains(&part.0)) {
                names.extend(change.names.iter().map(|(name, _)| name.clone()));
                kept.push(change);
            } else {
                self.pending.push(change);
            }
        }
        self.pending.reverse();
        for change in kept.into_iter().rev() {
            self.last_synced = self.last_synced.max(change.number);
            change.apply(&mut self.synced);
        }
    }

    /// What is there when the power comes back.
    pub fn after_power_loss(&self, order: Order, rng: &mut Rng) -> Tree {
        let mut tree = self.synced.clone();
        match order {
            Order::Journal => {
                let must = self.pending.iter().filter(|change| change.number < self.last_synced).count();
                let kept = rng.usize(must..=self.pending.len());
                self.pending.iter().take(kept).for_each(|change| change.apply(&mut tree));
            }
            Order::Any => {
                let mut lost: BTreeSet<&Name> = BTreeSet::new();
                for change in &self.pending {
                    if rng.bool() && !change.names.iter().any(|(name, _)| lost.contains(name)) {
                        change.apply(&mut tree);
                    } else {
                        lost.extend(change.names.iter().map(|(name, _)| name));
                    }
                }
            }
        }
        tree
    }
}

impl Change {
    fn apply(&self, tree: &mut Tree) {
        for (name, node) in &self.names {
            match node {
                Some(node) => tree.insert(name.clone(), *node),
                None => tree.remove(name),
            };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn create(names: &mut Names, directory: usize, name: &str, file: usize) {
        names.change(vec![((directory, name.into()), Some(Node::File(file)))]);
    }

    fn rename(names: &mut Names, from: (usize, &str), to: (usize, &str)) {
        let from = (from.0, from.1.to_owned());
        let node = names.now()[&from];
        names.change(vec![(from, None), ((to.0, to.1.into()), Some(node))]);
    }

    /// All that may be there, each as directories and names.
    fn images(names: &Names, order: Order) -> BTreeSet<Vec<String>> {
        let mut rng = Rng::with_seed(1);
        let text = |tree: Tree| tree.iter().map(|((at, name), node)| format!("{at}/{name} {node:?}")).collect();
        (0..500).map(|_| text(names.after_power_loss(order, &mut rng))).collect()
    }

    #[test]
    fn a_rename_is_there_or_not() {
        let mut names = Names::default();
        create(&mut names, 0, "a", 1);
        create(&mut names, 0, "new", 2);
        names.sync(0);
        rename(&mut names, (0, "new"), (0, "a"));
        for order in [Order::Journal, Order::Any] {
            let (old, new) =
                (vec!["0/a File(1)".to_owned(), "0/new File(2)".to_owned()], vec!["0/a File(2)".to_owned()]);
            assert_eq!(images(&names, order), [old, new].into());
        }
        names.sync(0);
        assert_eq!(images(&names, Order::Any).len(), 1);
    }

    #[test]
    fn a_journal_keeps_the_order_and_a_name_always_does() {
        let mut names = Names::default();
        create(&mut names, 0, "a", 1);
        create(&mut names, 1, "b", 2);
        rename(&mut names, (0, "a"), (0, "c"));
        assert_eq!(images(&names, Order::Journal).len(), 4);
        // Without `a` there is no renaming it.
        assert_eq!(images(&names, Order::Any).len(), 6);
        // Of a journal the sync of one directory keeps what came before in all.
        names.sync(1);
        let journal = images(&names, Order::Journal);
        assert!(journal.iter().all(|image| image.len() == 2), "{journal:?}");
        assert_eq!(images(&names, Order::Any).len(), 3);
    }

    #[test]
    fn a_sync_keeps_what_its_changes_need_in_other_directories() {
        let mut names = Names::default();
        create(&mut names, 0, "a", 1);
        create(&mut names, 0, "b", 2);
        rename(&mut names, (0, "a"), (1, "a"));
        names.sync(1);
        assert!(images(&names, Order::Any).iter().all(|image| image.contains(&"1/a File(1)".to_owned())));
        assert_eq!(images(&names, Order::Any).len(), 2);
    }
}
