use kvstore::Store;

struct JobId(u64);

#[derive(Store)]
#[store(key = JobId)]
struct Job {
    owner: String,
}

fn main() {}
