//! The entries of `#[key(...)]`, on the type, on a field and on a variant.

use syn::ext::IdentExt;
use syn::parse::ParseStream;
use syn::{Ident, LitStr, Path, Type};

use crate::attr::{CratePath, Entries, Known, Slot, value};

const CRATE: Known = Known { name: "crate", usage: "crate = \"path\"" };
const AS: Known = Known { name: "as", usage: "as = \"u64\"" };
const ALIAS: Known = Known { name: "alias", usage: "alias = \"old\"" };
const PREFIX: Known = Known { name: "prefix", usage: "prefix = NAME" };

/// The entries on the type.
#[derive(Default)]
pub(crate) struct KeyEntries {
    pub(crate) runtime: Slot<Path>,
    /// The key type that is written in place of this one.
    pub(crate) kept_as: Slot<Type>,
}

impl Entries for KeyEntries {
    const ATTRIBUTE: &'static str = "key";
    const PLACE: &'static str = "the type";
    const KNOWN: &'static [Known] = &[CRATE, AS];
    const ELSEWHERE: &'static [(Known, &'static str)] = &[(ALIAS, "a field"), (PREFIX, "a variant")];

    fn read(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        if name.unraw() == "as" {
            let literal: LitStr = value(name, input, "a string", AS.usage)?;
            let ty = literal.parse().map_err(|_| {
                syn::Error::new(literal.span(), format_args!("expected a key type, found `{:?}`", literal.value()))
            })?;
            return self.kept_as.set(name, ty);
        }
        let CratePath(path) = value(name, input, "the path of the crate `kvstore`", CRATE.usage)?;
        self.runtime.set(name, path)
    }

    fn mention(&mut self, name: &str) {
        match name {
            "as" => self.kept_as.mention(),
            _ => self.runtime.mention(),
        }
    }
}

/// The entries on a field.
#[derive(Default)]
pub(crate) struct FieldEntries {
    /// Names that the field had before.
    pub(crate) aliases: Vec<LitStr>,
}

impl Entries for FieldEntries {
    const ATTRIBUTE: &'static str = "key";
    const PLACE: &'static str = "a field";
    const KNOWN: &'static [Known] = &[ALIAS];
    const ELSEWHERE: &'static [(Known, &'static str)] = &[(CRATE, "the type"), (AS, "the type"), (PREFIX, "a variant")];

    fn read(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        let literal: LitStr = value(name, input, "a string", ALIAS.usage)?;
        if syn::parse_str::<Ident>(&literal.value()).is_err() {
            let message = format_args!("expected the former name of the field, found `{:?}`", literal.value());
            return Err(syn::Error::new(literal.span(), message));
        }
        self.aliases.push(literal);
        Ok(())
    }

    fn mention(&mut self, _: &str) {}
}

/// The entries on a variant.
#[derive(Default)]
pub(crate) struct VariantEntries {
    /// The name of its constant.
    pub(crate) prefix: Slot<Ident>,
}

impl Entries for VariantEntries {
    const ATTRIBUTE: &'static str = "key";
    const PLACE: &'static str = "a variant";
    const KNOWN: &'static [Known] = &[PREFIX];
    const ELSEWHERE: &'static [(Known, &'static str)] = &[(CRATE, "the type"), (AS, "the type"), (ALIAS, "a field")];

    fn read(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        self.prefix.set(name, value(name, input, "a name", PREFIX.usage)?)
    }

    fn mention(&mut self, _: &str) {
        self.prefix.mention();
    }
}
