use kvstore::Store;

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(skip)]
    shared: std::rc::Rc<u8>,
}

fn main() {}
