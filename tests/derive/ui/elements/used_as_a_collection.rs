use kvstore::{Database, ElementDeque, ElementMap, ElementSet, Store};

#[derive(Store)]
#[store(key = String)]
struct Page {
    visits: ElementMap<u32, String>,
    tags: ElementSet<String>,
    log: ElementDeque<String>,
}

fn main() -> kvstore::Result<()> {
    let pages = Database::in_memory()?.store::<Page>()?;
    let mut page = pages.create("/a", PageInit {})?;
    page.visits.insert(1, "me".into());
    page.log.push_back("read".into());
    for tag in page.tags.iter() {
        let _: &String = tag;
    }
    if let Some(name) = page.visits.get(&1) {
        let _: &String = name;
    }
    let _: usize = page.log.len();
    page.visits.entry(2).or_insert("you".into());
    page.commit()
}
