//! `as` without the conversions that it needs, to a type that is no key, and where it has no meaning.

use kvstore::{Database, Key};

#[derive(Key, Clone)]
#[key(as = "u64")]
struct At(f64);

impl From<At> for u64 {
    fn from(At(seconds): At) -> Self {
        seconds.to_bits()
    }
}

#[derive(Key, Clone)]
#[key(as = "f64")]
struct Score(f64);

#[derive(Key)]
#[key(as = "u8")]
enum Level {
    Low,
    #[key(prefix = UP)]
    High(u8),
}

fn main() -> kvstore::Result<()> {
    let db = Database::in_memory()?;
    db.map::<At, u8>("times")?.put(At(0.5), 1)?;
    db.map::<Score, u8>("scores")?.put(Score(0.5), 1)?;
    db.map::<Level, u8>("levels")?.put(Level::High(1), 1)?;
    Ok(())
}
