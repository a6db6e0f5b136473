//! The impls that `#[derive(Key)]` generates.
//!
//! ```text
//! type __KvstorePart0 = String;                        // said as `Runtime::key` does
//! type __KvstorePart1 = u64;
//! const __KVSTORE_0: KeyPart<__KvstorePart0> = key_part();
//! const __KVSTORE_1: KeyPart<__KvstorePart1> = key_part();
//! impl KeyCodec for JobKey {
//!     type Root = JobKey;
//!     const CONVERTS: bool = __KVSTORE_0.converts() || __KVSTORE_1.converts();
//!     fn encode_last(&self, out) {
//!         let Self { tenant, number } = self;
//!         __KVSTORE_0.encode_part(tenant, out);
//!         __KVSTORE_1.encode_last(number, out);
//!     }
//!     ..
//! }
//! impl DerivedKey for JobKey { const DERIVED_SHAPE: Shape = ..; }
//! ```

use proc_macro2::{Literal, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{DeriveInput, Generics, Member};

use super::attrs::KeyEntries;
use super::model::{Kind, Model, Part, Product, Variant, value_types};
use super::prefixes;
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
    let Model { runtime, name, generics, allowed, kind, .. } = model;
    let private = runtime.private();
    let (codecs, root, converts, codec, shape) =
        (codecs(model), root(model), converts(model), codec(model), shape(model));
    let newtype = match kind {
        Kind::Newtype(product) => newtype(model, product),
        _ => TokenStream::new(),
    };
    let prefixes = prefixes::items(model);
    let (impl_generics, type_generics, clause) = generics.split_for_impl();
    let threads = between_threads(name, generics);
    let (_, _, thread_clause) = threads.split_for_impl();
    quote! {
        #allowed
        #[allow(clippy::type_complexity, deprecated, unused_parens, unused_qualifications)]
        const _: () = {
            #codecs
            #[automatically_derived]
            #[doc(hidden)]
            impl #impl_generics #private::KeyCodec for #name #type_generics #clause {
                type Root = #root;
                #converts
                #codec
            }
            #[automatically_derived]
            #[doc(hidden)]
            impl #impl_generics #private::DerivedKey for #name #type_generics #thread_clause {
                const DERIVED_SHAPE: #runtime::Shape = #shape;
            }
            #newtype
            #prefixes
        };
    }
}

/// The parameters of a type with the bound that a key needs: whether it can be sent and shared can depend on them.
fn between_threads(name: &syn::Ident, generics: &Generics) -> Generics {
    let mut bounded = generics.clone();
    if !generics.params.is_empty() {
        let (_, type_generics, _) = generics.split_for_impl();
        bounded.make_where_clause().predicates.push(syn::parse_quote! {
            #name #type_generics: ::core::marker::Send + ::core::marker::Sync + 'static
        });
    }
    bounded
}

