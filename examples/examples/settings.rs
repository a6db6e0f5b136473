//! Bare values, without a struct of the program's own: `Map<K, V>`.

use std::error::Error;

use kvstore::Database;

// ANCHOR: types
use std::collections::BTreeMap;

use kvstore::{Map, MapStore};
use serde::{Deserialize, Serialize};

/// Any type that serde takes may be the value.
#[derive(Serialize, Deserialize, Debug, PartialEq)]
enum Setting {
    Switch(bool),
    Number(i64),
    Text(String),
}

type Settings = MapStore<Map<String, Setting>>;
// ANCHOR_END: types

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("settings");
    let db = Database::open(&path)?;

    // ANCHOR: use
    let settings: Settings = db.map("settings")?; // a map has no name of its own: it is given here
    settings.put("ui.dark", Setting::Switch(true))?; // created or replaced
    settings.put("ui.width", Setting::Number(120))?;
    settings.put("user.name", Setting::Text("Ada".into()))?;
    assert_eq!(settings.get("ui.dark")?, Some(Setting::Switch(true)));
    assert_eq!(settings.get("ui.height")?, None);
    // ANCHOR_END: use

    // ANCHOR: change
    let mut width = settings.lock_or_create("ui.width", Setting::Number(80))?;
    if let Setting::Number(number) = &mut *width {
        *number += 1;
    }
    width.commit()?;
    // ANCHOR_END: change
    assert_eq!(settings.get("ui.width")?, Some(Setting::Number(121)));

    // ANCHOR: scan
    for entry in settings.prefix("ui.")? {
        let (name, setting) = entry?;
        println!("{name} = {setting:?}");
    }
    // ANCHOR_END: scan

    // ANCHOR: collections
    let recent = db.map::<u32, BTreeMap<String, String>>("recent")?;
    let mut opened = recent.lock_or_create(7, BTreeMap::new())?;
    opened.insert("/a".into(), "today".into()); // the guard is the map
    opened.commit()?;
    // ANCHOR_END: collections
    assert_eq!(recent.get(7)?.map(|opened| opened.len()), Some(1));

    db.close()?;
    let db = Database::open(&path)?;
    let settings: Settings = db.map("settings")?;
    assert_eq!(settings.iter()?.count(), 3);
    db.close()?;
    println!("settings: 3 kept");
    Ok(())
}
