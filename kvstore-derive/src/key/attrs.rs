//! The one entry of `#[key(...)]`, on the type.

use syn::parse::ParseStream;
use syn::{Ident, LitStr, Path};

use crate::attr::{self, Entries, Known, Slot, value};

/// The entries on the type.
#[derive(Default)]
pub(crate) struct KeyEntries {
    pub(crate) runtime: Slot<Path>,
}

impl Entries for KeyEntries {
    const ATTRIBUTE: &'static str = "key";
    const PLACE: &'static str = "the type";
    const KNOWN: &'static [Known] = &[Known { name: "crate", usage: "crate = \"path\"" }];
    const ELSEWHERE: &'static [(Known, &'static str)] = &[];

    fn read(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let literal: LitStr = value(name, input, "a string", "crate = \"path\"")?;
        self.runtime.set(name, attr::path_in(&literal, "the path of the crate `kvstore`")?)
    }

    fn mention(&mut self, _: &str) {
        self.runtime.mention();
    }
}

/// Fields and variants have no entries.
pub(crate) struct NoEntries;

impl Entries for NoEntries {
    const ATTRIBUTE: &'static str = "key";
    const PLACE: &'static str = "a field or variant";
    const KNOWN: &'static [Known] = &[];
    const ELSEWHERE: &'static [(Known, &'static str)] =
        &[(Known { name: "crate", usage: "crate = \"path\"" }, "the type")];

    fn read(&mut self, _: &Ident, _: ParseStream<'_>) -> syn::Result<()> {
        Ok(())
    }

    fn mention(&mut self, _: &str) {}
}
