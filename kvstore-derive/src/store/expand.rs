//! The items that `#[derive(Store)]` generates.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;

use super::model::{Initial, Model};
use super::{codec, elements, field_types, init};
use crate::runtime::ends;
use crate::types;

/// All items. What has no name for the program to use lies in an unnamed constant, where its own names meet no others.
///
/// ```text
/// struct JobInit { .. }
/// type JobStore = MapStore<Job>;
/// type JobGuard = Guard<Job>;
/// const _: () = { impl Store for Job { .. } .. };
/// ```
pub(crate) fn items(model: &Model<'_>) -> TokenStream {
    let init_struct = init::structure(model);
    let aliases = aliases(model);
    // Without a size, a mistake that was reported, it could not be the value of a store.
    if model.fields.iter().any(|field| types::is_unsized(&field.ty)) {
        let paths = elements::paths(model, &syn::Generics::default());
        return quote!(#init_struct #aliases #paths);
    }
    let initials = initials(model);
    let checks = field_types::checks(model);
    let store_impl = store_impl(model);
    let codec = codec::items(model);
    let init_impls = init::impls(model);
    let paths = elements::paths(model, &syn::Generics::default());
    let allowed = &model.allowed;
    quote! {
        #init_struct
        #aliases
        #allowed
        #[allow(clippy::type_complexity, deprecated, unused_parens, unused_qualifications)]
        const _: () = {
            #initials
            #checks
            #store_impl
            #codec
            #init_impls
            #paths
        };
    }
}

fn aliases(model: &Model<'_>) -> TokenStream {
    let Model { runtime, name, visibility, names, .. } = model;
    let (store, guard) = (&names.store, &names.guard);
    let linked = name.unraw();
    let store_doc = format!("The store of [`{linked}`] entries.");
    let guard_doc = format!("The held lock on one entry of the store of [`{linked}`], with its value.");
    quote! {
        #[doc = #store_doc]
        #[allow(dead_code, deprecated, non_camel_case_types, unreachable_pub)]
        #visibility type #store = #runtime::MapStore<#name>;
        #[doc = #guard_doc]
        #[allow(dead_code, deprecated, non_camel_case_types, unreachable_pub)]
        #visibility type #guard = #runtime::Guard<#name>;
    }
}

/// `impl Store`. The type of the keys is said here alone, so that what is wrong with it is reported once; all else says
/// `<Job as Store>::Key`.
fn store_impl(model: &Model<'_>) -> TokenStream {
    let Model { runtime, name, .. } = model;
    let key = key_item(model);
    quote! {
        #[automatically_derived]
        impl #runtime::Store for #name {
            #key
            type Value = #name;
        }
    }
}

/// `type Key = ..;`, all of it at the place of the type: some errors, as that for a private type, show the whole item.
fn key_item(model: &Model<'_>) -> TokenStream {
    let Some(ty) = &model.key else {
        let key = &model.no_key;
        return quote!(type Key = #key;);
    };
    let (first, last) = ends(ty);
    let key = model.runtime.key(ty);
    let mut item = quote_spanned!(first=> type Key = #key);
    item.extend(quote_spanned!(last=> ;));
    item
}

/// The values of `default = expr`, each in a function of a trait for the struct, so that it may say `Self::LIMIT`.
///
/// ```text
/// trait __KvstoreInitial { fn __kvstore_initial_retries() -> u8; }
/// impl __KvstoreInitial for Job { fn __kvstore_initial_retries() -> u8 { 3 } }
/// ```
fn initials(model: &Model<'_>) -> TokenStream {
    let name = model.name;
    let mut signatures = Vec::new();
    let mut functions = Vec::new();
    for field in &model.fields {
        let Some(Initial::Expr(expr)) = field.initial() else { continue };
        let (function, ty) = (codec::initial_function(field), &field.ty);
        signatures.push(quote!(fn #function() -> #ty;));
        // In parentheses, lest it be read as a statement with something behind it: `if a { 1 } else { 2 } - 1`.
        functions.push(quote!(fn #function() -> #ty { (#expr) }));
    }
    if functions.is_empty() {
        return TokenStream::new();
    }
    quote! {
        trait __KvstoreInitial {
            #(#signatures)*
        }
        #[automatically_derived]
        impl __KvstoreInitial for #name {
            #(#functions)*
        }
    }
}
