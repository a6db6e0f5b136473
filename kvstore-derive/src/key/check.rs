//! The rules of a key type, beyond what the compiler checks.

use proc_macro2::{TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, GenericParam, Ident, LitStr, Type};

use super::model::{fields, value_types};
use crate::attr::packed;
use crate::errors::Errors;
use crate::types;

/// Checks what holds for types of every shape; whether they can be keys.
pub(crate) fn ty(input: &DeriveInput, errors: &mut Errors) -> bool {
    let before = errors.count();
    if let Some(packed) = packed(&input.attrs) {
        errors
            .at(packed, "found a packed struct: its fields can't be borrowed, so they can't be a key; remove `packed`");
    }
    // The compiler refuses it, and hands it on all the same.
    let unnamed = fields(input).into_iter().filter_map(|field| field.ident.as_ref()).find(|name| *name == "_");
    if let Some(name) = unnamed {
        errors.at(name, "found a field named `_`: give it a name, or write a tuple struct");
    }
    if generics(input, errors) {
        borrowed(input, errors);
    }
    errors.count() == before
}

/// The same for a type that is kept as another key, whose fields have no say.
pub(crate) fn converted(input: &DeriveInput, errors: &mut Errors) -> bool {
    if input.generics.params.is_empty() {
        return true;
    }
    errors.at(
        &input.generics.params,
        "found generic parameters on a type that is kept as another key: write the types out, or leave out `as`",
    );
    false
}

/// Type parameters may be markers: what is written does not depend on them.
fn generics(input: &DeriveInput, errors: &mut Errors) -> bool {
    let before = errors.count();
    let mut names = Vec::new();
    for parameter in &input.generics.params {
        match parameter {
            GenericParam::Type(parameter) => names.push(parameter.ident.to_string()),
            other => errors.at(
                other,
                format_args!(
                    "found generic parameter `{}`: a key has type parameters only, since its encoding is kept in the \
                     catalog; write the types out in the fields",
                    other.to_token_stream()
                ),
            ),
        }
    }
    if errors.count() == before {
        for (ty, name) in value_types(input).into_iter().filter_map(|ty| Some((ty, mention(ty, &names)?))) {
            errors.at(
                ty,
                format_args!(
                    "found type parameter `{name}` in a field: a key's encoding is kept in the catalog, so the types of \
                     its fields are written out; `{name}` can be a marker, in a field of type `PhantomData<{name}>`"
                ),
            );
        }
    }
    errors.count() == before
}

/// The first of the names that a type says.
fn mention(ty: &Type, names: &[String]) -> Option<String> {
    fn find(tokens: TokenStream, names: &[String]) -> Option<String> {
        tokens.into_iter().find_map(|tree| match tree {
            TokenTree::Ident(ident) => names.iter().find(|name| ident == name.as_str()).cloned(),
            TokenTree::Group(group) => find(group.stream(), names),
            _ => None,
        })
    }
    find(ty.to_token_stream(), names)
}

/// Other types that are no keys are left to the compiler.
fn borrowed(input: &DeriveInput, errors: &mut Errors) {
    for borrowed in value_types(input).into_iter().filter_map(types::borrowed) {
        errors.at(
            borrowed,
            format_args!(
                "found `{}` in a key: a key owns what it holds, as `String` and `Vec<u8>` do; `&str` and `&[u8]` can be \
                 passed for these",
                types::written(borrowed)
            ),
        );
    }
}

/// Whether the type has a shape that a key can have.
pub(crate) fn shape(input: &DeriveInput, errors: &mut Errors) -> bool {
    let (before, name) = (errors.count(), &input.ident);
    match &input.data {
        Data::Struct(_) if value_types(input).is_empty() => {
            errors.at(name, format_args!("`{name}` has no fields: a key needs at least one, to tell entries apart"));
        }
        Data::Struct(_) => {}
        Data::Enum(data) => {
            if data.variants.is_empty() {
                errors.at(
                    name,
                    format_args!("`{name}` has no variants: an enum with none has no values, so it is no key"),
                );
            }
            if let Some(excess) = data.variants.iter().nth(1 << 16) {
                errors.at(excess, "found more than 65536 variants: a variant's number has two bytes");
            }
        }
        Data::Union(data) => {
            errors.at(data.union_token, "found a union: keys are structs and enums, whose values can be read");
        }
    }
    errors.count() == before
}

/// Explicit discriminants, which could say another order.
pub(crate) fn discriminants(input: &DeriveInput, errors: &mut Errors) {
    let Data::Enum(data) = &input.data else { return };
    for variant in &data.variants {
        if let Some((_, discriminant)) = &variant.discriminant {
            errors.at(
                discriminant,
                format_args!(
                    "found a discriminant on `{}`: keys order by the place of a variant in the enum; remove the \
                     discriminants, and write the variants in the order of their keys",
                    variant.ident
                ),
            );
        }
    }
}

/// Former names that are also present ones, or that are said twice. Two fields that have each other's name as a former one
/// would be read in either order, which the names are there to prevent.
pub(crate) fn former_names(fields: &[(&Ident, Vec<LitStr>)], errors: &mut Errors) {
    let mut seen: Vec<(String, &Ident)> = Vec::new();
    for (field, alias) in fields.iter().flat_map(|(field, aliases)| aliases.iter().map(move |alias| (*field, alias))) {
        let name = alias.value().trim_start_matches("r#").to_owned();
        if field.unraw() == name.as_str() {
            errors
                .at(alias, format_args!("`{name}` is the present name of the field: remove it, or write a former one"));
        } else if fields.iter().any(|(other, _)| other.unraw() == name.as_str()) {
            errors.at(
                alias,
                format_args!(
                    "`{name}` is the name of another field: as a former name of `{field}` it would let the two be swapped \
                     unseen"
                ),
            );
        } else if let Some((_, other)) = seen.iter().find(|(seen, _)| *seen == name) {
            errors.at(alias, format_args!("`{name}` is a former name of `{other}` already: remove one of the two"));
        }
        seen.push((name, field));
    }
}
