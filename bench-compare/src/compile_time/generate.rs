//! The crates that are compiled: structs of ten fields, with one derive or another, used or not.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::Result;

/// What is derived for the structs, and what the crate does with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Variant {
    /// serde's derive alone.
    Serde,
    /// `#[derive(Store)]` alone.
    Store,
    /// serde's derive; each struct is put into a map as a record, read, changed and put again.
    SerdeUsed,
    /// serde's derive; each struct does the same in a kvstore `Map`, without the macro.
    MapUsed,
    /// `#[derive(Store)]`; each struct does the same in its store.
    StoreUsed,
}

impl Variant {
    pub(super) const ALL: [Self; 5] = [Self::Serde, Self::Store, Self::SerdeUsed, Self::MapUsed, Self::StoreUsed];

    /// As tables name it.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Serde => "serde's derive",
            Self::Store => "`derive(Store)`",
            Self::SerdeUsed => "serde's derive, used with `cbor4ii`",
            Self::MapUsed => "serde's derive, used in a `Map` of kvstore",
            Self::StoreUsed => "`derive(Store)`, used in its store",
        }
    }

    /// The name of the crate of so many structs.
    pub(super) fn package(self, structs: usize) -> String {
        format!("{self:?}_{structs}").to_lowercase()
    }

    /// Whether the crate uses its structs.
    pub(super) fn is_used(self) -> bool {
        matches!(self, Self::SerdeUsed | Self::MapUsed | Self::StoreUsed)
    }

    fn attributes(self) -> &'static str {
        match self {
            Self::Serde | Self::SerdeUsed | Self::MapUsed => "#[derive(serde::Serialize, serde::Deserialize)]",
            Self::Store | Self::StoreUsed => "#[derive(kvstore::Store)]\n#[store(key = String)]",
        }
    }

    fn dependencies(self, kvstore: &Path) -> String {
        let serde = "serde = { version = \"1\", features = [\"derive\"] }\n";
        let kvstore = format!("kvstore = {{ path = \"{}\", default-features = false }}\n", kvstore.display());
        match self {
            Self::Serde => serde.into(),
            Self::SerdeUsed => {
                format!("{serde}cbor4ii = {{ version = \"1.2\", features = [\"serde1\", \"use_std\"] }}\n")
            }
            Self::MapUsed => kvstore + serde,
            Self::Store | Self::StoreUsed => kvstore,
        }
    }

    /// The function that uses a struct, and what it works in.
    fn usage(self, number: usize) -> String {
        match self {
            Self::Serde | Self::Store => String::new(),
            Self::SerdeUsed => format!(
                "fn use_{number}(records: &mut Place) -> Result<()> {{
    records.insert(\"entry{number}/key\".into(), cbor4ii::serde::to_vec(Vec::new(), &sample_{number}())?);
    let record = records.get_mut(\"entry{number}/key\").ok_or(\"missing\")?;
    let read: Entry{number} = cbor4ii::serde::from_slice(record)?;
    std::hint::black_box(&read);
    let mut value: Entry{number} = cbor4ii::serde::from_slice(record)?;
    value.field_0 = sample_{number}().field_0;
    *record = cbor4ii::serde::to_vec(Vec::new(), &value)?;
    Ok(())
}}\n"
            ),
            Self::MapUsed | Self::StoreUsed => {
                let open = if self == Self::MapUsed {
                    format!("map::<String, Entry{number}>(\"entry{number}\")")
                } else {
                    format!("store::<Entry{number}>()")
                };
                format!(
                    "fn use_{number}(db: &mut Place) -> Result<()> {{
    let store = db.{open}?;
    store.create(\"key\", sample_{number}())?.commit()?;
    let read = store.get(\"key\")?.ok_or(\"missing\")?;
    std::hint::black_box(&read);
    let mut value = store.lock(\"key\")?.ok_or(\"missing\")?;
    value.field_0 = sample_{number}().field_0;
    value.commit()?;
    Ok(())
}}\n"
                )
            }
        }
    }

    fn place(self) -> &'static str {
        match self {
            Self::MapUsed | Self::StoreUsed => "type Place = kvstore::Database;\n",
            _ => "type Place = std::collections::BTreeMap<String, Vec<u8>>;\n",
        }
    }

    fn new_place(self) -> &'static str {
        match self {
            Self::MapUsed | Self::StoreUsed => "kvstore::Database::in_memory()?",
            _ => "Place::new()",
        }
    }
}

