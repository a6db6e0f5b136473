use kvstore::Store;

struct Raw(*const u8);

impl Default for Raw {
    fn default() -> Self {
        Self(std::ptr::null())
    }
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Attempt {
    #[serde(skip)]
    raw: Raw,
}

#[derive(Store)]
#[store(key = String)]
struct Job {
    attempt: Attempt,
}

fn main() {}
