//! What `#[derive(Key)]` knows of a type.

use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::{Attribute, Data, DeriveInput, Field, Fields, Generics, Ident, Index, Member, Type, Visibility};

use super::attrs::{FieldEntries, KeyEntries, VariantEntries};
use super::{check, prefixes};
use crate::attr::{self, allowed_lints};
use crate::errors::Errors;
use crate::runtime::Runtime;
use crate::types;

/// A type that becomes a key.
pub(crate) struct Model<'a> {
    pub(crate) runtime: Runtime,
    pub(crate) name: &'a Ident,
    pub(crate) visibility: &'a Visibility,
    /// Type parameters, which are markers only.
    pub(crate) generics: &'a Generics,
    /// The lints that the program allows on the type or in it.
    pub(crate) allowed: TokenStream,
    pub(crate) kind: Kind,
}

/// The forms of keys.
pub(crate) enum Kind {
    /// A type of any form that is kept as another.
    Converted(Type),
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
    /// The name of the constant by which it is a prefix, if it has fields.
    pub(crate) prefix: Option<Ident>,
    pub(crate) product: Product,
}

/// What is built of fields: a struct, or a variant of an enum.
pub(crate) struct Product {
    /// How it is named in an impl: `Self`, `Priority::High`, `Level::<T>::High`. A parameter that no field says can't be
    /// inferred.
    pub(crate) path: TokenStream,
    pub(crate) parts: Vec<Part>,
    /// Fields of type `PhantomData`, which are no part of the key.
    pub(crate) markers: Vec<Member>,
}

/// One field.
pub(crate) struct Part {
    pub(crate) member: Member,
    pub(crate) ty: Type,
    /// Names that the field had before.
    pub(crate) aliases: Vec<String>,
    /// The alias of its type.
    pub(crate) alias: Ident,
    /// The constant that writes and reads it.
    pub(crate) codec: Ident,
    /// The variable bound to it.
    pub(crate) binding: Ident,
}

/// All fields.
pub(crate) fn fields(input: &DeriveInput) -> Vec<&Field> {
    match &input.data {
        Data::Struct(data) => data.fields.iter().collect(),
        Data::Enum(data) => data.variants.iter().flat_map(|variant| &variant.fields).collect(),
        Data::Union(_) => Vec::new(),
    }
}

/// The types of all fields that have a value.
pub(crate) fn value_types(input: &DeriveInput) -> Vec<&Type> {
    fields(input).into_iter().map(|field| &field.ty).filter(|ty| !types::is_phantom(ty)).collect()
}

/// The attributes of the type, its variants and its fields.
fn attributes(input: &DeriveInput) -> Vec<&[Attribute]> {
    let mut found = vec![input.attrs.as_slice()];
    if let Data::Enum(data) = &input.data {
        found.extend(data.variants.iter().map(|variant| variant.attrs.as_slice()));
    }
    found.extend(fields(input).into_iter().map(|field| field.attrs.as_slice()));
    found
}

impl<'a> Model<'a> {
    /// Reads and checks a type; nothing if it can't be a key.
    pub(crate) fn new(input: &'a DeriveInput, entries: &KeyEntries, errors: &mut Errors) -> Option<Self> {
        let kind = if entries.kept_as.is_mentioned() {
            check::converted(input, errors).then(|| converted(input, entries, errors)).flatten()
        } else {
            let is_sound = check::ty(input, errors) & check::shape(input, errors);
            check::discriminants(input, errors);
            let kind = kind(input, errors);
            is_sound.then_some(kind).flatten()
        };
        Some(Self {
            runtime: Runtime::new(entries.runtime.value()),
            name: &input.ident,
            visibility: &input.vis,
            generics: &input.generics,
            allowed: allowed_lints(attributes(input)),
            kind: kind?,
        })
    }
}

/// A type that is kept as another has no entries on fields and variants.
fn converted(input: &DeriveInput, entries: &KeyEntries, errors: &mut Errors) -> Option<Kind> {
    for attribute in
        attributes(input).into_iter().skip(1).flatten().filter(|attribute| attribute.path().is_ident("key"))
    {
        errors.at(attribute, "found an attribute in a type that is kept as another key: it has no meaning with `as`");
    }
    let ty = entries.kept_as.value()?;
    if types::name(ty).is_some_and(|name| name == "Self" || input.ident == name) {
        errors.at(ty, "found the type itself: `as` names another key type, such as `as = \"u64\"`");
        return None;
    }
    Some(Kind::Converted(ty.clone()))
}

fn kind(input: &DeriveInput, errors: &mut Errors) -> Option<Kind> {
    let name = &input.ident;
    match &input.data {
        Data::Struct(data) => {
            let product = Product::new(name, quote!(Self), &data.fields, "", errors);
            Some(if product.parts.len() == 1 { Kind::Newtype(product) } else { Kind::Struct(product) })
        }
        Data::Enum(data) => {
            let mut variants = Vec::new();
            // Not by `Self`, where a variant could be taken for an associated type.
            let (_, generics, _) = input.generics.split_for_impl();
            let generics = generics.as_turbofish();
            for (number, variant) in data.variants.iter().enumerate() {
                let ident = &variant.ident;
                let mut entries = VariantEntries::default();
                attr::read(&variant.attrs, &mut entries, errors);
                let product =
                    Product::new(name, quote!(#name #generics::#ident), &variant.fields, &format!("{number}_"), errors);
                let prefix = prefixes::name(variant, &data.variants, &product, &entries, errors);
                variants.push(Variant { name: ident.unraw().to_string(), prefix, product });
            }
            prefixes::check_names(&mut variants, errors);
            Some(Kind::Enum(variants))
        }
        Data::Union(_) => None,
    }
}

impl Product {
    fn new(name: &Ident, path: TokenStream, fields: &Fields, infix: &str, errors: &mut Errors) -> Self {
        let (mut parts, mut markers) = (Vec::new(), Vec::new());
        let mut former = Vec::new();
        for (number, field) in fields.iter().enumerate() {
            let member = match &field.ident {
                Some(ident) => Member::Named(ident.clone()),
                None => Member::Unnamed(Index::from(number)),
            };
            let mut entries = FieldEntries::default();
            attr::read(&field.attrs, &mut entries, errors);
            if types::is_phantom(&field.ty) {
                if let Some(alias) = entries.aliases.first() {
                    errors.at(alias, "found a former name of a `PhantomData`, which is no part of the key: remove it");
                }
                markers.push(member);
                continue;
            }
            match &field.ident {
                Some(ident) => former.push((ident, entries.aliases.clone())),
                None => {
                    if let Some(alias) = entries.aliases.first() {
                        errors.at(alias, "found a former name of a field that has no name");
                    }
                }
            }
            parts.push(Part {
                member,
                ty: types::without_self(&field.ty, name),
                aliases: entries.aliases.iter().map(syn::LitStr::value).collect(),
                alias: format_ident!("__KvstorePart{infix}{number}"),
                codec: format_ident!("__KVSTORE_{infix}{number}"),
                binding: format_ident!("__kvstore_part_{number}"),
            });
        }
        check::former_names(&former, errors);
        Self { path, parts, markers }
    }

    /// The fields before the last, and the last.
    pub(crate) fn split(&self) -> (&[Part], Option<&Part>) {
        match self.parts.split_last() {
            Some((last, before)) => (before, Some(last)),
            None => (&[], None),
        }
    }
}
