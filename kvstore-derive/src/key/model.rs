//! What `#[derive(Key)]` knows of a type, and its rules.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Ident, Index, Member, Type};

use super::attrs::KeyEntries;
use crate::attr::{allowed_lints, packed};
use crate::errors::Errors;
use crate::runtime::Runtime;
use crate::types;

/// A type that becomes a key.
pub(crate) struct Model<'a> {
    pub(crate) runtime: Runtime,
    pub(crate) name: &'a Ident,
    /// The lints that the program allows on the type or in it.
    pub(crate) allowed: TokenStream,
    pub(crate) kind: Kind,
}

/// The forms of keys.
pub(crate) enum Kind {
    /// A struct of one field, whose bytes it has.
    Newtype(Product),
    /// A struct of several fields.
    Struct(Product),
    /// An enum.
    Enum(Vec<Variant>),
}

/// One variant of an enum.
pub(crate) struct Variant {
    /// Without raw-identifier prefix.
    pub(crate) name: String,
    pub(crate) product: Product,
}

/// What is built of fields: a struct, or a variant of an enum.
pub(crate) struct Product {
    /// How it is named: `JobKey`, `Priority::High`.
    pub(crate) path: TokenStream,
    pub(crate) parts: Vec<Part>,
}

/// One field.
pub(crate) struct Part {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// The constant that writes and reads it.
    pub(crate) codec: Ident,
    /// The variable bound to it.
    pub(crate) binding: Ident,
}

fn fields(input: &DeriveInput) -> Vec<&Field> {
    match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    }
}

/// The types of all fields.
pub(crate) fn field_types(input: &DeriveInput) -> Vec<&Type> {
    fields(input).into_iter().map(|field| &field.ty).collect()
}

/// The attributes of all fields and variants.
pub(crate) fn inner_attributes(input: &DeriveInput) -> Vec<&[Attribute]> {
    fn of_fields<'a>(fields: &'a Fields, attributes: &mut Vec<&'a [Attribute]>) {
        attributes.extend(fields.iter().map(|field| field.attrs.as_slice()));
    }
    let mut attributes = Vec::new();
    match &input.data {
        Data::Struct(data) => of_fields(&data.fields, &mut attributes),
        Data::Enum(data) => {
            for variant in &data.variants {
                attributes.push(variant.attrs.as_slice());
                of_fields(&variant.fields, &mut attributes);
            }
        }
        Data::Union(_) => {}
    }
    attributes
}

impl<'a> Model<'a> {
    /// Checks the shape of a type; nothing where it can't be a key.
    pub(crate) fn new(input: &'a DeriveInput, entries: &KeyEntries, errors: &mut Errors) -> Option<Self> {
        let generics = !input.generics.params.is_empty();
        if generics {
            errors.at(
                &input.generics.params,
                "found generic parameters: a key type has none, since its encoding is kept in the catalog; write the types \
                 out in the fields",
            );
        }
        let packed = packed(&input.attrs);
        if let Some(packed) = &packed {
            errors.at(
                packed,
                "found a packed struct: its fields can't be borrowed, so they can't be a key; remove `packed`",
            );
        }
        // The compiler refuses it, and hands it on all the same.
        let unnamed = fields(input).into_iter().filter_map(|field| field.ident.as_ref()).find(|name| *name == "_");
        if let Some(name) = unnamed {
            errors.at(name, "found a field named `_`: give it a name, or write a tuple struct");
        }
        let borrowed = !generics && check_types(input, errors);
        let kind = kind(input, errors)?;
        (!generics && packed.is_none() && unnamed.is_none() && !borrowed).then(|| Self {
            runtime: Runtime::new(entries.runtime.value()),
            name: &input.ident,
            allowed: allowed_lints(std::iter::once(input.attrs.as_slice()).chain(inner_attributes(input))),
            kind,
        })
    }
}

/// Whether a field's type was refused. Other types that are no keys are left to the compiler.
fn check_types(input: &DeriveInput, errors: &mut Errors) -> bool {
    let mut found = false;
    for borrowed in field_types(input).into_iter().filter_map(types::borrowed) {
        found = true;
        errors.at(
            borrowed,
            format_args!(
                "found `{}` in a key: a key owns what it holds, as `String` and `Vec<u8>` do; `&str` and `&[u8]` can be \
                 passed for these",
                types::written(borrowed)
            ),
        );
    }
    found
}

fn kind(input: &DeriveInput, errors: &mut Errors) -> Option<Kind> {
    let name = &input.ident;
    match &input.data {
        Data::Struct(data) => {
            let product = Product::new(name, quote!(#name), &data.fields, "");
            match product.parts.len() {
                0 => {
                    errors.at(
                        name,
                        format_args!("`{name}` has no fields: a key needs at least one, to tell entries apart"),
                    );
                    None
                }
                1 => Some(Kind::Newtype(product)),
                _ => Some(Kind::Struct(product)),
            }
        }
        Data::Enum(data) => {
            let mut is_supported = true;
            if data.variants.is_empty() {
                errors.at(
                    name,
                    format_args!("`{name}` has no variants: an enum with none has no values, so it is no key"),
                );
                is_supported = false;
            }
            if let Some(excess) = data.variants.iter().nth(1 << 16) {
                errors.at(excess, "found more than 65536 variants: a variant's number has two bytes");
                is_supported = false;
            }
            for variant in &data.variants {
                if let Some((_, discriminant)) = &variant.discriminant {
                    errors.at(
                        discriminant,
                        format_args!(
                            "found a discriminant on `{}`: keys order by the place of a variant in the enum; remove \
                             the discriminants, and write the variants in the order of their keys",
                            variant.ident
                        ),
                    );
                }
            }
            let variants = data.variants.iter().enumerate().map(|(number, variant)| {
                let ident = &variant.ident;
                Variant {
                    name: ident.unraw().to_string(),
                    product: Product::new(name, quote!(#name::#ident), &variant.fields, &format!("{number}_")),
                }
            });
            is_supported.then(|| Kind::Enum(variants.collect()))
        }
        Data::Union(data) => {
            errors.at(data.union_token, "found a union: keys are structs and enums, whose values can be read");
            None
        }
    }
}

impl Product {
    fn new(name: &Ident, path: TokenStream, fields: &Fields, infix: &str) -> Self {
        let parts = fields.iter().enumerate().map(|(number, field)| Part {
            member: match &field.ident {
                Some(ident) => Member::Named(ident.clone()),
                None => Member::Unnamed(Index::from(number)),
            },
            ty: types::without_self(&field.ty, name),
            codec: format_ident!("__KVSTORE_{infix}{number}"),
            binding: format_ident!("__kvstore_part_{number}"),
        });
        Self { path, parts: parts.collect() }
    }

    /// The fields before the last, and the last.
    pub(crate) fn split(&self) -> (&[Part], Option<&Part>) {
        match self.parts.split_last() {
            Some((last, before)) => (before, Some(last)),
            None => (&[], None),
        }
    }
}
