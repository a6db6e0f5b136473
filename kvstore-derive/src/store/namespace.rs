//! Names of namespaces.

/// The longest name in bytes, as the runtime has it.
const MAX_BYTES: usize = 128;

/// The name of a type in `snake_case`. A run of capitals is one word, whose last letter begins the next word where a
/// small letter follows: `HTTPJob` becomes `http_job`.
pub(crate) fn of_type(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    let mut snake = String::new();
    for (i, letter) in letters.iter().enumerate() {
        let before = i.checked_sub(1).and_then(|i| letters.get(i));
        let after = letters.get(i + 1);
        let begins_word = before.is_some_and(|before| {
            *before != '_' && (!before.is_uppercase() || after.is_some_and(|after| after.is_lowercase()))
        });
        if letter.is_uppercase() && begins_word {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
    }
    snake
}

/// Why a string can't be a name, if so.
pub(crate) fn mistake(name: &str) -> Option<String> {
    if name.is_empty() {
        return Some("the name of a namespace can't be empty".to_owned());
    }
    if name.len() > MAX_BYTES {
        return Some(format!("the name of a namespace has at most {MAX_BYTES} bytes, found {}", name.len()));
    }
    let control = name.chars().find(|letter| letter.is_control())?;
    Some(format!("the name of a namespace has no control characters, found `{}`", control.escape_default()))
}

#[cfg(test)]
mod tests {
    use super::{mistake, of_type};

    #[test]
    fn type_names_become_snake_case() {
        for (name, expected) in [
            ("Job", "job"),
            ("PendingWork", "pending_work"),
            ("HTTPJob", "http_job"),
            ("JobHTTP", "job_http"),
            ("JobV2", "job_v2"),
            ("Job2Do", "job2_do"),
            ("already_snake", "already_snake"),
            ("Mixed_Case", "mixed_case"),
            ("A", "a"),
            ("AB", "ab"),
            ("ÄrgerÜber", "ärger_über"),
        ] {
            assert_eq!(of_type(name), expected);
        }
    }

    #[test]
    fn names_have_1_to_128_bytes_without_control_characters() {
        for name in ["a", "a/b c", "größe", &"x".repeat(128)] {
            assert_eq!(mistake(name), None, "{name}");
        }
        for name in ["", "a\0", "a\nb", "a\u{85}", &"x".repeat(129), &"ö".repeat(65)] {
            assert!(mistake(name).is_some(), "{name}");
        }
    }
}