/// An alias of each field's type, and a constant that writes and reads it. That the type is a key is stated in the alias
/// alone, so that one that is none is reported once.
fn codecs(model: &Model<'_>) -> TokenStream {
    let Model { runtime, name, kind, .. } = model;
    let private = runtime.private();
    let constant = |part: &Part| {
        let Part { codec, alias, ty, .. } = part;
        let key = runtime.key(ty);
        quote! {
            type #alias = #key;
            const #codec: #private::KeyPart<#alias> = #private::key_part::<#alias>();
        }
    };
    match kind {
        Kind::Converted(ty) => {
            let (key, (first, _)) = (runtime.key(ty), ends(ty));
            let convert = quote_spanned!(first=> #private::converted_part::<#name, __KvstoreKey>());
            quote! {
                type __KvstoreKey = #key;
                const __KVSTORE_KEY: #private::KeyPart<#name> = #convert;
            }
        }
        Kind::Newtype(product) | Kind::Struct(product) => product.parts.iter().map(constant).collect(),
        Kind::Enum(variants) => variants.iter().flat_map(|variant| &variant.product.parts).map(constant).collect(),
    }
}

/// The type whose prefixes and borrowed arguments the key takes.
fn root(model: &Model<'_>) -> TokenStream {
    let private = model.runtime.private();
    match &model.kind {
        Kind::Converted(_) => quote!(<__KvstoreKey as #private::KeyCodec>::Root),
        // Not by the alias: a private type would be reported here, too.
        Kind::Newtype(_) => quote!(<<Self as #private::Newtype>::Inner as #private::KeyCodec>::Root),
        Kind::Struct(_) | Kind::Enum(_) => quote!(Self),
    }
}

/// `const CONVERTS`, unless there is nothing that could be converted.
fn converts(model: &Model<'_>) -> TokenStream {
    let private = model.runtime.private();
    let of = |codec: &dyn ToTokens| quote!(#private::KeyPart::converts(&#codec));
    let parts: Vec<_> = match &model.kind {
        Kind::Converted(_) => vec![of(&format_ident!("__KVSTORE_KEY"))],
        Kind::Newtype(product) | Kind::Struct(product) => product.parts.iter().map(|part| of(&part.codec)).collect(),
        Kind::Enum(variants) => {
            variants.iter().flat_map(|variant| &variant.product.parts).map(|part| of(&part.codec)).collect()
        }
    };
    if parts.is_empty() { TokenStream::new() } else { quote!(const CONVERTS: ::core::primitive::bool = #(#parts)||*;) }
}

/// The four functions of `KeyCodec`.
fn codec(model: &Model<'_>) -> TokenStream {
    let Model { runtime, kind, .. } = model;
    let private = runtime.private();
    let encode = |form| match kind {
        Kind::Converted(_) => {
            let function = format_ident!("encode_{}", name_of(form));
            quote!(#private::KeyPart::#function(&__KVSTORE_KEY, self, __kvstore_out);)
        }
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
        Kind::Converted(_) => {
            let function = format_ident!("decode_{}", name_of(form));
            quote!(#private::KeyPart::#function(&__KVSTORE_KEY, __kvstore_bytes))
        }
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
    let mutable = (!matches!(kind, Kind::Newtype(_) | Kind::Converted(_))).then(|| quote!(mut));
    let result = quote!(::core::result::Result<Self, #private::KeyError>);
    quote! {
        fn encode_last(&self, __kvstore_out: &mut #private::KeyBuf) { #encode_last }
        fn encode_part(&self, __kvstore_out: &mut #private::KeyBuf) { #encode_part }
        fn decode_last(#mutable __kvstore_bytes: &[::core::primitive::u8]) -> #result { #decode_last }
        fn decode_part(__kvstore_bytes: &mut &[::core::primitive::u8]) -> #result { #decode_part }
    }
}

fn name_of(form: Form) -> &'static str {
    match form {
        Form::Last => "last",
        Form::Part => "part",
    }
}

/// `Self { tenant: .., number: .. }`; `{ 0: .. }` fits tuple structs, and `{}` those without fields.
fn pattern(Product { path, parts, markers }: &Product) -> TokenStream {
    let fields = parts.iter().map(|Part { member, binding, .. }| quote!(#member: #binding));
    quote!(#path { #(#fields,)* #(#markers: _,)* })
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
    let Product { path, markers, .. } = product;
    quote!(#path { #(#before)* #last #(#markers: ::core::marker::PhantomData,)* })
}

fn shape(model: &Model<'_>) -> TokenStream {
    let Model { runtime, kind, .. } = model;
    let private = runtime.private();
    let shapes = |product: &Product| {
        let shapes = product.parts.iter().map(|Part { codec, .. }| quote!(#private::KeyPart::shape(&#codec)));
        quote!(#(#shapes),*)
    };
    match kind {
        Kind::Converted(_) => quote!(#private::KeyPart::shape(&__KVSTORE_KEY)),
        Kind::Newtype(product) => shapes(product),
        Kind::Struct(product) if product.parts.iter().all(|part| matches!(part.member, Member::Unnamed(_))) => {
            let shapes = shapes(product);
            quote!(#runtime::Shape::Tuple { parts: &[#shapes] })
        }
        Kind::Struct(product) => {
            let fields = shape_fields(runtime, product);
            quote!(#runtime::Shape::Struct { fields: &[#fields] })
        }
        Kind::Enum(variants) => {
            let variants = variants.iter().map(|Variant { name, product, .. }| {
                let fields = shape_fields(runtime, product);
                quote!(#runtime::Variant { name: #name, fields: &[#fields] })
            });
            quote!(#runtime::Shape::Enum { variants: &[#(#variants),*] })
        }
    }
}

fn shape_fields(runtime: &Runtime, product: &Product) -> TokenStream {
    let private = runtime.private();
    let fields = product.parts.iter().map(|Part { member, aliases, codec, .. }| {
        let name = match member {
            Member::Named(name) => name.unraw().to_string(),
            Member::Unnamed(_) => String::new(),
        };
        let shape = quote!(#private::KeyPart::shape(&#codec));
        quote!(#runtime::KeyField { name: #name, aliases: &[#(#aliases),*], shape: #shape })
    });
    quote!(#(#fields),*)
}

/// `impl Newtype`, which brings generated keys if the field has them.
fn newtype(model: &Model<'_>, product: &Product) -> TokenStream {
    let (name, private) = (model.name, model.runtime.private());
    let (impl_generics, type_generics, clause) = model.generics.split_for_impl();
    let markers = &product.markers;
    let impls = product.parts.iter().map(|Part { member, ty, alias, .. }| {
        // At the place of the type, where a private one is reported.
        let (first, last) = ends(ty);
        let mut inner = quote_spanned!(first=> type Inner = #alias);
        inner.extend(quote_spanned!(last=> ;));
        quote! {
            #[automatically_derived]
            #[doc(hidden)]
            impl #impl_generics #private::Newtype for #name #type_generics #clause {
                #inner
                fn from_inner(__kvstore_inner: <Self as #private::Newtype>::Inner) -> Self {
                    Self { #member: __kvstore_inner, #(#markers: ::core::marker::PhantomData,)* }
                }
            }
        }
    });
    quote!(#(#impls)*)
}

/// What is emitted beside the errors for a type that can't be a key, so that its use as one brings no more of them.
pub(crate) fn stand_in(input: &DeriveInput, entries: &KeyEntries) -> TokenStream {
    // Without a size there is nothing that it could be taken for.
    if value_types(input).into_iter().any(types::is_unsized) {
        return TokenStream::new();
    }
    let runtime = Runtime::new(entries.runtime.value());
    let private = runtime.private();
    let name = &input.ident;
    let generics = between_threads(name, &input.generics);
    let (impl_generics, type_generics, clause) = generics.split_for_impl();
    let result = quote!(::core::result::Result<Self, #private::KeyError>);
    quote! {
        #[allow(unused)]
        const _: () = {
            impl #impl_generics #private::KeyCodec for #name #type_generics #clause {
                type Root = Self;
                fn encode_last(&self, _: &mut #private::KeyBuf) {}
                fn encode_part(&self, _: &mut #private::KeyBuf) {}
                fn decode_last(_: &[::core::primitive::u8]) -> #result { loop {} }
                fn decode_part(_: &mut &[::core::primitive::u8]) -> #result { loop {} }
            }
            impl #impl_generics #private::DerivedKey for #name #type_generics #clause {
                const DERIVED_SHAPE: #runtime::Shape = #runtime::Shape::Bool;
            }
        };
    }
}
