mod jobs {
    use kvstore::Store;

    #[derive(Store)]
    #[store(key = String)]
    pub struct Job {
        owner: String,
    }
}

fn main() {
    jobs::JobInit { owner: "me".into() };
}
