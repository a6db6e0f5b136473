//! How values become records and records become values: `impl StoreCodec`.
//!
//! ```text
//! impl StoreCodec<<Job as Store>::Key, Job> for Job {
//!     fn encode(value, record) -> .. {
//!         let mut fields = record.fields(1)?;
//!         field_type(|job: &Job| &job.owner).write(&mut fields, "owner", &value.owner)?;
//!         Ok(())
//!     }
//!     fn decode(key, record) -> .. {
//!         let mut fields = record.fields()?;
//!         let mut owner = None;
//!         while let Some(name) = fields.next_name()? {
//!             match name {
//!                 "owner" => field_type(|job: &Job| &job.owner).read(&mut fields, "owner", &mut owner)?,
//!                 _ => return Err(fields.unknown(name)),
//!             }
//!         }
//!         Ok(Job { owner: required("owner", owner)? })
//!     }
//! }
//! ```
//!
//! Everything is called by its full path: a method that the program has in scope under the same name must not be found.

use proc_macro2::{Literal, TokenStream};
use quote::{quote, quote_spanned};
use syn::Ident;

use super::model::{Codec, Initial, Model, ModelField, Role};
use super::{elements, field_types};
use crate::runtime::{begun_at, ends, own_ends};

/// A field that is part of the record.
struct Stored<'m, 'a> {
    field: &'m ModelField<'a>,
    codec: &'m Codec,
    ignores_unknown: bool,
}

/// The `impl` and what it uses.
pub(crate) fn items(model: &Model<'_>) -> TokenStream {
    let stored = stored(model);
    let (name, runtime, private) = (model.name, &model.runtime, model.runtime.private());
    let schema = schema(model);
    let elements = elements::schemas(model);
    let encode = encode(model, &stored);
    let decode = decode(model, &stored);
    let key_field = key_field(model);
    quote! {
        #[automatically_derived]
        #[doc(hidden)]
        impl #private::StoreCodec<<#name as #runtime::Store>::Key, #name> for #name {
            #schema
            #elements
            #encode
            #decode
            #key_field
        }
    }
}

fn stored<'m, 'a>(model: &'m Model<'a>) -> Vec<Stored<'m, 'a>> {
    let stored = model.fields.iter().filter_map(|field| match &field.role {
        Role::Stored { codec, ignores_unknown, .. } => Some(Stored { field, codec, ignores_unknown: *ignores_unknown }),
        Role::Key | Role::Skipped(_) | Role::Elements { .. } => None,
    });
    stored.collect()
}

