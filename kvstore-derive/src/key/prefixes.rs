//! Leading fields as prefixes: for a struct a tuple of them, for an enum a tuple that begins with the variant's constant.

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote};
use syn::ext::IdentExt;
use syn::punctuated::Punctuated;
use syn::{Ident, Index, Token, parse_quote};

use super::attrs::VariantEntries;
use super::model::{Kind, Model, Part, Product, Variant};
use crate::errors::Errors;
use crate::store::snake_case;

/// The name of the constant of a variant, if it has one: a variant without fields is one key.
pub(crate) fn name(
    syn::Variant { ident: variant, .. }: &syn::Variant,
    variants: &Punctuated<syn::Variant, Token![,]>,
    product: &Product,
    entries: &VariantEntries,
    errors: &mut Errors,
) -> Option<Ident> {
    if product.parts.is_empty() {
        if let Some(entry) = entries.prefix.name() {
            errors.at(entry, format_args!("found `prefix` on `{variant}`, which has no fields: it is one key"));
        }
        return None;
    }
    if let Some(given) = entries.prefix.value()
        && variants.iter().any(|other| other.ident.unraw() == given.unraw())
    {
        errors.at(given, format_args!("`{given}` is the name of a variant: give the prefix another, in capitals"));
    }
    let capitals = snake_case(&variant.unraw().to_string()).to_uppercase();
    Some(entries.prefix.value().cloned().unwrap_or_else(|| format_ident!("{capitals}", span = variant.span())))
}

/// Refuses two constants of one name, and leaves out those that have the name of a variant, which they would be taken for.
pub(crate) fn check_names(variants: &mut [Variant], errors: &mut Errors) {
    let names: Vec<String> = variants.iter().map(|variant| variant.name.clone()).collect();
    let mut seen: Vec<(Ident, String)> = Vec::new();
    for Variant { name, prefix, .. } in variants {
        *prefix = prefix.take().filter(|prefix| !names.iter().any(|name| prefix.unraw() == name.as_str()));
        let Some(found) = prefix.as_ref() else { continue };
        match seen.iter().find(|(other, _)| other == found) {
            Some((_, other)) => {
                let message = format!(
                    "the variants `{other}` and `{name}` both are `{found}` as prefixes: give one of them another name \
                     with `#[key(prefix = NAME)]`"
                );
                errors.at(found, message);
                *prefix = None;
            }
            None => seen.push((found.clone(), name.clone())),
        }
    }
}

/// The impls for a struct, or the constants of an enum with theirs.
pub(crate) fn items(model: &Model<'_>) -> TokenStream {
    match &model.kind {
        Kind::Struct(product) => impls(model, product, None),
        Kind::Enum(variants) => {
            let constants = constants(model, variants);
            let impls =
                variants.iter().enumerate().map(|(number, variant)| impls(model, &variant.product, Some(number)));
            quote!(#constants #(#impls)*)
        }
        Kind::Converted(_) | Kind::Newtype(_) => TokenStream::new(),
    }
}

/// ```text
/// impl Event { pub const CREATED: KeyVariant<Event, 0> = key_variant(); }
/// ```
fn constants(model: &Model<'_>, variants: &[Variant]) -> Option<TokenStream> {
    let Model { runtime, name, visibility, .. } = model;
    let (impl_generics, type_generics, clause) = model.generics.split_for_impl();
    let private = runtime.private();
    let mut constants = Vec::new();
    for (number, Variant { name: variant, prefix, .. }) in variants.iter().enumerate() {
        let Some(prefix) = prefix else { continue };
        let number = Literal::usize_unsuffixed(number);
        let doc = format!("The keys [`{variant}`]({}::{variant}), as a prefix.", name.unraw());
        constants.push(quote! {
            #[doc = #doc]
            #[allow(
                dead_code,
                deprecated,
                non_upper_case_globals,
                rustdoc::broken_intra_doc_links,
                rustdoc::private_intra_doc_links,
                unreachable_pub
            )]
            #visibility const #prefix: #runtime::KeyVariant<#name #type_generics, #number> = #private::key_variant();
        });
    }
    (!constants.is_empty()).then(|| {
        quote! {
            #[automatically_derived]
            impl #impl_generics #name #type_generics #clause {
                #(#constants)*
            }
        }
    })
}

/// One impl for each number of leading fields. All but the last are whole; the last is whole, or a `Prefix`, and a `Prefix`
/// if it is the last field of all.
fn impls(model: &Model<'_>, Product { parts, .. }: &Product, variant: Option<usize>) -> TokenStream {
    let (name, runtime, private) = (model.name, &model.runtime, model.runtime.private());
    let (_, type_generics, _) = model.generics.split_for_impl();
    let key = quote!(#name #type_generics);
    let head = variant.map(|number| {
        let number = Literal::usize_unsuffixed(number);
        quote!(#runtime::KeyVariant<#key, #number>,)
    });
    let number = variant.map(|_| quote!(#private::KeyPrefixCodec::<#key>::encode_prefix(&self.0, __kvstore_out);));
    let first = usize::from(variant.is_some());
    let impls = (1..=parts.len()).map(|count| {
        let mut generics = model.generics.clone();
        let (mut arguments, mut writes, mut part_writes) = (Vec::new(), Vec::new(), Vec::new());
        for (position, Part { alias, .. }) in parts.iter().take(count).enumerate() {
            let (argument, index) = (format_ident!("__KvstoreArg{position}"), Index::from(first + position));
            if position + 1 == parts.len() {
                generics.params.push(parse_quote!(
                    #argument: #private::KeyPrefixCodec<<#alias as #private::KeyCodec>::Root>
                ));
                let write = |function| quote!(#private::KeyPrefixCodec::#function(&self.#index.0, __kvstore_out););
                writes.push(write(quote!(encode_prefix)));
                part_writes.push(write(quote!(encode_prefix_part)));
                arguments.push(quote!(#runtime::Prefix<#argument>));
            } else {
                let bound = if position + 1 == count { quote!(KeyArgPart) } else { quote!(KeyArgCodec) };
                generics.params.push(parse_quote!(#argument: #private::#bound<#alias>));
                let write = quote!(#private::KeyArgPart::<#alias>::encode_arg_part(&self.#index, __kvstore_out););
                writes.push(write.clone());
                part_writes.push(write);
                arguments.push(quote!(#argument));
            }
        }
        let (impl_generics, _, clause) = generics.split_for_impl();
        quote! {
            #[automatically_derived]
            #[doc(hidden)]
            impl #impl_generics #private::KeyPrefixCodec<#key> for (#head #(#arguments,)*) #clause {
                fn encode_prefix(&self, __kvstore_out: &mut #private::KeyBuf) {
                    #number
                    #(#writes)*
                }
                fn encode_prefix_part(&self, __kvstore_out: &mut #private::KeyBuf) {
                    #number
                    #(#part_writes)*
                }
            }
        }
    });
    quote!(#(#impls)*)
}
