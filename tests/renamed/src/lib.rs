//! A package that knows kvstore as `kv`, and passes it on from a module of its own.

/// Where the program keeps what it takes from elsewhere.
pub mod vendor {
    pub use kv as store;
}

/// A job, at the name of the dependency.
#[derive(kv::Store)]
#[store(crate = "kv", key = JobId)]
pub struct Job {
    /// Who asked for it.
    pub owner: String,
    /// What happened.
    pub log: Vec<String>,
}

/// The number of a job.
#[derive(kv::Key, Debug, PartialEq)]
#[key(crate = "::kv")]
pub struct JobId(pub u64);

/// A step of a job, at the name in the module.
#[derive(vendor::store::Store)]
#[store(crate = "crate::vendor::store")]
pub struct Step {
    /// The job, and the number of the step in it.
    #[store(key)]
    pub id: StepId,
    /// What to do.
    pub command: String,
}

/// The number of a step.
#[derive(vendor::store::Key, Debug, PartialEq)]
#[key(crate = "crate::vendor::store")]
pub struct StepId {
    /// The job.
    pub job: JobId,
    /// The number.
    pub number: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_names_work() -> kv::Result<()> {
        let db = kv::Database::in_memory()?;
        let jobs: JobStore = db.store::<Job>()?;
        let job: JobGuard = jobs.create_next(JobInit { owner: "me".into() })?;
        let id = StepId { job: JobId(job.key().0), number: 1 };
        let steps: StepStore = db.store::<Step>()?;
        let step: StepGuard = steps.create(&id, StepInit { command: "copy".into() })?;
        assert_eq!(step.id, id);
        Ok(())
    }
}
