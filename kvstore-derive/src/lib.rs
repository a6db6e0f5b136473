//! The derive macros of [`kvstore`](https://docs.rs/kvstore): `#[derive(Store)]` and `#[derive(Key)]`. Their reference is
//! in the documentation of `kvstore`, which re-exports them.
//!
//! Each is a pipeline: attributes (`attr`) -> model -> checks -> tokens. No stage stops at a mistake. All go into one
//! accumulator (`errors`), and the items are emitted all the same, so that a mistake in an attribute is the only error
//! a reader sees.

mod attr;
mod errors;
mod key;
mod runtime;
mod store;
mod suggest;
mod types;

use proc_macro::TokenStream;

/// Makes a struct the entry type of a store.
// `key` only to say that it is none of its attributes.
#[proc_macro_derive(Store, attributes(store, key))]
pub fn derive_store(input: TokenStream) -> TokenStream {
    store::derive(input.into()).into()
}

/// Makes a type a key.
#[proc_macro_derive(Key, attributes(key))]
pub fn derive_key(input: TokenStream) -> TokenStream {
    key::derive(input.into()).into()
}
