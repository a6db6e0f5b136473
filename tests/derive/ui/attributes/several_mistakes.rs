use kvstore::{Database, Store};

#[derive(Store)]
#[store(kye = String, namspace = "jobs", version = 2)]
#[store(init(NewJob), = 3, guard = "Locked")]
struct Job {
    owner: String,
    #[store(defualt = 3, with = serde_bytes)]
    retries: u8,
    #[store(skip, skip, rename = "x")]
    cache: u8,
    error: Option<Option<String>>,
}

// The names are there all the same, and none of this is an error of its own.
fn main() -> kvstore::Result<()> {
    let jobs: JobStore = Database::in_memory()?.store::<Job>()?;
    let job: JobGuard = jobs.create("/a", JobInit { owner: "me".into() })?;
    assert_eq!(job.retries, 3);
    job.commit()?;
    Ok(())
}
