//! A file of the model: what of it survives power loss.

use std::ops::Range;

use fastrand::Rng;

/// What a disk writes at once, or not.
const PAGE: usize = 4096;
/// What it writes at once, or not, where it is interrupted in a page.
const SECTOR: usize = 512;

/// A file, with all changes since it was last synced.
#[derive(Debug, Clone, Default)]
pub struct File<'t> {
    synced: Vec<u8>,
    now: Vec<u8>,
    pending: Vec<Change<'t>>,
}

/// A change that may be on disk or not.
#[derive(Debug, Clone, Copy)]
enum Change<'t> {
    Write { at: usize, bytes: &'t [u8] },
    Resize(usize),
}

/// What becomes of the pending changes of a file.
#[derive(Debug, Clone, Copy)]
pub enum Fate {
    /// Each page goes its own way.
    Pages,
    /// The first ones are there.
    Prefix,
    /// None is there.
    Lost,
    /// All are there.
    Kept,
}

impl<'t> File<'t> {
    /// A file that was there and synced before.
    pub fn holding(bytes: Vec<u8>) -> Self {
        Self { synced: bytes.clone(), now: bytes, pending: Vec::new() }
    }

    /// What is read from it now.
    pub fn now(&self) -> &[u8] {
        &self.now
    }

    /// What is in it when nothing survives that was not synced.
    pub fn synced(&self) -> &[u8] {
        &self.synced
    }

    /// Takes a write.
    pub fn write(&mut self, at: usize, bytes: &'t [u8]) {
        self.change(Change::Write { at, bytes });
    }

    /// Takes a new size.
    pub fn resize(&mut self, size: usize) {
        if size != self.now.len() {
            self.change(Change::Resize(size));
        }
    }

    fn change(&mut self, change: Change<'t>) {
        change.apply(&mut self.now);
        self.pending.push(change);
    }

    /// Makes all changes survive.
    pub fn sync(&mut self) {
        for change in self.pending.drain(..) {
            change.apply(&mut self.synced);
        }
    }

    /// What is in it when the power comes back.
    pub fn after_power_loss(&self, fate: Fate, rng: &mut Rng) -> Vec<u8> {
        match fate {
            Fate::Lost => self.synced.clone(),
            Fate::Kept => self.now.clone(),
            Fate::Prefix => {
                let mut bytes = self.synced.clone();
                let kept = rng.usize(0..=self.pending.len());
                self.pending.iter().take(kept).for_each(|change| change.apply(&mut bytes));
                bytes
            }
            Fate::Pages => self.pages(rng),
        }
    }

    /// Of each page a version of its own; a size between the synced and the last one; zeros where a page is missing.
    fn pages(&self, rng: &mut Rng) -> Vec<u8> {
        let mut sizes = vec![self.synced.len()];
        let mut size = self.synced.len();
        for change in &self.pending {
            size = change.size(size);
            sizes.push(size);
        }
        let most = sizes.iter().copied().max().unwrap_or(0);
        let least = sizes.iter().copied().min().unwrap_or(0);
        let size = match rng.u8(..4) {
            0 => rng.usize(least..=most),
            1 => size,
            _ => sizes.get(rng.usize(..sizes.len())).copied().unwrap_or(size),
        };
        let mut bytes = self.synced.clone();
        bytes.resize(most, 0);
        for (page, place) in bytes.chunks_mut(PAGE).zip((0..).step_by(PAGE)) {
            let end = place + page.len();
            let touching: Vec<_> = self.pending.iter().filter(|change| change.touches(&(place..end))).collect();
            let kept = match rng.u8(..4) {
                0 => 0,
                1 => touching.len(),
                _ => rng.usize(0..=touching.len()),
            };
            let is_torn = rng.u8(..4) == 0;
            for (sector, place) in page.chunks_mut(SECTOR).zip((place..).step_by(SECTOR)) {
                let kept = if is_torn { rng.usize(0..=touching.len()) } else { kept };
                touching.iter().take(kept).for_each(|change| change.apply_within(sector, place));
            }
        }
        bytes.truncate(size);
        bytes
    }
}

