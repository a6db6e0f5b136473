use super::*;
use crate::engine::local::Local;
use crate::engine::memory::{Faults, Memory};

fn engine() -> Local<Memory> {
    let engine = Local::new(Memory::new(Faults::default()));
    open(&engine).unwrap();
    engine
}

fn row() -> NamespaceRow {
    NamespaceRow { id: 0, version: 1, key: "u64".into(), fields: None }
}

fn put(engine: &dyn Engine, key: &KeyBuf, value: &[u8]) {
    let ops = [Op::Put { key: key.as_slice(), value }];
    engine.commit(&Commit { ops: &ops, ..Commit::default() }).unwrap();
}

#[test]
fn numbers_of_dropped_namespaces_are_not_given_out_again() {
    let engine = engine();
    assert_eq!(create_namespace(&engine, "a", row()).unwrap().id, 1);
    assert_eq!(create_namespace(&engine, "b", row()).unwrap().id, 2);
    let forgotten = forget_namespace(&engine, "b").unwrap().unwrap();
    assert!(forget_namespace(&engine, "b").unwrap().is_none());
    delete_forgotten(&engine, forgotten).unwrap();
    assert_eq!(create_namespace(&engine, "b", row()).unwrap().id, 3);
    let names: Vec<_> = namespaces(&engine).unwrap().into_iter().map(|(name, row)| (name, row.id)).collect();
    assert_eq!(names, [("a".to_string(), 1), ("b".to_string(), 3)]);
}

#[test]
fn a_drop_that_was_interrupted_is_finished_by_the_next_open() {
    let engine = engine();
    let mut entry = KeyBuf::in_namespace(7);
    entry.push(1);
    put(&engine, &entry, b"left over");
    put(&engine, &row_key(PROGRESS, &7_u32.to_be_bytes()), &[]);
    open(&engine).unwrap();
    assert_eq!(read(&engine, &entry).unwrap(), None);
    assert_eq!(read(&engine, &row_key(PROGRESS, &7_u32.to_be_bytes())).unwrap(), None);
}

#[test]
fn leases_follow_each_other_to_the_end_of_the_numbers() {
    let engine = engine();
    assert_eq!(lease(&engine, 1, 1000).unwrap(), Some((1, 1001)));
    assert_eq!(lease(&engine, 1, 1000).unwrap(), Some((1001, 2001)));
    put(&engine, &sequence_key(1), &encode_row(&(u64::MAX - 1)).unwrap());
    assert_eq!(lease(&engine, 1, 1000).unwrap(), Some((u64::MAX - 1, u64::MAX)));
    assert_eq!(lease(&engine, 1, 1000).unwrap(), None);
}

#[test]
fn unknown_formats_and_features_are_refused() {
    let engine = engine();
    for (format, required, to_write, optional, opens) in [
        (1, vec![], vec![], vec!["x"], true),
        (1, vec!["x"], vec![], vec![], false),
        (1, vec![], vec!["x"], vec![], false),
        (2, vec![], vec![], vec![], false),
    ] {
        let own = |names: Vec<&str>| names.into_iter().map(str::to_owned).collect();
        let header =
            Header { format, required: own(required), required_to_write: own(to_write), optional: own(optional) };
        put(&engine, &row_key(HEADER, &[]), &encode_row(&header).unwrap());
        let opened = open(&engine);
        assert_eq!(opened.is_ok(), opens, "{header:?}");
        assert!(opens || matches!(opened, Err(Error::Unsupported { .. })));
    }
}

#[test]
fn damaged_rows_are_named() {
    let engine = engine();
    create_namespace(&engine, "a", row()).unwrap();
    let mut bytes = read(&engine, &namespace_key("a")).unwrap().unwrap();
    bytes.push(0);
    put(&engine, &namespace_key("a"), &bytes);
    let error = namespace(&engine, "a").unwrap_err();
    assert!(matches!(&error, Error::Corrupt { .. }) && error.to_string().contains("namespace `a`"), "{error}");
}

#[test]
fn what_was_not_dropped_is_not_deleted() {
    for id in [CATALOG, 1, 2] {
        let engine = engine();
        create_namespace(&engine, "a", row()).unwrap();
        let elements = ("elements".to_owned(), SecondaryRow::new("map", "u64".to_owned()));
        assert_eq!(ensure_secondaries(&engine, 1, &[elements]).unwrap()[0].id, 2);
        put(&engine, &row_key(PROGRESS, &id.to_be_bytes()), &[]);
        let error = open(&engine).unwrap_err();
        assert!(matches!(&error, Error::Corrupt { .. }) && error.to_string().contains("not dropped"), "{error}");
        assert_eq!(namespace(&engine, "a").unwrap().unwrap().id, 1);
    }
}

#[test]
fn no_namespace_has_the_number_of_the_catalog() {
    let engine = engine();
    put(&engine, &secondary_key(7, "b"), &encode_row(&SecondaryRow::new("map", "u64".to_owned())).unwrap());
    assert!(matches!(secondaries(&engine, 7), Err(Error::Corrupt { .. })));
    put(&engine, &namespace_key("a"), &encode_row(&row()).unwrap());
    for found in [namespace(&engine, "a").err(), namespaces(&engine).err(), forget_namespace(&engine, "a").err()] {
        assert!(matches!(found, Some(Error::Corrupt { .. })), "{found:?}");
    }
}

/// The rows, as the book's chapter on the format has them.
#[test]
fn rows_have_the_bytes_of_the_book() {
    let engine = engine();
    let fields = Some(vec![("owner".to_string(), "String".to_string())]);
    create_namespace(&engine, "job", NamespaceRow { id: 0, version: 1, key: "string".into(), fields }).unwrap();
    lease(&engine, 1, 1000).unwrap();
    let mut rows = Vec::new();
    for kind in [HEADER, NAMESPACE, SEQUENCE] {
        each_row(&engine, row_key(kind, &[]), |rest, value| {
            rows.push(format!("{} -> {}", hex(row_key(kind, rest).as_slice()), hex(value)));
            Ok(())
        })
        .unwrap();
    }
    assert_eq!(
        rows,
        [
            "00 00 00 00 00 -> a4 66 66 6f 72 6d 61 74 01 68 72 65 71 75 69 72 65 64 80 \
             71 72 65 71 75 69 72 65 64 5f 74 6f 5f 77 72 69 74 65 80 68 6f 70 74 69 6f 6e 61 6c 80",
            "00 00 00 00 01 6a 6f 62 -> a4 62 69 64 01 67 76 65 72 73 69 6f 6e 01 \
             63 6b 65 79 66 73 74 72 69 6e 67 66 66 69 65 6c 64 73 81 82 65 6f 77 6e 65 72 66 53 74 72 69 6e 67",
            "00 00 00 00 03 00 00 00 00 -> 02",
            "00 00 00 00 03 00 00 00 01 -> 19 03 e9",
        ]
    );
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(" ")
}
