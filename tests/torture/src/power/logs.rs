//! Finds commits in the bytes of write-ahead logs, whether they are whole or not.

use std::path::Path;

use super::image::Image;

/// What a job's record begins with: a map of fields, schema version 1, three fields, of which `step` is the first.
const RECORD: &[u8] = b"\x01\x01\xA3\x64step";
/// The number of the jobs' namespace, which is the first that is made.
const NAMESPACE: [u8; 4] = [0, 0, 0, 1];

/// Whether a path is that of a write-ahead log.
pub fn is_log(path: &str) -> bool {
    Path::new(path).extension().is_some_and(|extension| extension == "log")
}

/// The threads and steps of which there is a written job in the logs of a database, or the beginning of one.
pub fn jobs(image: &Image, database: &str) -> Vec<(u8, u64)> {
    let logs = image.files(database).filter(|(name, _)| is_log(name));
    logs.flat_map(|(_, log)| jobs_in(log)).collect()
}

fn jobs_in(log: &[u8]) -> Vec<(u8, u64)> {
    let places = log.windows(RECORD.len()).enumerate().filter(|(_, window)| *window == RECORD);
    places
        .filter_map(|(place, _)| {
            let (before, record) = log.split_at_checked(place)?;
            Some((thread(before)?, step(record.get(RECORD.len()..)?)?))
        })
        .collect()
}

/// The thread in a key like `2/11`, with the length of the record between it and the end.
fn thread(before: &[u8]) -> Option<u8> {
    (1..=3).find_map(|length| {
        let key = before.get(..before.len().checked_sub(length)?)?;
        let digits = key.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        let (head, _) = key.split_at_checked(key.len() - digits)?;
        let (head, thread) = head.strip_suffix(b"/")?.split_at_checked(head.len().checked_sub(2)?)?;
        (digits > 0 && head.ends_with(&NAMESPACE)).then(|| thread.first()?.checked_sub(b'0'))?
    })
}

/// The number at the beginning of some CBOR.
fn step(bytes: &[u8]) -> Option<u64> {
    let (&head, rest) = bytes.split_first()?;
    let number = |size: usize| Some(rest.get(..size)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)));
    match head {
        0..24 => Some(head.into()),
        24 => number(1),
        25 => number(2),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kvstore::Database;

    use super::*;
    use crate::workload::{Job, Stores};

    #[test]
    fn jobs_are_found_in_a_log_also_where_it_is_cut() {
        let directory = tempfile::tempdir().unwrap();
        let db = Database::open(directory.path().join("data")).unwrap();
        let stores = Stores::open(&db).unwrap();
        let expected = [(0, 0), (2, 23), (1, 24), (2, 300), (0, 70_000 % 65_536)];
        for (thread, step) in expected {
            stores.jobs.insert(format!("{thread}/{}", step % 12), Job::of(thread, step)).unwrap();
        }
        let mut image = Image::read(directory.path(), "").unwrap();
        assert_eq!(jobs(&image, "data"), expected);
        let log = image.entries.iter_mut().find(|(path, _)| is_log(path)).unwrap().1.as_mut().unwrap();
        let last = log.windows(RECORD.len()).rposition(|window| window == RECORD).unwrap();
        log.truncate(last + RECORD.len() + 3);
        assert_eq!(jobs(&image, "data"), expected);
    }
}
