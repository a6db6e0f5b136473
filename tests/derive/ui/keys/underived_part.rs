//! A part of a composite key that does not derive `Key` is named, however deep it is.

use std::cmp::Reverse;

use kvstore::{Database, Key, Store};

#[derive(Key)]
struct TenantId(u64);

struct JobId(u64);

#[derive(Store)]
#[store(key = (TenantId, (JobId, u8), String))]
struct Job {
    owner: String,
}

#[derive(Key)]
struct Place {
    tenant: TenantId,
    job: Option<(Reverse<JobId>, u8)>,
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    let jobs = db.store::<Job>()?;
    jobs.insert((TenantId(1), (JobId(1), 0), "a"), JobInit { owner: "me".into() })?;
    jobs.get((TenantId(1), (JobId(1), 0), "a"))?;
    let _ = jobs.prefix((TenantId(1), (JobId(1), 0)))?;
    let places = db.map::<Place, u8>("places")?;
    places.put(Place { tenant: TenantId(1), job: Some((Reverse(JobId(1)), 0)) }, 1)?;
    let _ = places.prefix((TenantId(1),))?;
    Ok(())
}
