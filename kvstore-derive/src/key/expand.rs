//! The impls that `#[derive(Key)]` generates.
//!
//! ```text
//! const __KVSTORE_0: KeyPart<String> = key_part::<String>();
//! const __KVSTORE_1: KeyPart<u64> = key_part::<u64>();
//! impl KeyCodec for JobKey {
//!     fn encode_last(&self, out) {
//!         let JobKey { tenant, number } = self;
//!         __KVSTORE_0.encode_part(tenant, out);
//!         __KVSTORE_1.encode_last(number, out);
//!     }
//!     ..
//! }
//! ```

use proc_macro2::{Literal, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::DeriveInput;

use super::attrs::KeyEntries;
use super::model::{Kind, Model, Part, Product, Variant, field_types};
use crate::runtime::{Runtime, ends};
use crate::types;

/// Which of the two forms of a key.
#[derive(Clone, Copy)]
enum Form {
    /// Nothing follows the key.
    Last,
    /// Another part follows.
    Part,
}

/// All impls.
pub(crate) fn items(model: &Model<'_>) -> TokenStream {
    let Model { runtime, name, allowed, kind } = model;
    let private = runtime.private();
    let codecs = codecs(model);
    let codec = codec(model);
    let shape = shape(model);
    let argument = argument(runtime, &quote!(#name), &TokenStream::new(), &TokenStream::new());
    let more = match kind {
        Kind::Newtype(product) => newtype(model, product),
        Kind::Struct(product) => prefixes(model, product),
        Kind::Enum(_) => TokenStream::new(),
    };
    quote! {
        #allowed
        #[allow(clippy::type_complexity, deprecated, unused_parens, unused_qualifications)]
        const _: () = {
            #codecs
            #[automatically_derived]
            #[doc(hidden)]
            impl #private::KeyCodec for #name {
                #codec
            }
            #argument
            #[automatically_derived]
            impl #runtime::Key for #name {
                const SHAPE: #runtime::Shape = #shape;
            }
            #more
        };
    }
}

/// Makes a type an argument for keys of its own type.
fn argument(runtime: &Runtime, ty: &TokenStream, generics: &TokenStream, clause: &TokenStream) -> TokenStream {
    let private = runtime.private();
    let functions = [(quote!(encode_arg_last), quote!(encode_last)), (quote!(encode_arg_part), quote!(encode_part))]
        .map(|(function, inner)| {
            quote! {
                fn #function(&self, __kvstore_out: &mut #private::KeyBuf) {
                    #private::KeyCodec::#inner(self, __kvstore_out);
                }
            }
        });
    quote! {
        #[automatically_derived]
        #[doc(hidden)]
        impl #generics #private::KeyArgCodec<#ty> for #ty #clause {
            #(#functions)*
        }
        #[automatically_derived]
        impl #generics #runtime::KeyArg<#ty> for #ty #clause {}
    }
}

