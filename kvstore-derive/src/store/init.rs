//! The initializer: the struct `JobInit`, and how it and a whole `Job` become the first value of an entry.

use proc_macro2::TokenStream;
use quote::quote;
use syn::ext::IdentExt;

use super::codec;
use super::model::{Model, ModelField, Role};
use crate::types;

/// `struct JobInit { required fields }`
pub(crate) fn structure(model: &Model<'_>) -> TokenStream {
    let Model { visibility, names, allowed, .. } = model;
    let (name, init) = (model.name.unraw(), &names.init);
    let fields: Vec<_> = required(model).map(|field| required_field(model, field)).collect();
    let doc = if fields.is_empty() {
        format!("What a new [`{name}`] starts from: nothing, since each of its fields has an initial value.")
    } else {
        format!("What a new [`{name}`] starts from: the fields without an initial value.")
    };
    let derives = derives(model);
    // The fields' documentation was written for another struct: `[Self::limit]` in it leads nowhere here.
    quote! {
        #[doc = #doc]
        #derives
        #allowed
        #[allow(
            clippy::exhaustive_structs,
            clippy::type_complexity,
            dead_code,
            deprecated,
            missing_copy_implementations,
            missing_debug_implementations,
            non_camel_case_types,
            private_interfaces,
            rustdoc::broken_intra_doc_links,
            rustdoc::private_intra_doc_links,
            unreachable_pub,
            unused_parens,
            unused_qualifications
        )]
        #visibility struct #init {
            #(#fields),*
        }
    }
}

fn derives(model: &Model<'_>) -> Option<TokenStream> {
    let derives = &model.init_derives;
    (!derives.is_empty()).then(|| quote!(#[derive(#(#derives),*)]))
}

/// Whether the program derives `Default` for the initializer itself.
fn derives_default(model: &Model<'_>) -> bool {
    model.init_derives.iter().any(|path| path.segments.last().is_some_and(|last| last.ident == "Default"))
}

fn required_field(model: &Model<'_>, field: &ModelField<'_>) -> TokenStream {
    let ModelField { ident, visibility, ty, docs, .. } = field;
    let generated = docs.is_empty().then(|| {
        let doc = format!("What [`{}::{}`] is at first.", model.name.unraw(), field.name);
        quote!(#[doc = #doc])
    });
    quote!(#generated #(#docs)* #visibility #ident: #ty)
}

fn required<'m, 'a>(model: &'m Model<'a>) -> impl Iterator<Item = &'m ModelField<'a>> {
    model.fields.iter().filter(|field| field.is_required() && !types::is_unsized(&field.ty))
}

/// `impl Initialize` for `JobInit` and for `Job`, `impl From<JobInit>` for `Job`, and `impl Default` for a `JobInit` that
/// asks for nothing.
pub(crate) fn impls(model: &Model<'_>) -> TokenStream {
    let (name, init) = (model.name, &model.names.init);
    let key_field = model.fields.iter().find(|field| matches!(field.role, Role::Key)).map(|field| field.ident);
    let private = model.runtime.private();
    let key = key_field.map(|_| quote!(#private::key_of::<#name>(__kvstore_key)?));
    let source = key.map_or_else(|| quote!(self), |key| quote!((#key, self)));
    let value = quote!(<#name as ::core::convert::From<_>>::from(#source));
    let from_init = initialize(model, init, &quote!(self), &value);
    let conversion = conversion(model, key_field.is_some());
    let from_value = match key_field {
        None => initialize(model, name, &quote!(self), &quote!(self)),
        Some(ident) => {
            let filled = quote! {{
                if __kvstore_fill_key {
                    self.#ident = #private::key_of::<#name>(__kvstore_key)?;
                }
                self
            }};
            initialize(model, name, &quote!(mut self), &filled)
        }
    };
    let default = (required(model).next().is_none() && !derives_default(model)).then(|| {
        quote! {
            #[automatically_derived]
            impl ::core::default::Default for #init {
                fn default() -> #init {
                    #init {}
                }
            }
        }
    });
    quote!(#from_init #from_value #conversion #default)
}

/// The trait for `from`, where `value` makes a `Job` of it.
fn initialize(model: &Model<'_>, from: &syn::Ident, receiver: &TokenStream, value: &TokenStream) -> TokenStream {
    let (name, private) = (model.name, model.runtime.private());
    quote! {
        #[automatically_derived]
        #[doc(hidden)]
        impl #private::InitializeValue<#name> for #from {
            fn into_value(
                #receiver,
                __kvstore_key: &[::core::primitive::u8],
                __kvstore_fill_key: ::core::primitive::bool,
            ) -> ::core::result::Result<#name, #private::RecordError> {
                ::core::result::Result::Ok(#value)
            }
        }
    }
}

/// The `Job` that a `JobInit` becomes; with a key field, the `Job` of a key and a `JobInit`.
///
/// ```text
/// impl From<JobInit> for Job { .. }
/// impl From<(<User as Store>::Key, UserInit)> for User { .. }
/// ```
fn conversion(model: &Model<'_>, has_key_field: bool) -> TokenStream {
    let (name, init, runtime) = (model.name, &model.names.init, &model.runtime);
    let (source, pattern) = if has_key_field {
        (quote!((<#name as #runtime::Store>::Key, #init)), quote!((__kvstore_key, __kvstore_init)))
    } else {
        (quote!(#init), quote!(__kvstore_init))
    };
    let fields = model.fields.iter().map(|field| {
        let ident = field.ident;
        let value = match (&field.role, field.initial()) {
            (Role::Key, _) => quote!(__kvstore_key),
            (_, Some(initial)) => codec::initial(model, field, initial),
            (_, None) => quote!(__kvstore_init.#ident),
        };
        quote!(#ident: #value)
    });
    quote! {
        #[automatically_derived]
        #[allow(unused_variables)]
        impl ::core::convert::From<#source> for #name {
            #[inline]
            fn from(#pattern: #source) -> #name {
                #name { #(#fields),* }
            }
        }
    }
}
