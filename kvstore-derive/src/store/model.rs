//! What `#[derive(Store)]` knows of a struct, once its attributes are read. Where they were wrong, something stands in,
//! so that the items can be emitted beside the errors.

use proc_macro2::{Span, TokenStream};
use quote::format_ident;
use syn::ext::IdentExt;
use syn::{Attribute, DeriveInput, Expr, Field, Ident, Path, Type, Visibility};

use super::attrs::{FieldEntries, StructEntries};
use super::namespace;
use crate::attr;
use crate::errors::Errors;
use crate::runtime::Runtime;
use crate::types;

/// A field as declared, with what its attributes say.
pub(crate) struct NamedField<'a> {
    pub(crate) field: &'a Field,
    pub(crate) ident: &'a Ident,
    pub(crate) entries: FieldEntries,
}

/// A struct that becomes the entry type of a store.
pub(crate) struct Model<'a> {
    pub(crate) runtime: Runtime,
    pub(crate) name: &'a Ident,
    pub(crate) visibility: &'a Visibility,
    /// The lints that the program allows on the struct or a field.
    pub(crate) allowed: TokenStream,
    pub(crate) names: Names,
    /// What the initializer derives.
    pub(crate) init_derives: Vec<Path>,
    pub(crate) namespace: String,
    /// The type of the keys; nothing where there is none that could be one, a mistake that was reported.
    pub(crate) key: Option<Type>,
    /// What stands for the type of the key if there is none.
    pub(crate) no_key: TokenStream,
    pub(crate) fields: Vec<ModelField<'a>>,
}

/// The names of the generated items.
pub(crate) struct Names {
    pub(crate) init: Ident,
    pub(crate) store: Ident,
    pub(crate) guard: Ident,
}

/// One field.
pub(crate) struct ModelField<'a> {
    pub(crate) ident: &'a Ident,
    /// Without raw-identifier prefix.
    pub(crate) name: String,
    pub(crate) visibility: &'a Visibility,
    /// With the struct's name in place of `Self`.
    pub(crate) ty: Type,
    pub(crate) docs: Vec<&'a Attribute>,
    pub(crate) role: Role,
}

/// What becomes of a field.
pub(crate) enum Role {
    /// It is the key.
    Key,
    /// It is not stored.
    Skipped(Initial),
    /// Its elements are stored one by one; the field itself is nothing but a mark.
    Elements {
        /// The name of its type in the catalog.
        type_name: String,
        initial: Initial,
        ignores_unknown: bool,
    },
    /// It is a field of the record.
    Stored {
        /// What serializes it.
        codec: Codec,
        /// The name of its type in the catalog.
        type_name: String,
        /// Its value where none is given; without one, it is required.
        initial: Option<Initial>,
        /// Whether what its type does not know is left out when it is read.
        ignores_unknown: bool,
    },
}

/// What serializes a stored field.
pub(crate) enum Codec {
    /// The serde impls of its type.
    Serde,
    /// A module of the program.
    Module(Path),
    /// It could not be told, or the type is none that can be stored: a mistake that was reported.
    Unknown,
}

/// The value a field starts with.
pub(crate) enum Initial {
    /// Empty, as its type says.
    Empty,
    /// `Default::default()`
    Default,
    /// `default = expr`
    Expr(Box<Expr>),
    /// It could not be read: a mistake that was reported.
    Unknown,
}

impl Names {
    /// The names as the attributes give them, or from the name of the struct. Two of them may be the same, a mistake.
    pub(crate) fn given(name: &Ident, entries: &StructEntries) -> Self {
        let or = |given: Option<&Ident>, suffix| given.cloned().unwrap_or_else(|| Self::made_of(name, suffix));
        Self {
            init: or(entries.init.value(), "Init"),
            store: or(entries.store.value(), "Store"),
            guard: or(entries.guard.value(), "Guard"),
        }
    }

    /// Names that differ, whatever was given.
    fn distinct(name: &Ident, entries: &StructEntries) -> Self {
        let Self { init, store, guard } = Self::given(name, entries);
        let mut taken = vec![name.unraw()];
        let mut distinct = |given: Ident, suffix| {
            let chosen = if taken.contains(&given.unraw()) {
                // Nobody can tell what the program calls by this name.
                Self::made_of(&format_ident!("__Kvstore{}", name.unraw()), suffix)
            } else {
                given
            };
            taken.push(chosen.unraw());
            chosen
        };
        Self { init: distinct(init, "Init"), store: distinct(store, "Store"), guard: distinct(guard, "Guard") }
    }

    fn made_of(name: &Ident, suffix: &str) -> Ident {
        format_ident!("{}{suffix}", name.unraw(), span = name.span())
    }
}

