//! `#[derive(Store)]`.

mod attrs;
mod check;
mod codec;
mod elements;
mod expand;
mod expr;
mod fallback;
mod field_types;
mod init;
mod model;
mod namespace;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::{DeriveInput, FieldsNamed};

pub(crate) use self::namespace::of_type as snake_case;

use self::attrs::{FieldEntries, StructEntries};
use self::model::{Model, NamedField};
use crate::attr;
use crate::errors::Errors;

/// The generated items of a struct, behind the errors found in it.
pub(crate) fn derive(input: TokenStream) -> TokenStream {
    let mut errors = Errors::default();
    let items = match syn::parse2(input) {
        Ok(input) => items(&input, &mut errors),
        Err(error) => {
            errors.push(error);
            TokenStream::new()
        }
    };
    let mut tokens = errors.into_tokens();
    tokens.extend(items);
    tokens
}

fn items(input: &DeriveInput, errors: &mut Errors) -> TokenStream {
    let shape = check::shape(input, errors);
    let mut entries = StructEntries::default();
    attr::read(&input.attrs, &mut entries, errors);
    if !entries.key.is_mentioned()
        && let Some(misspelt) = attr::read_misspelt::<StructEntries>(&input.attrs)
        && misspelt.key.value().is_some()
    {
        entries = misspelt;
    }
    check::entries(input, &entries, errors);
    let mut fields = Vec::new();
    if let Some(named) = shape.fields {
        fields = read_fields(named, errors);
        check::key_named_on_struct(&mut entries, &mut fields, errors);
        check::one_key(input, &entries, &fields, errors);
        for field in &fields {
            check::field(field, errors);
            check::elements(field, errors);
            // Where the struct has parameters, what its fields borrow is part of that mistake.
            if shape.is_supported {
                check::field_type(field, errors);
            }
        }
    }
    let model = Model::new(input, &entries, &fields, errors);
    if shape.is_supported { expand::items(&model) } else { fallback::items(input, &model) }
}

fn read_fields<'a>(fields: &'a FieldsNamed, errors: &mut Errors) -> Vec<NamedField<'a>> {
    let mut named = Vec::new();
    for field in &fields.named {
        // Generated code can't say a name that is `_`, a mistake that was reported.
        if let Some(ident) = field.ident.as_ref().filter(|ident| *ident != "_") {
            let mut entries = FieldEntries::default();
            attr::read(&field.attrs, &mut entries, errors);
            check::key_attribute(field, &mut entries, errors);
            named.push(NamedField { field, ident, entries });
        }
    }
    named
}
