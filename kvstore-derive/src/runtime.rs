//! Where generated code finds the runtime, and which spans it carries.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Path, Type};

use crate::errors::Errors;
use crate::types;

/// The runtime crate as generated code names it: `::kvstore`, or what `crate = "path"` says.
pub(crate) struct Runtime {
    path: TokenStream,
}

impl Runtime {
    /// The runtime at `path`, by default at `::kvstore`.
    pub(crate) fn new(path: Option<&Path>) -> Self {
        Self { path: path.map_or_else(|| quote!(::kvstore), Path::to_token_stream) }
    }

    /// The hidden module for generated code.
    pub(crate) fn private(&self) -> TokenStream {
        let path = &self.path;
        quote!(#path::__private)
    }

    /// A type that must be a key, as generated code writes it. If it is none, the one error is here, at the type or at the
    /// part of it that is none.
    pub(crate) fn key(&self, ty: &Type) -> TokenStream {
        let private = self.private();
        let checks = types::key_parts(ty).into_iter().map(|part| quote!(#private::is_key::<#part>()));
        quote!(<#private::IfKey<{ #(#checks)&* }> as #private::Then<#ty>>::Key)
    }

    /// The key type of a struct that names none, a mistake that was reported: what depends on it is no further error.
    pub(crate) fn no_key(&self, errors: &Errors) -> TokenStream {
        let (private, error) = (self.private(), errors.as_expression());
        quote!(<#private::IfKey<{ #error }> as #private::Then<()>>::Key)
    }
}

impl ToTokens for Runtime {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.path.to_tokens(tokens);
    }
}

/// A span at the place of `span` whose names resolve as those of the other generated code do. Where a type comes from a
/// `macro_rules` macro, its own span would give `self` and local variables another meaning.
pub(crate) fn located(span: Span) -> Span {
    Span::call_site().located_at(span)
}

/// The places of the first and the last token, for tokens that must appear to be there.
pub(crate) fn ends(tokens: &impl ToTokens) -> (Span, Span) {
    let (first, last) = own_ends(tokens);
    (located(first), located(last))
}

/// The spans of the first and the last token. Unlike [`ends`], an error there does not speak of the derive.
pub(crate) fn own_ends(tokens: &impl ToTokens) -> (Span, Span) {
    let mut spans = tokens.to_token_stream().into_iter().map(|tree| tree.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let last = spans.last().unwrap_or(first);
    (first, last)
}

/// The same path, with its beginning at another place. What may be a mistake of the program stays where it is: the name of
/// a crate or module that `crate = "path"` says.
pub(crate) fn begun_at(path: &TokenStream, place: Span) -> TokenStream {
    let mut begins = true;
    let place = |mut tree: TokenTree| {
        begins &= match &tree {
            TokenTree::Punct(_) => true,
            TokenTree::Ident(ident) => ["crate", "self", "super", "$crate"].iter().any(|keyword| ident == keyword),
            _ => false,
        };
        if begins {
            // The meaning of `$crate` is in its span.
            let keeps = matches!(&tree, TokenTree::Ident(ident) if ident == "$crate");
            tree.set_span(if keeps { tree.span().located_at(place) } else { place });
        }
        tree
    };
    path.clone().into_iter().map(place).collect()
}
