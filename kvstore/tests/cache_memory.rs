//! The read cache takes about the memory that it was given, whatever the values look like. A test binary of its own, since
//! it counts every allocation of the process.

#![allow(clippy::unwrap_used, reason = "where a helper of a test fails, the test fails")]

use std::collections::{BTreeMap, HashMap, HashSet, LinkedList};
use std::fmt::Debug;
use std::sync::Arc;

use kvstore::{Database, ReadBack};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

#[derive(Serialize, Deserialize, Debug, Clone, Default)]
struct Link {
    number: u64,
    next: Option<Box<Link>>,
}

#[derive(Serialize, Deserialize, Debug, Clone)]
enum Tree {
    Leaf,
    Pair(Box<Tree>, Box<Tree>),
    Wide(Box<[u64; 20]>),
}

#[derive(Serialize, Deserialize, Debug, Clone)]
#[serde(tag = "kind")]
enum Tagged {
    Named { names: Vec<String>, by_number: Option<BTreeMap<String, u64>> },
}

#[derive(Serialize, Deserialize, Debug, Clone)]
struct Job {
    owner: String,
    attempts: BTreeMap<u32, String>,
    error: Option<String>,
    tags: Vec<String>,
    retries: u8,
}

/// Fills a cache with values, and compares what it takes with what it was given.
fn fill<V>(what: &str, value: impl Fn(u32) -> V)
where
    V: Serialize + DeserializeOwned + Send + Sync + 'static,
{
    // A shard, of which there are four for each core, has room for several values of each shape.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let given = cores.max(2) * (128 << 10);
    let db = Database::builder().read_cache_bytes(given).read_back(ReadBack::Never).in_memory().unwrap();
    let map = db.map::<u32, V>("values").unwrap();
    let keys = u32::try_from(given / 800).unwrap();
    for key in 0..keys {
        map.put(key, value(key)).unwrap();
    }
    let before = dhat::HeapStats::get().curr_bytes;
    for _ in 0..3 {
        for key in 0..keys {
            map.get_shared(key).unwrap();
        }
    }
    let taken = dhat::HeapStats::get().curr_bytes.saturating_sub(before);
    #[expect(clippy::cast_precision_loss, reason = "to be shown")]
    let parts = taken as f64 / given as f64;
    println!("{what}: {parts:.2} of what the cache was given");
    assert!(parts < 2.0, "{what}: the cache takes {taken} bytes, and was given {given}");
    assert!(parts > 0.1, "{what}: the cache takes {taken} bytes of {given}: is it used at all?");
}

#[test]
fn decoded_values_are_charged_what_they_take() {
    let _profiler = dhat::Profiler::builder().testing().build();
    fill("bytes", |_| vec![7_u8; 1_000]);
    fill("a long string", |_| "x".repeat(1_500));
    fill("a struct", |key| Job {
        owner: format!("owner {key}"),
        attempts: (0..key % 8).map(|number| (number, "started".into())).collect(),
        error: None,
        tags: vec!["new".into(), "urgent".into()],
        retries: 3,
    });
    fill("tiny strings", |_| vec!["a".to_owned(); 200]);
    fill("empty strings", |_| vec![String::new(); 200]);
    fill("options of something large", |_| vec![None::<[u64; 32]>; 10]);
    fill("an option that is something large", |_| vec![Some([7_u64; 32]); 4]);
    fill("a map", |_| (0..100).map(|number| (number, number)).collect::<BTreeMap<u64, u64>>());
    fill("maps of one", |_| vec![BTreeMap::from([(1_u8, [7_u64; 8])]); 10]);
    fill("a map of strings", |_| {
        (0..30).map(|number: u32| (number.to_string(), "x".to_owned())).collect::<BTreeMap<_, _>>()
    });
    fill("a map that hashes", |_| (0..100).map(|number| (number, number)).collect::<HashMap<u64, u64>>());
    fill("a set that hashes", |_| (0..60).collect::<HashSet<u64>>());
    fill("a linked list", |_| (0..60).collect::<LinkedList<u8>>());
    fill("lists of lists", |_| vec![vec![vec![1_u8]; 5]; 10]);
    fill("boxes", |_| vec![Box::new([7_u64; 4]); 40]);
    fill("shared text", |_| vec![Some(Box::<str>::from("ab")); 50]);
    fill("a chain", |_| (0..60).fold(Link::default(), |next, number| Link { number, next: Some(Box::new(next)) }));
    fill("a tree", |_| {
        (0..5).fold(Tree::Wide(Box::new([7; 20])), |tree, _| {
            Tree::Pair(Box::new(tree.clone()), Box::new(Tree::Pair(Box::new(tree), Box::new(Tree::Leaf))))
        })
    });
    fill(
        "json",
        |key| json!({ "id": key, "tags": ["a", "b", null], "inner": { "x": 1.5, "y": [[], {}, [1, 2, 3]] }, "text": "short" }),
    );
    fill("json of nothing", |_| vec![Value::Null; 300]);
    fill("a tag", |key| Tagged::Named {
        names: vec!["a".to_owned(); 20],
        by_number: Some([(key.to_string(), 1)].into()),
    });
    fill("an unboxed pair", |key| (key, Arc::<str>::from("text").to_string(), Some(Some(key))));
}
