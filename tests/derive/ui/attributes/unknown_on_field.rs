use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(defualt = 3)]
    owner: u8,
}

fn main() {}
