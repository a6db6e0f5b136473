//! The reader of tables, on tables of RocksDB itself.

use std::fs;

use rocksdb::{DB, Options};

use crate::engine::rocks::table::{VERSION, last_sequence};

/// The table of a database with so many commits, as RocksDB writes it.
fn written(commits: u32) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let mut settings = Options::default();
    settings.create_if_missing(true);
    let mut tables = rocksdb::BlockBasedOptions::default();
    tables.set_format_version(i32::try_from(VERSION).unwrap());
    settings.set_block_based_table_factory(&tables);
    let db = DB::open(&settings, directory.path()).unwrap();
    (0..commits).for_each(|key| db.put(key.to_be_bytes(), [7; 100]).unwrap());
    db.flush().unwrap();
    let name = db.live_files().unwrap().pop().unwrap().name;
    fs::read(directory.path().join(name.trim_start_matches('/'))).unwrap()
}

#[test]
fn the_last_commit_of_a_table_is_found_and_none_in_one_that_is_cut_off() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("table");
    let found = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        last_sequence(&path).unwrap()
    };
    for commits in [1, 1_000] {
        let table = written(commits);
        assert_eq!(found(&table), Some(commits.into()));
        for cut in (0..table.len()).step_by(11) {
            assert_eq!(found(&table[..cut]), None, "cut at {cut}");
            // Pages that power loss left out.
            let mut zeroed = table.clone();
            zeroed[cut..].fill(0);
            assert_eq!(found(&zeroed), None, "zeros from {cut}");
        }
    }
    assert_eq!(last_sequence(directory.path()).unwrap(), None);
}