impl Change<'_> {
    fn apply(&self, file: &mut Vec<u8>) {
        file.resize(self.size(file.len()), 0);
        self.apply_within(file, 0);
    }

    /// The size of the file after it.
    fn size(&self, before: usize) -> usize {
        match self {
            Self::Write { at, bytes } => before.max(at + bytes.len()),
            Self::Resize(size) => *size,
        }
    }

    fn touches(&self, part: &Range<usize>) -> bool {
        match self {
            Self::Write { at, bytes } => *at < part.end && at + bytes.len() > part.start,
            Self::Resize(size) => *size < part.end,
        }
    }

    /// Changes the part of the file that begins at `start`.
    fn apply_within(&self, part: &mut [u8], start: usize) {
        let end = start + part.len();
        match self {
            Self::Write { at, bytes } => {
                let (from, to) = (start.max(*at), end.min(at + bytes.len()));
                if from < to
                    && let (Some(part), Some(bytes)) =
                        (part.get_mut(from - start..to - start), bytes.get(from - at..to - at))
                {
                    part.copy_from_slice(bytes);
                }
            }
            Self::Resize(size) => {
                if let Some(cut) = part.get_mut(size.saturating_sub(start)..) {
                    cut.fill(0);
                }
            }
        }
    }
}

impl Fate {
    /// Any of them.
    pub fn any(rng: &mut Rng) -> Self {
        [Self::Pages, Self::Pages, Self::Prefix, Self::Lost, Self::Kept][rng.usize(..5)]
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn images(file: &File<'_>) -> BTreeSet<Vec<u8>> {
        let mut rng = Rng::with_seed(1);
        (0..2_000)
            .map(|_| {
                let fate = Fate::any(&mut rng);
                file.after_power_loss(fate, &mut rng)
            })
            .collect()
    }

    #[test]
    fn what_is_synced_survives_and_nothing_else_must() {
        let mut file = File::default();
        file.write(0, b"abc");
        assert!(images(&file).contains(&b"abc"[..]) && images(&file).contains(&b""[..]));
        // Lost, but the size is not.
        assert!(images(&file).contains(&[0; 3][..]) && images(&file).contains(&b"ab"[..]));
        file.sync();
        assert_eq!(images(&file), [b"abc".to_vec()].into());
        file.write(1, b"X");
        assert_eq!(images(&file), [b"abc".to_vec(), b"aXc".to_vec()].into());
        file.resize(1);
        assert!(images(&file).contains(&b"a"[..]) && images(&file).contains(&b"aX"[..]));
        file.sync();
        assert_eq!(images(&file), [b"a".to_vec()].into());
    }

    #[test]
    fn pages_survive_in_any_order() {
        let mut file = File::holding(vec![1; 3 * PAGE]);
        let bytes = vec![2; 3 * PAGE];
        file.write(0, &bytes);
        let pages = |image: &Vec<u8>| image.chunks(PAGE).map(|page| page[0]).collect::<Vec<_>>();
        let found: BTreeSet<_> = images(&file).iter().map(pages).collect();
        assert_eq!(found.len(), 8);
        let torn = |image: &Vec<u8>| image[..PAGE].iter().any(|byte| *byte != image[0]);
        assert!(images(&file).iter().any(torn));
        assert!(
            images(&file).iter().all(|image| image.chunks(SECTOR).all(|part| part.iter().all(|byte| *byte == part[0])))
        );
    }

    #[test]
    fn a_page_has_any_of_its_versions() {
        let mut file = File::holding(vec![b'.'; 8]);
        for (at, byte) in [b"a", b"b", b"c"].into_iter().enumerate() {
            file.write(at, byte);
        }
        let expected = ["........", "a.......", "ab......", "abc....."].map(|text| text.as_bytes().to_vec());
        assert_eq!(images(&file), expected.into());
    }
}
