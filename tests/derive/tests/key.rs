//! What `#[derive(Key)]` does: bytes, shapes, arguments, prefixes, generated keys.

#![allow(missing_docs)]

use kvstore::{Database, Key, Result};
use kvstore_derive_tests::{from_last, from_part, last, part};

#[derive(Key, Debug, PartialEq, Eq, PartialOrd, Ord, Clone)]
struct JobId(u64);

#[derive(Key, Debug, PartialEq)]
struct Name {
    text: String,
}

#[derive(Key, Debug, PartialEq, Clone)]
struct Task {
    tenant: String,
    id: JobId,
    label: String,
}

#[derive(Key, Debug, PartialEq)]
struct Pair(Vec<u8>, Level);

#[derive(Key, Debug, PartialEq, Clone)]
enum Level {
    Low,
    High(u32, String),
    Named { r#type: i8 },
    Wrapped(JobId),
}

fn task() -> Task {
    Task { tenant: "a\0".into(), id: JobId(7), label: "x\0y".into() }
}

fn levels() -> [(Level, Vec<u8>, Vec<u8>); 4] {
    [
        (Level::Low, vec![0, 0], vec![0, 0]),
        (Level::High(1, "b".into()), vec![0, 1, 0, 0, 0, 1, b'b'], vec![0, 1, 0, 0, 0, 1, b'b', 0, 0]),
        (Level::Named { r#type: -1 }, vec![0, 2, 0x7F], vec![0, 2, 0x7F]),
        (Level::Wrapped(JobId(2)), vec![0, 3, 0, 0, 0, 0, 0, 0, 0, 2], vec![0, 3, 0, 0, 0, 0, 0, 0, 0, 2]),
    ]
}

#[test]
fn a_newtype_has_the_bytes_of_its_field() {
    assert_eq!((last(&JobId(7)), part(&JobId(7))), (last(&7_u64), part(&7_u64)));
    let name = Name { text: "a\0b".into() };
    assert_eq!((last(&name), part(&name)), (last(&name.text), part(&name.text)));
    assert_eq!(from_last::<Name>(&last(&name)), Ok(name));
    assert_eq!(from_part::<JobId>(&[0, 0, 0, 0, 0, 0, 0, 1, 9]), Ok((JobId(1), vec![9])));
}

#[test]
fn a_struct_has_its_fields_as_parts_and_the_last_as_last() {
    let tuple = ("a\0".to_owned(), 7_u64, "x\0y".to_owned());
    assert_eq!((last(&task()), part(&task())), (last(&tuple), part(&tuple)));
    assert_eq!(from_last::<Task>(&last(&task())), Ok(task()));
    let followed = [part(&task()), vec![5]].concat();
    assert_eq!(from_part::<Task>(&followed), Ok((task(), vec![5])));
}

#[test]
fn an_enum_has_the_number_of_the_variant_before_its_fields() {
    for (level, in_last, in_part) in levels() {
        assert_eq!((last(&level), part(&level)), (in_last.clone(), in_part.clone()), "{level:?}");
        assert_eq!(from_last::<Level>(&in_last), Ok(level.clone()));
        assert_eq!(from_part::<Level>(&[in_part, vec![9]].concat()), Ok((level, vec![9])));
    }
}

#[test]
fn keys_nest() {
    let pair = Pair(vec![0, 1], Level::High(1, "b".into()));
    assert_eq!(last(&pair), [0, 0xFF, 1, 0, 0, 0, 1, 0, 0, 0, 1, b'b']);
    assert_eq!(from_last::<Pair>(&last(&pair)), Ok(pair));
    let tuple = (Level::Low, JobId(1), "x".to_owned());
    assert_eq!(from_last::<(Level, JobId, String)>(&last(&tuple)), Ok(tuple));
}

#[test]
fn bytes_that_are_no_key_are_errors() {
    assert_eq!(from_last::<Level>(&[0]), Err("the key ends early".into()));
    assert_eq!(from_last::<Level>(&[0, 4]), Err("no such variant".into()));
    assert_eq!(from_last::<Level>(&[0, 0, 0]), Err("bytes follow the key".into()));
    assert_eq!(from_last::<Level>(&[0, 2]), Err("the key ends early".into()));
    assert_eq!(from_last::<Level>(&[0, 2, 1, 1]), Err("bytes follow the key".into()));
    assert_eq!(from_last::<Task>(b"a\0\0"), Err("the key ends early".into()));
    assert_eq!(from_last::<JobId>(&[0; 9]), Err("bytes follow the key".into()));
    assert_eq!(from_last::<Name>(&[0xFF]), Err("the text is not UTF-8".into()));
}

#[test]
fn shapes_describe_the_bytes() {
    assert_eq!(JobId::SHAPE.to_string(), "u64");
    assert_eq!(Name::SHAPE.to_string(), "string");
    assert_eq!(Task::SHAPE.to_string(), "(tenant:string,id:u64,label:string)");
    assert_eq!(Level::SHAPE.to_string(), "enum{Low,High(u32,string),Named(type:i8),Wrapped(u64)}");
    assert_eq!(Pair::SHAPE.to_string(), format!("(bytes,{})", Level::SHAPE));
}

#[test]
fn an_enum_with_one_field_is_no_newtype() {
    #[derive(Key)]
    enum Only {
        One(u64),
    }
    assert_eq!(last(&Only::One(1)), [0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(Only::SHAPE.to_string(), "enum{One(u64)}");
}

#[test]
fn keys_are_arguments_by_value_and_by_reference() -> Result<()> {
    let db = Database::in_memory()?;
    let tasks = db.map::<Task, u8>("tasks")?;
    let key = task();
    tasks.put(&key, 1)?;
    assert_eq!((tasks.get(&key)?, tasks.get(key)?), (Some(1), Some(1)));
    let pairs = db.map::<(JobId, Level), u8>("pairs")?;
    pairs.put((JobId(1), &Level::Low), 1)?;
    assert_eq!(pairs.get((&JobId(1), Level::Low))?, Some(1));
    assert_eq!(pairs.range((JobId(0), Level::Low)..)?.count(), 1);
    Ok(())
}

#[test]
fn leading_fields_are_prefixes() -> Result<()> {
    let tasks = Database::in_memory()?.map::<Task, u8>("tasks")?;
    for (number, (tenant, id, label)) in
        [("a", 1, "x"), ("a", 1, "y"), ("a", 2, "x"), ("ab", 1, "x")].into_iter().enumerate()
    {
        let task = Task { tenant: tenant.into(), id: JobId(id), label: label.into() };
        tasks.put(task, u8::try_from(number).unwrap_or_default())?;
    }
    let found = |scan: kvstore::Scan<kvstore::Map<Task, u8>>| {
        scan.map(|entry| entry.map(|(_, n)| n)).collect::<Result<Vec<_>>>()
    };
    assert_eq!(found(tasks.prefix(("a",))?)?, [0, 1, 2]);
    assert_eq!(found(tasks.prefix(("a", JobId(1)))?)?, [0, 1]);
    assert_eq!(found(tasks.prefix((&"ab".to_owned(), &JobId(1)))?)?, [3]);
    Ok(())
}

#[test]
fn newtypes_take_the_prefixes_of_their_field() -> Result<()> {
    let names = Database::in_memory()?.map::<Name, u8>("names")?;
    names.put(Name { text: "/a/b".into() }, 1)?;
    names.put(Name { text: "/b".into() }, 2)?;
    assert_eq!(names.prefix("/a")?.count(), 1);
    Ok(())
}

#[test]
fn newtypes_of_generated_keys_are_generated() -> Result<()> {
    #[derive(Key, Debug, PartialEq, PartialOrd)]
    struct Outer(JobId);
    #[derive(Key, Debug)]
    struct Text(String);

    let db = Database::in_memory()?;
    let outer = db.map::<Outer, u8>("outer")?;
    assert!(outer.next_key()? < outer.next_key()?);
    assert_eq!(Outer::SHAPE.to_string(), "u64");
    let text = db.map::<Text, u8>("text")?;
    assert_eq!(text.next_key()?.0.len(), 13);
    Ok(())
}
