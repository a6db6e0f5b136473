use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    names: Vec<std::borrow::Cow<'a, str>>,
}

fn main() {}
