//! The known name that a misspelt one was probably meant to be.

/// The candidate nearest to `found`, where one is near enough: a third of its letters may be wrong, at least one.
pub(crate) fn nearest<'a>(found: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (distance, name) =
        candidates.into_iter().map(|name| (distance(found, name), name)).min_by_key(|(distance, _)| *distance)?;
    let allowed = (found.chars().count().max(name.chars().count()) / 3).max(1);
    (distance <= allowed).then_some(name)
}

/// How many letters must be inserted, removed, replaced, or swapped with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // Row `i` of the usual table: the distances of the first `i` letters of `a` from each beginning of `b`.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    let mut row_before = row.clone();
    let mut letter_before = None;
    for (i, letter) in a.chars().enumerate() {
        let mut next = vec![i + 1];
        let mut left = i + 1;
        for (j, other) in b.iter().enumerate() {
            let at = |row: &[usize], column: usize| row.get(column).copied().unwrap_or(usize::MAX / 2);
            let mut best = (at(&row, j) + usize::from(letter != *other)).min(at(&row, j + 1) + 1).min(left + 1);
            let other_before = j.checked_sub(1).and_then(|j| b.get(j));
            if letter_before == Some(*other) && other_before == Some(&letter) {
                best = best.min(at(&row_before, j - 1) + 1);
            }
            next.push(best);
            left = best;
        }
        row_before = std::mem::replace(&mut row, next);
        letter_before = Some(letter);
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest};

    const NAMES: [&str; 5] = ["key", "default", "with", "skip", "type"];

    #[test]
    fn distances_count_letters() {
        for (a, b, expected) in
            [("", "", 0), ("", "abc", 3), ("kye", "key", 1), ("ab", "ba", 1), ("sitting", "kitten", 3)]
        {
            assert_eq!((distance(a, b), distance(b, a)), (expected, expected), "{a} {b}");
        }
    }

    #[test]
    fn slips_are_recognized_and_other_words_are_not() {
        assert_eq!(nearest("defualt", NAMES), Some("default"));
        assert_eq!(nearest("skpi", NAMES), Some("skip"));
        assert_eq!(nearest("keys", NAMES), Some("key"));
        assert_eq!(nearest("rename", NAMES), None);
        assert_eq!(nearest("x", []), None);
    }
}