/// One constant for each field. The bound on its type is stated there alone, so that a type that is no key is reported
/// once; for a newtype, in `type Inner`.
fn codecs(model: &Model<'_>) -> TokenStream {
    let (name, private) = (model.name, model.runtime.private());
    let constant = |part: &Part| {
        let (codec, ty) = (&part.codec, &part.ty);
        let (first, _) = ends(ty);
        quote_spanned!(first=> const #codec: #private::KeyPart<#ty> = #private::key_part::<#ty>();)
    };
    match &model.kind {
        Kind::Newtype(product) => product
            .parts
            .iter()
            .map(|Part { codec, ty, .. }| quote!(const #codec: #private::KeyPart<#ty> = #private::inner_part::<#name>();))
            .collect(),
        Kind::Struct(product) => product.parts.iter().map(constant).collect(),
        Kind::Enum(variants) => variants.iter().flat_map(|variant| &variant.product.parts).map(constant).collect(),
    }
}

/// The four functions of `KeyCodec`.
fn codec(model: &Model<'_>) -> TokenStream {
    let Model { runtime, name, kind, .. } = model;
    let private = runtime.private();
    let encode = |form| match kind {
        Kind::Newtype(product) | Kind::Struct(product) => {
            let (pattern, writes) = (pattern(product), writes(runtime, product, form));
            quote!(let #pattern = self; #writes)
        }
        Kind::Enum(variants) => {
            let arms = variants.iter().enumerate().map(|(number, Variant { product, .. })| {
                let (pattern, writes) = (pattern(product), writes(runtime, product, form));
                let bytes = (number >> 8, number & 0xFF);
                let (high, low) = (Literal::usize_unsuffixed(bytes.0), Literal::usize_unsuffixed(bytes.1));
                quote!(#pattern => { #private::KeyBuf::extend(__kvstore_out, &[#high, #low]); #writes })
            });
            quote!(match self { #(#arms)* })
        }
    };
    let decode = |form| match kind {
        Kind::Newtype(product) | Kind::Struct(product) => {
            let value = reads(runtime, product, form);
            quote!(::core::result::Result::Ok(#value))
        }
        Kind::Enum(variants) => {
            let bytes = by_reference(form);
            let arms = variants.iter().enumerate().map(|(number, Variant { product, .. })| {
                let number = Literal::usize_unsuffixed(number);
                let value = reads(runtime, product, form);
                // In the last form the number of a variant without fields is all there is.
                let end = (product.parts.is_empty() && matches!(form, Form::Last))
                    .then(|| quote!(#private::end_of_key(__kvstore_bytes)?;));
                quote!(#number => { #end #value })
            });
            quote! {
                ::core::result::Result::Ok(match #private::variant_number(#bytes)? {
                    #(#arms)*
                    _ => return ::core::result::Result::Err(#private::KeyError::Value("variant")),
                })
            }
        }
    };
    let (encode_last, encode_part) = (encode(Form::Last), encode(Form::Part));
    let (decode_last, decode_part) = (decode(Form::Last), decode(Form::Part));
    let mutable = (!matches!(kind, Kind::Newtype(_))).then(|| quote!(mut));
    let result = quote!(::core::result::Result<#name, #private::KeyError>);
    quote! {
        fn encode_last(&self, __kvstore_out: &mut #private::KeyBuf) { #encode_last }
        fn encode_part(&self, __kvstore_out: &mut #private::KeyBuf) { #encode_part }
        fn decode_last(#mutable __kvstore_bytes: &[u8]) -> #result { #decode_last }
        fn decode_part(__kvstore_bytes: &mut &[u8]) -> #result { #decode_part }
    }
}

/// `JobKey { tenant: .., number: .. }`; `{ 0: .. }` fits tuple structs, and `{}` those without fields.
fn pattern(Product { path, parts }: &Product) -> TokenStream {
    let fields = parts.iter().map(|Part { member, binding, .. }| quote!(#member: #binding));
    quote!(#path { #(#fields),* })
}

fn writes(runtime: &Runtime, product: &Product, form: Form) -> TokenStream {
    let private = runtime.private();
    let (before, last) = product.split();
    let write = |Part { codec, binding, .. }: &Part, function: TokenStream| quote!(#private::KeyPart::#function(&#codec, #binding, __kvstore_out););
    let before = before.iter().map(|part| write(part, quote!(encode_part)));
    let last = last.map(|part| {
        write(
            part,
            match form {
                Form::Last => quote!(encode_last),
                Form::Part => quote!(encode_part),
            },
        )
    });
    quote!(#(#before)* #last)
}

/// The bytes as something to be moved on. In the last form they are a variable, in the part form a reference to one.
fn by_reference(form: Form) -> TokenStream {
    match form {
        Form::Last => quote!(&mut __kvstore_bytes),
        Form::Part => quote!(__kvstore_bytes),
    }
}

fn reads(runtime: &Runtime, product: &Product, form: Form) -> TokenStream {
    let private = runtime.private();
    let (before, last) = product.split();
    let bytes = by_reference(form);
    let read = |Part { member, codec, .. }: &Part, function: TokenStream, bytes: &TokenStream| quote!(#member: #private::KeyPart::#function(&#codec, #bytes)?,);
    let before = before.iter().map(|part| read(part, quote!(decode_part), &bytes));
    let last = last.map(|part| match form {
        Form::Last => read(part, quote!(decode_last), &quote!(__kvstore_bytes)),
        Form::Part => read(part, quote!(decode_part), &bytes),
    });
    let path = &product.path;
    quote!(#path { #(#before)* #last })
}

fn shape(model: &Model<'_>) -> TokenStream {
    let Model { runtime, kind, .. } = model;
    let private = runtime.private();
    let shapes = |product: &Product| {
        let shapes = product.parts.iter().map(|Part { codec, .. }| quote!(#private::KeyPart::shape(&#codec)));
        quote!(#(#shapes),*)
    };
    match kind {
        Kind::Newtype(product) => shapes(product),
        Kind::Struct(product) => {
            let shapes = shapes(product);
            quote!(#runtime::Shape::Tuple { parts: &[#shapes] })
        }
        Kind::Enum(variants) => {
            let variants = variants.iter().map(|Variant { name, product }| {
                let shapes = shapes(product);
                quote!(#runtime::Variant { name: #name, fields: &[#shapes] })
            });
            quote!(#runtime::Shape::Enum { variants: &[#(#variants),*] })
        }
    }
}

/// `impl Newtype`, which brings generated keys and prefixes where the field has them.
fn newtype(model: &Model<'_>, product: &Product) -> TokenStream {
    let (name, private) = (model.name, model.runtime.private());
    let impls = product.parts.iter().map(|Part { member, ty, .. }| {
        let (first, last) = ends(ty);
        let mut inner = quote_spanned!(first=> type Inner = #ty);
        inner.extend(quote_spanned!(last=> ;));
        quote! {
            #[automatically_derived]
            #[doc(hidden)]
            impl #private::Newtype for #name {
                #inner
                fn from_inner(__kvstore_inner: <#name as #private::Newtype>::Inner) -> #name {
                    #name { #member: __kvstore_inner }
                }
            }
        }
    });
    quote!(#(#impls)*)
}

/// Tuples of arguments for the leading fields as prefixes.
fn prefixes(model: &Model<'_>, product: &Product) -> TokenStream {
    let Model { runtime, name, .. } = model;
    let private = runtime.private();
    let impls = (1..product.parts.len()).map(|count| {
        let parts = product.parts.iter().take(count).enumerate();
        let (mut arguments, mut bounds, mut writes) = (Vec::new(), Vec::new(), Vec::new());
        for (number, Part { ty, .. }) in parts {
            let (argument, index) = (format_ident!("__KvstoreArg{number}"), syn::Index::from(number));
            bounds.push(quote!(#argument: #private::KeyArgCodec<#ty>));
            writes.push(quote! {
                <#argument as #private::KeyArgCodec<#ty>>::encode_arg_part(&self.#index, __kvstore_out);
            });
            arguments.push(argument);
        }
        quote! {
            #[automatically_derived]
            #[doc(hidden)]
            impl<#(#bounds),*> #private::KeyPrefixCodec<#name> for (#(#arguments,)*) {
                fn encode_prefix(&self, __kvstore_out: &mut #private::KeyBuf) {
                    #(#writes)*
                }
            }
            #[automatically_derived]
            impl<#(#bounds),*> #runtime::KeyPrefix<#name> for (#(#arguments,)*) {}
        }
    });
    quote!(#(#impls)*)
}

/// What is emitted beside the errors for a type that can't be a key, so that its use as one brings no more of them.
pub(crate) fn stand_in(input: &DeriveInput, entries: &KeyEntries) -> TokenStream {
    // Without a size there is nothing that it could be taken for.
    if field_types(input).into_iter().any(types::is_unsized) {
        return TokenStream::new();
    }
    let runtime = Runtime::new(entries.runtime.value());
    let private = runtime.private();
    let name = &input.ident;
    let (_, type_generics, _) = input.generics.split_for_impl();
    let ty = quote!(#name #type_generics);
    let mut generics = input.generics.clone();
    if !generics.params.is_empty() {
        let bounds = quote!(::core::marker::Send + ::core::marker::Sync + 'static);
        generics.make_where_clause().predicates.push(syn::parse_quote!(#ty: #bounds));
    }
    let (impl_generics, _, clause) = generics.split_for_impl();
    let argument = argument(&runtime, &ty, &quote!(#impl_generics), &quote!(#clause));
    quote! {
        #[allow(unused)]
        const _: () = {
            impl #impl_generics #private::KeyCodec for #ty #clause {
                fn encode_last(&self, _: &mut #private::KeyBuf) {}
                fn encode_part(&self, _: &mut #private::KeyBuf) {}
                fn decode_last(_: &[u8]) -> ::core::result::Result<Self, #private::KeyError> { loop {} }
                fn decode_part(_: &mut &[u8]) -> ::core::result::Result<Self, #private::KeyError> { loop {} }
            }
            #argument
            impl #impl_generics #runtime::Key for #ty #clause {
                const SHAPE: #runtime::Shape = #runtime::Shape::Bool;
            }
        };
    }
}
