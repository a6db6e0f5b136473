//! The rules of `#[derive(Store)]` that go beyond one entry of an attribute. Each says what was found, what is allowed,
//! and where. What the compiler says well itself is left to it: a missing trait, a wrong path.

use std::collections::HashSet;

use quote::ToTokens;
use syn::ext::IdentExt;
use syn::{Data, DeriveInput, Field, Fields, FieldsNamed, Ident, Type};

use super::attrs::{FieldEntries, StructEntries};
use super::model::{NamedField, Names, namespace_of};
use super::namespace;
use crate::attr::{Slot, packed};
use crate::errors::Errors;
use crate::types;

/// What can be told of an input's shape.
pub(crate) struct Shape<'a> {
    /// The fields, of a struct with named fields.
    pub(crate) fields: Option<&'a FieldsNamed>,
    /// Whether it can be stored.
    pub(crate) is_supported: bool,
}

/// Only plain structs with named fields can be stored.
pub(crate) fn shape<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Shape<'a> {
    const INSTEAD: &str = "only structs with named fields can be stored";
    let fields = match &input.data {
        Data::Struct(data) => match &data.fields {
            Fields::Named(fields) => Some(fields),
            Fields::Unnamed(fields) => {
                errors.at(fields, format_args!("found a tuple struct: {INSTEAD}, since records name them"));
                None
            }
            Fields::Unit => {
                errors.at(
                    &input.ident,
                    format_args!("found a unit struct: {INSTEAD}; with no fields write `struct {} {{}}`", input.ident),
                );
                None
            }
        },
        Data::Enum(data) => {
            errors.at(
                data.enum_token,
                format_args!("found an enum: {INSTEAD}; make it a field of one, or the value of a `Map<K, V>`"),
            );
            None
        }
        Data::Union(data) => {
            errors.at(data.union_token, format_args!("found a union: {INSTEAD}"));
            None
        }
    };
    let generics = !input.generics.params.is_empty();
    if generics {
        errors.at(
            &input.generics.params,
            "found generic parameters: a stored struct has none, since its namespace holds entries of one type; \
             write the types out in the fields, and own what they borrow",
        );
    }
    let packed = packed(&input.attrs);
    if let Some(packed) = &packed {
        errors.at(
            packed,
            "found a packed struct: its fields can't be borrowed, so they can't be stored; remove `packed`",
        );
    }
    // The compiler refuses it, and hands it on all the same.
    let mut names = fields.iter().flat_map(|fields| &fields.named).filter_map(|field| field.ident.as_ref());
    let unnamed = names.find(|name| *name == "_");
    if let Some(name) = unnamed {
        errors.at(name, "found a field named `_`: records name their fields, so give it a name");
    }
    let is_supported =
        fields.is_some_and(|fields| !has_name_twice(fields)) && !generics && packed.is_none() && unnamed.is_none();
    Shape { fields, is_supported }
}

/// Whether two fields have one name, which the compiler refuses.
fn has_name_twice(fields: &FieldsNamed) -> bool {
    let mut names = HashSet::new();
    fields.named.iter().any(|field| !names.insert(&field.ident))
}

/// The entries on the struct, whatever its shape.
pub(crate) fn entries(input: &DeriveInput, entries: &StructEntries, errors: &mut Errors) {
    check_namespace(&input.ident, entries, errors);
    check_version(entries, errors);
    check_names(&input.ident, entries, errors);
    if let Some(ty) = entries.key.value() {
        check_key_type(ty, errors);
    }
}

fn check_namespace(name: &Ident, entries: &StructEntries, errors: &mut Errors) {
    let Some(mistake) = namespace::mistake(&namespace_of(name, entries)) else { return };
    if let Some(literal) = entries.namespace.value() {
        errors.at(literal, mistake);
    } else {
        errors.at(name, format_args!("{mistake}: give another on the struct, as `#[store(namespace = \"name\")]`"));
    }
}

/// Versions tell migrations what to do, and there are no migrations yet.
fn check_version(entries: &StructEntries, errors: &mut Errors) {
    let Some(version) = entries.version.value() else { return };
    if version.base10_parse::<u32>().ok() != Some(1) || !["", "u32"].contains(&version.suffix()) {
        let found = version.to_token_stream();
        errors.at(version, format_args!("found version `{found}`: the only schema version so far is `version = 1`"));
    }
}