/// The types of fields, each with a value. A struct has ten of them in a row, from another one on than the struct before.
const FIELDS: [(&str, &str); 14] = [
    ("String", "\"some text\".to_owned()"),
    ("u64", "7"),
    ("Option<String>", "Some(\"some text\".to_owned())"),
    ("Vec<u32>", "vec![1, 2, 3]"),
    ("BTreeMap<String, u64>", "BTreeMap::from([(\"one\".to_owned(), 1)])"),
    ("bool", "true"),
    ("f64", "0.5"),
    ("Option<i64>", "Some(-1)"),
    ("Vec<String>", "vec![\"some text\".to_owned()]"),
    ("(u32, String)", "(1, \"some text\".to_owned())"),
    ("BTreeSet<u64>", "BTreeSet::from([1])"),
    ("HashMap<u32, bool>", "HashMap::from([(1, true)])"),
    ("u8", "1"),
    ("Vec<(String, u32)>", "vec![(\"some text\".to_owned(), 1)]"),
];

const FIELDS_EACH: usize = 10;

/// The source of a crate of so many structs. The constant is there to be changed by an edit.
pub(super) fn source(variant: Variant, structs: usize, edit: u32) -> Result<String> {
    let mut out = String::from("#![allow(dead_code)]\nuse std::collections::{BTreeMap, BTreeSet, HashMap};\n");
    writeln!(out, "pub const EDIT: u32 = {edit};")?;
    for number in 0..structs {
        let fields: Vec<_> = FIELDS.iter().cycle().skip(number % FIELDS.len()).take(FIELDS_EACH).enumerate().collect();
        writeln!(out, "{}\npub struct Entry{number} {{", variant.attributes())?;
        for (field, (name, _)) in &fields {
            writeln!(out, "    pub field_{field}: {name},")?;
        }
        writeln!(out, "}}\npub fn sample_{number}() -> Entry{number} {{\n    Entry{number} {{")?;
        for (field, (_, value)) in &fields {
            writeln!(out, "        field_{field}: {value},")?;
        }
        writeln!(out, "    }}\n}}\n{}", variant.usage(number))?;
    }
    if variant.is_used() {
        out += "type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;\n";
        out += variant.place();
        writeln!(out, "pub fn use_all() -> Result<()> {{\n    let mut place = {};", variant.new_place())?;
        for number in 0..structs {
            writeln!(out, "    use_{number}(&mut place)?;")?;
        }
        out += "    Ok(())\n}\n#[test]\nfn each_struct_is_used() {\n    use_all().unwrap();\n}\n";
    }
    Ok(out)
}

/// A crate among others in a workspace of their own.
#[derive(Debug)]
pub(super) struct Package {
    pub(super) variant: Variant,
    pub(super) structs: usize,
    pub(super) name: String,
    source: PathBuf,
    edits: u32,
}

impl Package {
    /// Makes its source newer, and other than before where `change` says so.
    pub(super) fn touch(&mut self, change: bool) -> Result<()> {
        self.edits += u32::from(change);
        Ok(fs::write(&self.source, source(self.variant, self.structs, self.edits)?)?)
    }
}

/// Writes a workspace with a crate of each variant and size. It has the locked versions of the workspace in `root`.
pub(super) fn workspace(dir: &Path, root: &Path, sizes: &[usize]) -> Result<Vec<Package>> {
    fs::write(dir.join("Cargo.toml"), "[workspace]\nresolver = \"3\"\nmembers = [\"packages/*\"]\n")?;
    for name in ["Cargo.lock", "rust-toolchain.toml"] {
        fs::copy(root.join(name), dir.join(name))?;
    }
    let mut packages = Vec::new();
    for &structs in sizes {
        for variant in Variant::ALL {
            let name = variant.package(structs);
            let dir = dir.join("packages").join(&name);
            fs::create_dir_all(dir.join("src"))?;
            let dependencies = variant.dependencies(&root.join("kvstore"));
            fs::write(
                dir.join("Cargo.toml"),
                format!(
                    "[package]\nname = {name:?}\nversion = \"0.1.0\"\nedition = \"2024\"\n\n[dependencies]\n{dependencies}"
                ),
            )?;
            let mut package = Package { variant, structs, name, source: dir.join("src/lib.rs"), edits: 0 };
            package.touch(false)?;
            packages.push(package);
        }
    }
    Ok(packages)
}
