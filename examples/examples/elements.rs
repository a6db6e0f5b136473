//! Big entries: collections whose elements are stored one by one.

use std::error::Error;

use kvstore::Database;

// ANCHOR: types
use kvstore::{ElementDeque, ElementMap, ElementSet, Store};
use serde::{Deserialize, Serialize};

/// One measured value.
#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Reading {
    celsius: f64,
    battery: u8,
}

/// A sensor, with all that it ever measured.
#[derive(Store)]
#[store(key = String)]
struct Sensor {
    place: String,
    readings: ElementMap<u64, Reading>, // by second
    alarms: ElementSet<u64>,
    pending: ElementDeque<String>, // messages to be sent to it
}
// ANCHOR_END: types

fn main() -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let db = Database::open(dir.path().join("sensors"))?;

    // ANCHOR: change
    let sensors = db.store::<Sensor>()?;
    let mut sensor = sensors.create("roof", SensorInit { place: "roof".into() })?; // starts without elements
    let mut readings = sensor.elements(Sensor::READINGS);
    for second in 0..10_000 {
        readings.insert(second, Reading { celsius: 20.0, battery: 90 })?;
    }
    sensor.elements(Sensor::ALARMS).insert(17)?;
    sensor.commit()?;

    let mut sensor = sensors.lock("roof")?.ok_or("no such sensor")?;
    sensor.elements(Sensor::READINGS).insert(10_000, Reading { celsius: 21.5, battery: 89 })?;
    sensor.elements(Sensor::ALARMS).remove(17)?;
    sensor.commit()?; // writes one element, deletes another, and touches nothing else
    // ANCHOR_END: change

    // ANCHOR: read
    let readings = sensors.elements(Sensor::READINGS, "roof"); // takes no lock
    assert_eq!(readings.get(10_000)?.map(|reading| reading.battery), Some(89));
    assert_eq!(readings.last()?.map(|(second, _)| second), Some(10_000));
    let mut warmest = f64::MIN;
    for reading in readings.range(9_990..)? {
        let (_second, reading) = reading?;
        warmest = warmest.max(reading.celsius);
    }
    // ANCHOR_END: read
    println!("the warmest of the last seconds: {warmest} degrees");

    // ANCHOR: pending
    let mut sensor = sensors.lock("roof")?.ok_or("no such sensor")?;
    let mut readings = sensor.elements(Sensor::READINGS);
    readings.remove(0)?;
    assert!(!readings.contains(0)?); // through this guard, the change is seen
    assert!(sensors.elements(Sensor::READINGS, "roof").contains(0)?); // by others not yet
    sensor.release(); // and now it never will be
    // ANCHOR_END: pending
    assert!(sensors.elements(Sensor::READINGS, "roof").contains(0)?);

    // ANCHOR: deque
    let mut sensor = sensors.lock("roof")?.ok_or("no such sensor")?;
    let mut pending = sensor.elements(Sensor::PENDING);
    pending.push_back("measure".into())?;
    pending.push_back("report".into())?;
    pending.push_front("wake up".into())?;
    assert_eq!(pending.pop_front()?.as_deref(), Some("wake up"));
    assert_eq!((pending.count()?, pending.get(1)?.as_deref()), (2, Some("report")));
    sensor.commit()?;
    // ANCHOR_END: deque

    // ANCHOR: snapshot
    let snapshot = db.snapshot()?;
    let before = sensors.at(&snapshot);
    sensors.remove("roof")?; // as quick with a million elements as with ten
    assert!(sensors.elements(Sensor::READINGS, "roof").is_empty()?);
    assert_eq!(before.elements(Sensor::READINGS, "roof").count()?, 10_001);
    // ANCHOR_END: snapshot

    // ANCHOR: again
    let mut sensor = sensors.create("roof", SensorInit { place: "roof".into() })?;
    assert!(sensor.elements(Sensor::READINGS).is_empty()?); // nothing of the old one is left
    // ANCHOR_END: again
    sensor.release();

    drop(snapshot);
    db.close()?;
    println!("elements: done");
    Ok(())
}