fn check_names(name: &Ident, entries: &StructEntries, errors: &mut Errors) {
    let Names { init, store, guard } = Names::given(name, entries);
    let mut taken = vec![("the struct", name)];
    for (what, name, slot) in
        [("`init`", &init, &entries.init), ("`store`", &store, &entries.store), ("`guard`", &guard, &entries.guard)]
    {
        if let Some((other, _)) = taken.iter().find(|(_, taken)| taken.unraw() == name.unraw()) {
            // The name at fault is one that was given: those made from the struct's name differ.
            let given = [slot, &entries.init, &entries.store, &entries.guard].into_iter().find_map(Slot::value);
            errors.at(given, format_args!("{other} and {what} have the same name `{name}`: give each its own"));
        }
        taken.push((what, name));
    }
}

fn check_key_type(ty: &Type, errors: &mut Errors) {
    if let Some(unwritten) = types::unwritten(ty) {
        errors.at(
            unwritten,
            format_args!(
                "found `{}` in the type of the keys: a key has one type, written out",
                types::written(unwritten)
            ),
        );
    }
    if let Some(borrowed) = types::borrowed(ty) {
        errors.at(
            borrowed,
            format_args!(
                "found `{}` in the type of the keys: a key owns what it holds, as `String` and `Vec<u8>` do; `&str` \
                 and `&[u8]` can be passed for these",
                types::written(borrowed)
            ),
        );
    }
    if types::is_elements(ty) {
        errors.at(
            ty,
            format_args!(
                "found `{}` as the type of the keys: an element-wise collection is no value; it can be a field beside the \
                 key",
                types::written(ty)
            ),
        );
    }
}

