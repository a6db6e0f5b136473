use kvstore::Store;

#[derive(Store)]
struct User {
    #[store(key)]
    id: u64,
    name: String,
}

fn main() {
    let _: User = UserInit { name: "Ada".into() }.into();
}
