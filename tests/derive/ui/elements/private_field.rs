mod jobs {
    use kvstore::{ElementMap, Store};

    #[derive(Store)]
    #[store(key = String)]
    pub struct Job {
        attempts: ElementMap<u32, String>,
    }
}

fn main() -> kvstore::Result<()> {
    let store = kvstore::Database::in_memory()?.store::<jobs::Job>()?;
    store.elements(jobs::Job::ATTEMPTS, "/a").get(1)?;
    Ok(())
}
