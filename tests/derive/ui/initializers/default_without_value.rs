use kvstore::Store;

struct Handle;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(skip)]
    handle: Handle,
}

fn main() {}
