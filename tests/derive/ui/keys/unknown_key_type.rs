use kvstore::Store;

#[derive(Store)]
#[store(key = JobId)]
struct Job {
    owner: String,
}

fn main() {}
