//! Where generated code finds the runtime, and which spans it carries.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote};
use syn::Path;

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
    let mut spans = tokens.to_token_stream().into_iter().map(|tree| tree.span());
    let first = spans.next().unwrap_or_else(Span::call_site);
    let last = spans.last().unwrap_or(first);
    (located(first), located(last))
}
