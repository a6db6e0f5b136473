//! `#[derive(Key)]`.

mod attrs;
mod check;
mod expand;
mod model;
mod prefixes;

#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use syn::DeriveInput;

use self::attrs::KeyEntries;
use self::model::Model;
use crate::attr;
use crate::errors::Errors;

/// The errors found in a key type, then the generated impls.
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
    let mut entries = KeyEntries::default();
    attr::read(&input.attrs, &mut entries, errors);
    match Model::new(input, &entries, errors) {
        Some(model) => expand::items(&model),
        None => expand::stand_in(input, &entries),
    }
}
