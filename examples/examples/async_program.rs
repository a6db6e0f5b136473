//! kvstore in an async program: what blocks, and where to put it.

use std::time::Duration;

use kvstore::{Database, Store};
use tokio::task;

#[derive(Store)]
#[store(key = String)]
struct Page {
    #[store(default)]
    visits: u32,
}

type Failure = Box<dyn std::error::Error + Send + Sync>;

// ANCHOR: spawn_blocking
async fn visit(pages: PageStore, path: String) -> Result<u32, Failure> {
    // A thread of its own may wait for the lock, and for the disk.
    let visits = task::spawn_blocking(move || -> kvstore::Result<u32> {
        let mut page = pages.lock_or_create(path, PageInit::default())?;
        page.visits += 1;
        let visits = page.visits;
        page.commit()?;
        Ok(visits)
    });
    Ok(visits.await??)
}
// ANCHOR_END: spawn_blocking

// ANCHOR: across_await
async fn visit_slowly(pages: PageStore) -> kvstore::Result<()> {
    let mut page = pages.lock_or_create("/slow", PageInit::default())?;
    page.visits += 1;
    tokio::time::sleep(Duration::from_millis(1)).await; // wrong: another task runs here, on this thread
    page.commit()?;
    Ok(())
}
// ANCHOR_END: across_await

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let db = Database::builder().lock_timeout(Duration::from_millis(20)).in_memory()?;
    let pages = db.store::<Page>()?;
    println!("blocking thread: {} visit", visit(pages.clone(), "/".into()).await?);

    // ANCHOR: short
    for _ in 0..2 {
        pages.update("/", |page| page.visits += 1)?; // no await between lock and commit
        task::yield_now().await;
    }
    // ANCHOR_END: short
    println!("one task at a time: {} visits", pages.get("/")?.map_or(0, |page| page.visits));

    // The second task waits for the first on the only thread, so that the first can't go on.
    let (first, second) = tokio::join!(visit_slowly(pages.clone()), visit_slowly(pages.clone()));
    first?;
    if let Err(error) = second {
        println!("refused: {error}");
    }
    println!("async program: done");
    Ok(())
}
