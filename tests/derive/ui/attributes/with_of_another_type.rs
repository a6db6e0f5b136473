use kvstore::Store;

mod wide {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(value: &u8, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u8(*value)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
        u16::deserialize(deserializer)
    }
}

#[derive(Store)]
#[store(key = String)]
struct Job {
    #[store(with = "wide")]
    retries: u8,
}

fn main() {}
