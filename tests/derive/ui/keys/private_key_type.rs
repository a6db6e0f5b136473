use kvstore::{Key, Store};

#[derive(Key)]
struct JobId(u64);

#[derive(Store)]
#[store(key = (JobId, u8))]
pub struct Job {
    owner: String,
}

fn main() {}
