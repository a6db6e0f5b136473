//! Element-wise collections: the path to each, by which the program reaches its elements.

use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::ext::IdentExt;
use syn::{Generics, Type};

use super::field_types;
use super::model::{Model, ModelField, Role};
use crate::runtime::{begun_at, own_ends};
use crate::types;

/// The fields that are element-wise collections.
pub(crate) fn fields<'m, 'a>(model: &'m Model<'a>) -> impl Iterator<Item = &'m ModelField<'a>> {
    model.fields.iter().filter(|field| matches!(field.role, Role::Elements { .. }))
}

/// A constant for each collection, with the visibility of its field.
///
/// ```text
/// impl Job { pub const ATTEMPTS: ElementPath<Job, ElementMap<u32, Attempt>> = element_path(0); }
/// ```
pub(crate) fn paths(model: &Model<'_>, generics: &Generics) -> Option<TokenStream> {
    fields(model).next()?;
    let (runtime, private, struct_name) = (&model.runtime, model.runtime.private(), model.name.unraw());
    let (impl_generics, type_generics, where_clause) = generics.split_for_impl();
    let name = model.name;
    let ty = quote!(#name #type_generics);
    let paths = fields(model).enumerate().map(|(index, field)| {
        let (path, visibility, field_ty) = (field.path_name(), field.visibility, &field.ty);
        let doc = format!("The path to the elements of [`{0}`]({struct_name}::{0}).", field.name);
        quote! {
            #[doc = #doc]
            #[allow(
                clippy::type_complexity,
                dead_code,
                deprecated,
                private_interfaces,
                rustdoc::broken_intra_doc_links,
                rustdoc::private_intra_doc_links,
                unreachable_pub,
                unused_parens,
                unused_qualifications
            )]
            #visibility const #path: #runtime::ElementPath<#ty, #field_ty> = #private::element_path(#index);
        }
    });
    Some(quote! {
        #[automatically_derived]
        impl #impl_generics #ty #where_clause {
            #(#paths)*
        }
    })
}

/// What the schema says of each collection. The bound on the type is stated here alone, so that it is reported once.
pub(crate) fn schemas(model: &Model<'_>) -> Option<TokenStream> {
    let private = model.runtime.private();
    // What can't be stored was reported.
    let is_sound = |ty: &Type| types::borrowed(ty).is_none() && types::nested_elements(ty).is_none();
    let schemas: Vec<_> = fields(model)
        .filter(|field| is_sound(&field.ty))
        .map(|field| {
            let (name, projection) = (&field.name, field_types::projection(model, field));
            let (first, last) = own_ends(&field.ty);
            let (path, function) = (begun_at(&private, first), quote_spanned!(last=> ::element_schema));
            let ignoring = matches!(field.role, Role::Elements { ignores_unknown: true, .. });
            let ignoring = ignoring.then(|| quote!(.ignoring_unknown()));
            quote!(#path #function(#projection, #name) #ignoring)
        })
        .collect();
    if schemas.is_empty() {
        return None;
    }
    Some(quote!(const ELEMENTS: &'static [#private::ElementSchema] = &[#(#schemas),*];))
}
