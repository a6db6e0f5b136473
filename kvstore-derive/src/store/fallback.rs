//! What is emitted beside the errors for a type that can't be stored, so that the places that use it or the names of the
//! generated items don't become errors too. Nothing of it ever runs.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{DeriveInput, Generics};

use super::elements;
use super::model::{Model, Role};

/// The items of a type of any shape, generic or not. The initializer of a generic one has its parameters.
pub(crate) fn items(input: &DeriveInput, model: &Model<'_>) -> TokenStream {
    let Model { runtime, name, visibility, names, .. } = model;
    let private = runtime.private();
    let (init, store, guard) = (&names.init, &names.store, &names.guard);
    let mut generics = input.generics.clone();
    let (_, type_generics, _) = input.generics.split_for_impl();
    let ty = quote!(#name #type_generics);
    let is_generic = !generics.params.is_empty();
    if is_generic {
        generics.make_where_clause().predicates.push(syn::parse_quote!(#ty: ::core::marker::Send + 'static));
    }
    let (impl_generics, _, where_clause) = generics.split_for_impl();
    let parameters = &input.generics.params;
    let alias_generics = is_generic.then(|| quote!(<#parameters>));
    let required: Vec<_> = model.fields.iter().filter(|field| field.is_required()).collect();
    let init_generics = said_in(&input.generics, required.iter().map(|field| &field.ty));
    let (_, init_arguments, init_clause) = init_generics.split_for_impl();
    let fields = required.iter().map(|field| {
        let (visibility, ident, ty) = (field.visibility, field.ident, &field.ty);
        quote!(#visibility #ident: #ty)
    });
    let key = match &model.key {
        Some(key) if !mentions(key, &generics) => runtime.key(key),
        _ => model.no_key.clone(),
    };
    let initialize = [quote!(#init #init_arguments), ty.clone()].map(|from| {
        quote! {
            impl #impl_generics #private::InitializeValue<#ty> for #from #where_clause {
                fn into_value(
                    self,
                    _: &[::core::primitive::u8],
                    _: ::core::primitive::bool,
                ) -> ::core::result::Result<#ty, #private::RecordError> {
                    loop {}
                }
            }
        }
    });
    let conversion = (!model.fields.iter().any(|field| matches!(field.role, Role::Key))).then(|| {
        quote! {
            impl #impl_generics ::core::convert::From<#init #init_arguments> for #ty #where_clause {
                fn from(_: #init #init_arguments) -> Self {
                    loop {}
                }
            }
        }
    });
    let paths = elements::paths(model, &generics);
    quote! {
        #[allow(missing_docs, unused)]
        #visibility struct #init #init_generics #init_clause { #(#fields),* }
        #[allow(missing_docs, type_alias_bounds, unused)]
        #visibility type #store #alias_generics = #runtime::MapStore<#ty>;
        #[allow(missing_docs, type_alias_bounds, unused)]
        #visibility type #guard #alias_generics = #runtime::Guard<#ty>;
        #[allow(unused)]
        const _: () = {
            impl #impl_generics #runtime::Store for #ty #where_clause {
                type Key = #key;
                type Value = #ty;
            }
            impl #impl_generics #private::StoreCodec<<#ty as #runtime::Store>::Key, #ty> for #ty #where_clause {
                const NAMESPACE: ::core::option::Option<&'static ::core::primitive::str> =
                    ::core::option::Option::None;
                const SCHEMA: #private::Schema = #private::Schema { version: 1, fields: ::core::option::Option::None };
                fn encode(
                    _: &#ty,
                    _: &mut #private::RecordWriter<'_>,
                ) -> ::core::result::Result<(), #private::RecordError> {
                    loop {}
                }
                fn decode(
                    _: &[::core::primitive::u8],
                    _: &mut #private::RecordReader<'_>,
                ) -> ::core::result::Result<#ty, #private::RecordError> {
                    loop {}
                }
            }
            #(#initialize)*
            #conversion
            #paths
        };
    }
}

/// The parameters that the types say, for the initializer: one that it does not say would be an error more.
fn said_in<'a>(generics: &Generics, types: impl Iterator<Item = &'a syn::Type> + Clone) -> Generics {
    let is_said = |parameter: &syn::GenericParam| {
        let alone = Generics { params: std::iter::once(parameter.clone()).collect(), ..Generics::default() };
        types.clone().any(|ty| mentions(ty, &alone))
    };
    let params = generics.params.iter().filter(|parameter| is_said(parameter)).cloned().collect();
    let mut said = Generics { params, ..Generics::default() };
    // Bounds may be about the others.
    if said.params.len() == generics.params.len() {
        said.where_clause.clone_from(&generics.where_clause);
    }
    said
}

/// Whether a type says one of the parameters.
fn mentions(ty: &syn::Type, generics: &Generics) -> bool {
    let names: Vec<String> = generics
        .params
        .iter()
        .map(|parameter| match parameter {
            syn::GenericParam::Lifetime(lifetime) => lifetime.lifetime.ident.to_string(),
            syn::GenericParam::Type(ty) => ty.ident.to_string(),
            syn::GenericParam::Const(constant) => constant.ident.to_string(),
        })
        .collect();
    any_ident(ty.to_token_stream(), &names)
}

fn any_ident(tokens: TokenStream, names: &[String]) -> bool {
    tokens.into_iter().any(|tree| match tree {
        TokenTree::Ident(ident) => names.iter().any(|name| ident == name.as_str()),
        TokenTree::Group(group) => any_ident(group.stream(), names),
        _ => false,
    })
}
