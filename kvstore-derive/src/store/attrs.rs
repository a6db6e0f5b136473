//! The entries of `#[store(...)]`, on the struct and on its fields.

use syn::parse::ParseStream;
use syn::{Expr, Ident, LitInt, LitStr, Path, Token, Type};

use super::expr;
use crate::attr::{self, CratePath, DerivePath, Entries, Known, Slot, flag, value};

/// The entries on the struct.
#[derive(Default)]
pub(crate) struct StructEntries {
    pub(crate) key: Slot<Type>,
    pub(crate) namespace: Slot<LitStr>,
    pub(crate) version: Slot<LitInt>,
    pub(crate) init: Slot<Ident>,
    pub(crate) init_derive: Slot<Vec<Path>>,
    pub(crate) store: Slot<Ident>,
    pub(crate) guard: Slot<Ident>,
    pub(crate) runtime: Slot<Path>,
}

impl Entries for StructEntries {
    const ATTRIBUTE: &'static str = "store";
    const PLACE: &'static str = "the struct";
    const KNOWN: &'static [Known] = &[
        Known { name: "key", usage: "key = Type" },
        Known { name: "namespace", usage: "namespace = \"name\"" },
        Known { name: "version", usage: "version = 1" },
        Known { name: "init", usage: "init = Name" },
        Known { name: "init_derive", usage: "init_derive(Clone)" },
        Known { name: "store", usage: "store = Name" },
        Known { name: "guard", usage: "guard = Name" },
        Known { name: "crate", usage: "crate = \"path\"" },
    ];
    const ELSEWHERE: &'static [(Known, &'static str)] = &[
        (Known { name: "default", usage: "default = expr" }, "a field"),
        (Known { name: "with", usage: "with = \"module\"" }, "a field"),
        (Known { name: "skip", usage: "skip" }, "a field"),
        (Known { name: "type", usage: "type = \"name\"" }, "a field"),
        (Known { name: "ignore_unknown", usage: "ignore_unknown" }, "a field"),
    ];

    fn read(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        const NAME: &str = "a name without quotes";
        match name.to_string().as_str() {
            "key" => self.key.set(name, value(name, input, "a type", "key = String")?),
            "namespace" => self.namespace.set(name, value(name, input, "a string", "namespace = \"jobs\"")?),
            "version" => self.version.set(name, value(name, input, "a whole number", "version = 1")?),
            "init" => self.init.set(name, value(name, input, NAME, "init = NewJob")?),
            "init_derive" => {
                let derives = attr::list(name, input, "the path of a derive macro", "init_derive(Clone, Debug)")?;
                self.init_derive.set(name, derives.into_iter().map(|DerivePath(path)| path).collect())
            }
            "store" => self.store.set(name, value(name, input, NAME, "store = Jobs")?),
            "guard" => self.guard.set(name, value(name, input, NAME, "guard = LockedJob")?),
            _ => {
                let CratePath(path) = value(name, input, "the path of the crate `kvstore`", "crate = \"path\"")?;
                self.runtime.set(name, path)
            }
        }
    }

    fn mention_unknown(&mut self) {
        self.key.mention();
    }

    fn mention(&mut self, name: &str) {
        match name {
            "key" => self.key.mention(),
            "namespace" => self.namespace.mention(),
            "version" => self.version.mention(),
            "init" => self.init.mention(),
            "init_derive" => self.init_derive.mention(),
            "store" => self.store.mention(),
            "guard" => self.guard.mention(),
            _ => self.runtime.mention(),
        }
    }
}

/// The entries on one field.
#[derive(Default)]
pub(crate) struct FieldEntries {
    pub(crate) key: Slot<()>,
    /// Without an expression, it means `Default::default()`.
    pub(crate) default: Slot<Option<Expr>>,
    pub(crate) with: Slot<Path>,
    pub(crate) skip: Slot<()>,
    pub(crate) type_name: Slot<LitStr>,
    pub(crate) ignore_unknown: Slot<()>,
}

impl Entries for FieldEntries {
    const ATTRIBUTE: &'static str = "store";
    const PLACE: &'static str = "a field";
    const KNOWN: &'static [Known] = &[
        Known { name: "key", usage: "key" },
        Known { name: "default", usage: "default" },
        Known { name: "default", usage: "default = expr" },
        Known { name: "with", usage: "with = \"module\"" },
        Known { name: "skip", usage: "skip" },
        Known { name: "type", usage: "type = \"name\"" },
        Known { name: "ignore_unknown", usage: "ignore_unknown" },
    ];
    const ELSEWHERE: &'static [(Known, &'static str)] = &[
        (Known { name: "namespace", usage: "namespace = \"name\"" }, "the struct"),
        (Known { name: "version", usage: "version = 1" }, "the struct"),
        (Known { name: "init", usage: "init = Name" }, "the struct"),
        (Known { name: "init_derive", usage: "init_derive(Clone)" }, "the struct"),
        (Known { name: "store", usage: "store = Name" }, "the struct"),
        (Known { name: "guard", usage: "guard = Name" }, "the struct"),
        (Known { name: "crate", usage: "crate = \"path\"" }, "the struct"),
    ];

    fn read(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()> {
        match name.to_string().as_str() {
            "key" => {
                flag(name, input, "on a field, write `key`, and the field's type is the type of the keys")?;
                self.key.set(name, ())
            }
            "default" => {
                let expr = if input.is_empty() || input.peek(Token![,]) {
                    None
                } else {
                    let expr = value(name, input, "an expression", "default = 3")?;
                    if let Some(stray) = expr::stray_let(&expr) {
                        return Err(stray);
                    }
                    Some(expr)
                };
                self.default.set(name, expr)
            }
            "with" => {
                let literal: LitStr = value(name, input, "a string", "with = \"serde_bytes\"")?;
                self.with.set(name, attr::path_in(&literal, "the path of a module")?)
            }
            "skip" => {
                flag(name, input, "write `skip`, and `default = expr` for the value to start with")?;
                self.skip.set(name, ())
            }
            "ignore_unknown" => {
                flag(
                    name,
                    input,
                    "write `ignore_unknown`, and fields inside the value that its type does not know are dropped",
                )?;
                self.ignore_unknown.set(name, ())
            }
            _ => self.type_name.set(name, value(name, input, "a string", "type = \"name\"")?),
        }
    }

    fn mention(&mut self, name: &str) {
        match name {
            "key" => self.key.mention(),
            "default" => self.default.mention(),
            "with" => self.with.mention(),
            "skip" => self.skip.mention(),
            "ignore_unknown" => self.ignore_unknown.mention(),
            _ => self.type_name.mention(),
        }
    }
}
