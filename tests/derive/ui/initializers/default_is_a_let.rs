use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(default = let retries = 3)]
    retries: u8,
    #[store(default = true && let Some(_) = None::<u8>)]
    urgent: bool,
}

fn main() {}
