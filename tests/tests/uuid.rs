//! The feature `uuid`: `Uuid` as a key, and as a field and a value.

use kvstore::{Database, Result, Store};
use uuid::Uuid;

#[derive(Store, Debug, PartialEq)]
#[store(key = Uuid)]
struct Job {
    parent: Option<Uuid>,
    steps: Vec<Uuid>,
}

#[test]
fn a_uuid_is_stored_wherever_it_stands() -> Result<()> {
    let ids: Vec<Uuid> = (0..4).map(Uuid::from_u128).collect();
    let db = Database::in_memory()?;
    let jobs = db.store::<Job>()?;
    let job = || Job { parent: Some(ids[1]), steps: ids.clone() };
    jobs.insert(ids[0], job())?;
    assert_eq!(jobs.get(ids[0])?, Some(job()));
    let latest = db.map::<Uuid, Uuid>("latest")?;
    latest.put(ids[2], ids[3])?;
    assert_eq!(latest.get(ids[2])?, Some(ids[3]));
    Ok(())
}
