//! Shortening of what fails.

/// The shortest list found of which `fails` still says yes: pieces are left out, halves first, then ever smaller ones.
pub(super) fn shrink<T: Clone>(mut items: Vec<T>, fails: impl Fn(&[T]) -> bool) -> Vec<T> {
    let mut piece = items.len().div_ceil(2);
    loop {
        let mut start = 0;
        while start < items.len() {
            let end = (start + piece).min(items.len());
            let rest = [&items[..start], &items[end..]].concat();
            if fails(&rest) {
                items = rest;
            } else {
                start = end;
            }
        }
        if piece <= 1 {
            return items;
        }
        piece /= 2;
    }
}

#[cfg(test)]
mod tests {
    use super::shrink;

    #[test]
    fn what_does_not_matter_is_left_out() {
        let fails = |items: &[u32]| items.contains(&17) && items.contains(&60);
        assert_eq!(shrink((0..100).collect(), fails), [17, 60]);
        assert_eq!(shrink(vec![1], |_| true), [0u32; 0]);
    }
}