/// `key = id` with the name of a field, in place of a type: meant as `#[store(key)]` on the field.
pub(crate) fn key_named_on_struct(entries: &mut StructEntries, fields: &mut [NamedField<'_>], errors: &mut Errors) {
    const PRIMITIVES: [&str; 13] =
        ["bool", "char", "str", "u8", "u16", "u32", "u64", "u128", "i8", "i16", "i32", "i64", "i128"];
    let Some(ty) = entries.key.value() else { return };
    let Some(name) = types::name(ty).filter(|name| !PRIMITIVES.contains(&name.as_str())) else { return };
    // Types begin with a capital.
    let Some(field) = fields.iter_mut().find(|field| *field.ident == name && !name.starts_with(char::is_uppercase))
    else {
        return;
    };
    errors.at(ty, format_args!("`{name}` is a field: write `#[store(key)]` on it, and remove this"));
    entries.key = Slot::default();
    field.entries.key.mention();
}

/// Exactly one of the two forms in which the key is named.
pub(crate) fn one_key(input: &DeriveInput, entries: &StructEntries, fields: &[NamedField<'_>], errors: &mut Errors) {
    let mut keys = fields.iter().filter(|field| field.entries.key.is_mentioned());
    let first = keys.next();
    for second in keys {
        let first = first.map(|field| field.ident.to_string()).unwrap_or_default();
        errors.at(
            key_place(second),
            format_args!(
                "found a second key field, `{}` after `{first}`: one field is the key; for a key of several parts \
                 give it a tuple, or a struct with `#[derive(Key)]`",
                second.ident
            ),
        );
    }
    match (entries.key.is_mentioned(), first) {
        (true, Some(field)) => errors.at(
            key_place(field),
            format_args!(
                "found two keys, `key = Type` on the struct and `key` on the field `{}`: keep the one on the struct \
                 where the key lives beside the value, the one on the field where it is part of it",
                field.ident
            ),
        ),
        (false, None) => {
            let message = format!(
                "`{}` has no key: write `#[store(key = Type)]` on the struct, or `#[store(key)]` on the field that \
                 is the key",
                input.ident
            );
            match input.attrs.iter().find(|attribute| attribute.path().is_ident("key")) {
                Some(attribute) => {
                    errors.at(attribute, format_args!("found `#[key]`, which belongs to `#[derive(Key)]`; {message}"));
                }
                None => errors.at(&input.ident, message),
            }
        }
        _ => {}
    }
}

/// A field with `#[key]`, which is an attribute of `#[derive(Key)]`: meant as `#[store(key)]`.
pub(crate) fn key_attribute(field: &Field, entries: &mut FieldEntries, errors: &mut Errors) {
    if let Some(attribute) = field.attrs.iter().find(|attribute| attribute.path().is_ident("key")) {
        errors.at(attribute, "found `#[key]` on a field of a store: write `#[store(key)]`");
        entries.key.mention();
    }
}

/// The `key` of a key field; where that itself was a mistake, the field's name.
fn key_place<'a>(field: &'a NamedField<'_>) -> &'a Ident {
    field.entries.key.name().unwrap_or(field.ident)
}

/// The entries on one field.
pub(crate) fn field(NamedField { field, entries, .. }: &NamedField<'_>, errors: &mut Errors) {
    const KEY: &str = "the key field, which is filled from the key";
    const SKIP: &str = "a skipped field, which is not stored";
    let is_key = entries.key.is_mentioned();
    // An element-wise collection takes neither, which `elements` says.
    let is_skipped = entries.skip.is_mentioned() && !types::is_elements(&field.ty);
    let mut refuse = |name: Option<&Ident>, on: &str| {
        if let Some(name) = name {
            errors.at(name, format_args!("`{}` has no meaning on {on}: remove one of the two", name.unraw()));
        }
    };
    if is_key {
        refuse(entries.default.name(), KEY);
        refuse(entries.skip.name(), KEY);
    }
    if is_key || is_skipped {
        let on = if is_key { KEY } else { SKIP };
        refuse(entries.with.name(), on);
        refuse(entries.type_name.name(), on);
        refuse(entries.ignore_unknown.name(), on);
    }
    if let Some(literal) = entries.type_name.value()
        && literal.value().trim().is_empty()
    {
        errors.at(
            literal,
            "found an empty name: `type` is the name of the field's type in the catalog, as `type = \"Name\"`",
        );
    }
}

/// An element-wise collection is a field of its own, and takes no entries that speak of a value.
pub(crate) fn elements(NamedField { field, ident, entries }: &NamedField<'_>, errors: &mut Errors) {
    if let Some(nested) = types::nested_elements(&field.ty)
        && !entries.skip.is_mentioned()
    {
        errors.at(
            nested,
            format_args!(
                "found `{}` inside the type of the field `{ident}`: an element-wise collection is found by the name of its \
                 field, so it has to be the whole type of one",
                types::written(nested)
            ),
        );
    }
    if !types::is_elements(&field.ty) || entries.key.is_mentioned() {
        return;
    }
    for name in [entries.default.name(), entries.skip.name(), entries.with.name()].into_iter().flatten() {
        errors.at(
            name,
            format_args!(
                "`{}` has no meaning on an element-wise collection, which is not part of the record and starts without \
                 elements: remove it",
                name.unraw()
            ),
        );
    }
}

/// The type of one field: what the compiler does not refuse, or explains badly.
pub(crate) fn field_type(NamedField { field, ident, entries }: &NamedField<'_>, errors: &mut Errors) {
    if entries.key.is_mentioned() {
        check_key_type(&field.ty, errors);
    } else if !entries.skip.is_mentioned() && !entries.with.is_mentioned() {
        check_stored_type(&field.ty, ident, errors);
    }
}

fn check_stored_type(ty: &Type, field: &Ident, errors: &mut Errors) {
    if let Some(nested) = types::nested_option(ty) {
        errors.at(
            nested,
            format_args!(
                "found an `Option` in an `Option` in the field `{field}`: its two `None`s are easily taken for each \
                 other; use one `Option`, an enum of three, or a newtype around the inner one"
            ),
        );
    }
    if let Some(borrowed) = types::borrowed(ty) {
        errors.at(
            borrowed,
            format_args!(
                "found `{}` in the field `{field}`: what is read from a record is owned, as `String` and `Vec<u8>` are; \
                 or leave the field out of the record with `#[store(skip)]`",
                types::written(borrowed)
            ),
        );
    }
}