impl<'a> Model<'a> {
    /// Reads the attributes of a struct with these fields.
    pub(crate) fn new(
        input: &'a DeriveInput,
        entries: &StructEntries,
        fields: &'a [NamedField<'a>],
        errors: &Errors,
    ) -> Self {
        // Where there are several keys, a mistake, the first key field is taken.
        let key_field = fields.iter().find(|field| field.entries.key.is_mentioned());
        let key = key_field.map(|field| &field.field.ty).or(entries.key.value());
        let key = key.filter(|ty| types::borrowed(ty).or(types::unwritten(ty)).is_none() && !types::is_elements(ty));
        let runtime = Runtime::new(entries.runtime.value());
        Self {
            name: &input.ident,
            visibility: &input.vis,
            allowed: attr::allowed_lints(
                std::iter::once(input.attrs.as_slice()).chain(fields.iter().map(|field| field.field.attrs.as_slice())),
            ),
            names: Names::distinct(&input.ident, entries),
            init_derives: entries.init_derive.value().cloned().unwrap_or_default(),
            namespace: namespace_of(&input.ident, entries),
            key: key.map(|ty| types::without_self(ty, &input.ident)),
            no_key: runtime.no_key(errors),
            runtime,
            fields: fields
                .iter()
                .map(|field| {
                    let is_key = key.is_some() && key_field.is_some_and(|key| std::ptr::eq(key, field));
                    ModelField::new(input, field, is_key)
                })
                .collect(),
        }
    }
}

/// The name of the namespace as given or from the type, right or wrong.
pub(crate) fn namespace_of(name: &Ident, entries: &StructEntries) -> String {
    entries.namespace.value().map_or_else(|| namespace::of_type(&name.unraw().to_string()), syn::LitStr::value)
}

impl<'a> ModelField<'a> {
    fn new(input: &DeriveInput, field: &'a NamedField<'a>, is_key: bool) -> Self {
        let NamedField { field, ident, entries } = field;
        Self {
            ident,
            name: ident.unraw().to_string(),
            visibility: &field.vis,
            ty: types::without_self(&field.ty, &input.ident),
            docs: attr::docs(&field.attrs),
            role: if is_key { Role::Key } else { Role::new(field, entries) },
        }
    }

    /// The value the field starts with, where it needs none from the initializer.
    pub(crate) fn initial(&self) -> Option<&Initial> {
        match &self.role {
            Role::Skipped(initial) | Role::Elements { initial, .. } => Some(initial),
            Role::Stored { initial, .. } => initial.as_ref(),
            Role::Key => None,
        }
    }

    /// Whether the initializer asks for it.
    pub(crate) fn is_required(&self) -> bool {
        matches!(self.role, Role::Stored { initial: None, .. })
    }

    /// The name of the path to its elements: `ATTEMPTS` of the field `attempts`.
    pub(crate) fn path_name(&self) -> Ident {
        format_ident!("{}", namespace::of_type(&self.name).to_uppercase(), span = self.ident.span())
    }

    /// A name in generated code that belongs to this field.
    pub(crate) fn local(&self, prefix: &str) -> Ident {
        format_ident!("{prefix}{}", self.name, span = Span::call_site())
    }
}

impl Role {
    fn new(field: &Field, entries: &FieldEntries) -> Self {
        let given = match entries.default.value() {
            Some(Some(expr)) => Some(Initial::Expr(Box::new(expr.clone()))),
            Some(None) => Some(Initial::Default),
            None if entries.default.is_mentioned() => Some(Initial::Unknown),
            None => None,
        };
        if entries.key.is_mentioned() {
            return Self::Skipped(Initial::Unknown); // a second key, or of a type that is none
        }
        let type_name = entries.type_name.value().map_or_else(|| types::catalog_name(&field.ty), syn::LitStr::value);
        let ignores_unknown = entries.ignore_unknown.is_mentioned();
        if types::is_elements(&field.ty) {
            return Self::Elements { type_name, initial: Initial::Default, ignores_unknown };
        }
        if entries.skip.is_mentioned() {
            return Self::Skipped(given.unwrap_or(Initial::Default));
        }
        let is_none = types::borrowed(&field.ty).is_some() || types::nested_elements(&field.ty).is_some();
        Self::Stored {
            codec: match entries.with.value() {
                Some(module) => Codec::Module(module.clone()),
                None if entries.with.is_mentioned() || is_none => Codec::Unknown,
                None => Codec::Serde,
            },
            type_name,
            initial: given.or_else(|| types::starts_empty(&field.ty).then_some(Initial::Empty)),
            ignores_unknown,
        }
    }
}