fn schema(model: &Model<'_>) -> TokenStream {
    let (namespace, private) = (&model.namespace, model.runtime.private());
    let fields = model.fields.iter().filter_map(|field| {
        let (type_name, has_initial) = match &field.role {
            Role::Stored { type_name, initial, .. } => (type_name, initial.is_some()),
            Role::Elements { type_name, .. } => (type_name, true),
            Role::Key | Role::Skipped(_) => return None,
        };
        let name = &field.name;
        Some(quote!(#private::FieldSchema { name: #name, type_name: #type_name, has_initial: #has_initial }))
    });
    quote! {
        const NAMESPACE: ::core::option::Option<&'static ::core::primitive::str> =
            ::core::option::Option::Some(#namespace);
        const SCHEMA: #private::Schema = #private::Schema {
            version: 1,
            fields: ::core::option::Option::Some(&[#(#fields),*]),
        };
    }
}

fn encode(model: &Model<'_>, stored: &[Stored<'_, '_>]) -> TokenStream {
    let (struct_name, private) = (model.name, model.runtime.private());
    let count = Literal::usize_unsuffixed(stored.len());
    let writes = stored.iter().map(|Stored { field, codec, .. }| {
        let (ident, name) = (field.ident, &field.name);
        match codec {
            Codec::Unknown => TokenStream::new(),
            Codec::Serde => {
                let arguments = quote!(&mut __kvstore_fields, #name, &__kvstore_value.#ident);
                let write = field_types::call(model, field, "write", &arguments);
                quote!(#write?;)
            }
            Codec::Module(module) => {
                let (first, _) = ends(module);
                quote_spanned! {first=>
                    #private::FieldWriter::field_with(&mut __kvstore_fields, #name, |__kvstore_serializer| {
                        #module::serialize(&__kvstore_value.#ident, __kvstore_serializer)
                    })?;
                }
            }
        }
    });
    let begin = quote!(#private::RecordWriter::fields(__kvstore_record, #count)?);
    let body = if stored.is_empty() {
        quote!(let _ = #begin;)
    } else {
        quote!(let mut __kvstore_fields = #begin; #(#writes)*)
    };
    // The program uses the paths to their elements, so that nobody else reads these fields, and they would seem unused.
    let marks = elements::fields(model).map(|field| {
        let ident = field.ident;
        quote!(let _ = &__kvstore_value.#ident;)
    });
    quote! {
        fn encode(
            __kvstore_value: &#struct_name,
            __kvstore_record: &mut #private::RecordWriter<'_>,
        ) -> ::core::result::Result<(), #private::RecordError> {
            #(#marks)*
            #body
            ::core::result::Result::Ok(())
        }
    }
}

fn decode(model: &Model<'_>, stored: &[Stored<'_, '_>]) -> TokenStream {
    let (struct_name, private) = (model.name, model.runtime.private());
    let places = stored.iter().map(|Stored { field, codec, .. }| {
        let place = place(field);
        let none = match codec {
            // A module that reads another type is at fault, not what is done with it later.
            Codec::Module(_) => field_types::call(model, field, "nothing", &TokenStream::new()),
            Codec::Serde | Codec::Unknown => quote!(::core::option::Option::None),
        };
        quote!(let mut #place = #none;)
    });
    let read = read(model, stored);
    let values = model.fields.iter().map(|field| {
        let ident = field.ident;
        let value = value(model, field);
        quote!(#ident: #value)
    });
    quote! {
        fn decode(
            __kvstore_key: &[::core::primitive::u8],
            __kvstore_record: &mut #private::RecordReader<'_>,
        ) -> ::core::result::Result<#struct_name, #private::RecordError> {
            let mut __kvstore_fields = #private::RecordReader::fields(__kvstore_record)?;
            #(#places)*
            #read
            ::core::result::Result::Ok(#struct_name { #(#values),* })
        }
    }
}

/// Reads all fields of the record into their places.
fn read(model: &Model<'_>, stored: &[Stored<'_, '_>]) -> TokenStream {
    let private = model.runtime.private();
    let next = quote!(#private::FieldReader::next_name(&mut __kvstore_fields)?);
    let unknown = quote! {
        return ::core::result::Result::Err(#private::FieldReader::unknown(&__kvstore_fields, __kvstore_name))
    };
    if stored.is_empty() {
        return quote!(if let ::core::option::Option::Some(__kvstore_name) = #next { #unknown; });
    }
    let arms = stored.iter().map(|Stored { field, codec, ignores_unknown }| {
        let (place, name) = (place(field), &field.name);
        let ignore = ignores_unknown.then(|| quote!(#private::FieldReader::ignore_unknown(&mut __kvstore_fields);));
        let read = match codec {
            Codec::Unknown => quote!({}),
            Codec::Serde => {
                let arguments = quote!(&mut __kvstore_fields, #name, &mut #place);
                let read = field_types::call(model, field, "read", &arguments);
                quote!(#read?)
            }
            Codec::Module(module) => {
                let (first, _) = ends(module);
                quote_spanned! {first=>
                    #private::FieldReader::field_with(&mut __kvstore_fields, #name, &mut #place, |__kvstore_deserializer| {
                        #module::deserialize(__kvstore_deserializer)
                    })?
                }
            }
        };
        quote!(#name => { #ignore #read })
    });
    quote! {
        while let ::core::option::Option::Some(__kvstore_name) = #next {
            match __kvstore_name {
                #(#arms)*
                _ => #unknown,
            }
        }
    }
}

/// The value of a field once the record is read.
fn value(model: &Model<'_>, field: &ModelField<'_>) -> TokenStream {
    let (struct_name, private) = (model.name, model.runtime.private());
    let (place, name) = (place(field), &field.name);
    let initial = field.initial().map(|given| initial(model, field, given));
    match (&field.role, initial) {
        (Role::Key, _) => quote!(#private::key_of::<#struct_name>(__kvstore_key)?),
        (Role::Skipped(_) | Role::Elements { .. }, initial) => quote!(#initial),
        (Role::Stored { .. }, None) => quote!(#private::required(#name, #place)?),
        (Role::Stored { .. }, Some(initial)) => quote! {
            match #place {
                ::core::option::Option::Some(__kvstore_value) => __kvstore_value,
                ::core::option::Option::None => #initial,
            }
        },
    }
}

/// The initial value of a field that has one.
pub(crate) fn initial(model: &Model<'_>, field: &ModelField<'_>, initial: &Initial) -> TokenStream {
    match initial {
        Initial::Empty => field_types::call(model, field, "empty", &TokenStream::new()),
        Initial::Default => {
            // Said in several functions, but at the same place, so that the compiler reports it once.
            let (first, last) = own_ends(&field.ty);
            let path = begun_at(&model.runtime.private(), first);
            let call = quote_spanned!(last=> ::default_value());
            quote!(#path #call)
        }
        Initial::Expr(_) => {
            let (name, function) = (model.name, initial_function(field));
            quote!(<#name as __KvstoreInitial>::#function())
        }
        Initial::Unknown => {
            let private = model.runtime.private();
            quote!(#private::unknown())
        }
    }
}

/// The function that evaluates `default = expr`.
pub(crate) fn initial_function(field: &ModelField<'_>) -> Ident {
    field.local("__kvstore_initial_")
}

fn place(field: &ModelField<'_>) -> Ident {
    field.local("__kvstore_field_")
}

fn key_field(model: &Model<'_>) -> Option<TokenStream> {
    let (name, runtime) = (model.name, &model.runtime);
    let ident = model.fields.iter().find(|field| matches!(field.role, Role::Key))?.ident;
    let key: TokenStream = quote!(<#name as #runtime::Store>::Key);
    Some(quote! {
        fn key_field(__kvstore_value: &#name) -> ::core::option::Option<&#key> {
            ::core::option::Option::Some(&__kvstore_value.#ident)
        }
    })
}
