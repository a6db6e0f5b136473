use kvstore::{Database, Store};

#[derive(Store)]
struct Job {
    owner: String,
}

fn main() -> kvstore::Result<()> {
    let jobs: JobStore = Database::in_memory()?.store::<Job>()?;
    let job: JobGuard = jobs.create("/a", JobInit { owner: "me".into() })?;
    job.commit()?;
    jobs.get(7)?;
    jobs.lock(("acme", 7))?;
    jobs.create_next(JobInit { owner: "me".into() })?;
    for entry in jobs.prefix("/")?.starting_at("/b")? {
        let (key, job) = entry?;
        println!("{key}: {}", job.owner);
    }
    jobs.range("a".."b")?;
    Ok(())
}
