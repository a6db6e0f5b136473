//! Finds out whether the fields' types can be stored, and blames the innermost part of one that can't.
//!
//! ```text
//! fn __kvstore_field_types() {
//!     let __kvstore_type = field_type(|job: &Job| &job.parts);        // Vec<Part>
//!     let __kvstore_type_0 = __kvstore_type.part_0();                 // Part
//!     check_field(&__kvstore_type.unless_sound(__kvstore_type_0.value()));
//!     check_field(&__kvstore_type_0.if_sound(__kvstore_type));
//! }
//! ```
//!
//! Nothing of it runs. See `field.rs` of the runtime.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::Type;

use super::model::{Codec, Initial, Model, ModelField, Role};
use crate::runtime::{begun_at, own_ends};
use crate::types::{self, Asks};

/// The type of a field: `field_type(|job: &Job| &job.owner)`.
fn of(model: &Model<'_>, field: &ModelField<'_>) -> TokenStream {
    let (first, last) = own_ends(&field.ty);
    let path = begun_at(&model.runtime.private(), first);
    let projection = projection(model, field);
    let function = quote_spanned!(last=> ::field_type);
    let arguments = quote_spanned!(last=> (#projection));
    quote!(#path #function #arguments)
}

/// The function from the struct to a field, from which its type is inferred: `|job: &Job| (&job.owner)`. It begins and ends
/// where the type does, as errors show it.
pub(crate) fn projection(model: &Model<'_>, field: &ModelField<'_>) -> TokenStream {
    let (name, ident, (first, last)) = (model.name, field.ident, own_ends(&field.ty));
    let bar = quote_spanned!(first=> |);
    let body = quote!(&__kvstore_value.#ident);
    let body = quote_spanned!(last=> (#body));
    quote!(#bar __kvstore_value: &#name| #body)
}

/// Calls a method of the type of a field. The call begins and ends where the type does, as errors show it.
pub(crate) fn call(model: &Model<'_>, field: &ModelField<'_>, method: &str, arguments: &TokenStream) -> TokenStream {
    let (ty, (_, last)) = (of(model, field), own_ends(&field.ty));
    let method = Ident::new(method, last);
    let arguments = quote_spanned!(last=> (#arguments));
    let dot = quote_spanned!(last=> .);
    quote!(#ty #dot #method #arguments)
}

/// The checks of all fields.
pub(crate) fn checks(model: &Model<'_>) -> Option<TokenStream> {
    let fields: Vec<_> = model.fields.iter().filter_map(|field| check(model, field)).collect();
    if fields.is_empty() {
        return None;
    }
    Some(quote! {
        #[allow(dead_code)]
        fn __kvstore_field_types() {
            #({ #fields })*
        }
    })
}

fn check(model: &Model<'_>, field: &ModelField<'_>) -> Option<TokenStream> {
    let (first, last) = own_ends(&field.ty);
    let mut checker = Checker {
        private: model.runtime.private(),
        root: Ident::new("__kvstore_type", first),
        last,
        checks: Vec::new(),
    };
    let root = checker.root.clone();
    let mut found = Vec::new();
    if matches!(&field.role, Role::Stored { codec: Codec::Serde, .. }) {
        found = checker.part(&field.ty, &root);
        if !is_leaf(&field.ty) && !matches!(types::bare(&field.ty), Type::Array(_)) {
            let whole = checker.unblamed(&found, quote!(#root));
            checker.state("check_field", &field.ty, &whole);
        }
        if found.is_empty() || !is_leaf(&field.ty) {
            found.push(checker.method(&root, "if_sound"));
        }
    }
    if matches!(field.initial(), Some(Initial::Empty)) {
        let whole = checker.unblamed(&found, quote!(#root));
        checker.state("check_empty", &field.ty, &whole);
    }
    let (of, checks) = (of(model, field), checker.checks);
    (!checks.is_empty()).then(|| quote!(let #root = #of; #(#checks)*))
}

/// Builds the checks of one field.
struct Checker {
    private: TokenStream,
    /// The variable of its type.
    root: Ident,
    /// Where its type ends. Calls of methods begin and end where it does, since errors of lifetimes show them.
    last: Span,
    checks: Vec<TokenStream>,
}

impl Checker {
    /// Checks a part of the type, which the variable `part` stands for. Returns what is called, with the whole as its
    /// argument, to find out whether this part or one inside it was blamed.
    fn part(&mut self, ty: &Type, part: &Ident) -> Vec<TokenStream> {
        if is_leaf(ty) {
            let is_whole = part == &self.root;
            if is_sound(ty) {
                if is_whole {
                    self.state("check_field", ty, &quote!(#part));
                }
                return Vec::new();
            }
            let suspect = self.suspect(part, quote!(#part.value()));
            self.state("check_field", ty, &suspect);
            self.state("check_not_elementwise", ty, &quote!(#part.elements()));
            return vec![self.method(part, "if_sound")];
        }
        let asks = types::known(ty).and_then(|known| known.asks);
        let mut found = Vec::new();
        for (index, inner) in types::parts(ty).into_iter().enumerate().take(MAX_PARTS) {
            let (variable, method) =
                (format_ident!("{part}_{index}", span = part.span()), format_ident!("part_{index}"));
            self.checks.push(quote!(let #variable = #part.#method();));
            let mut inside = self.part(inner, &variable);
            if let Some(asks) = asks.filter(|_| index == 0 && !is_ordered(inner)) {
                let (state, condition) = match asks {
                    Asks::Order => ("check_ordered", "if_ordered"),
                    Asks::Hash => ("check_hashed", "if_hashed"),
                };
                let suspect = self.suspect(&variable, quote!(#variable));
                self.state(state, inner, &self.unblamed(&inside, suspect));
                inside.push(self.method(&variable, condition));
            }
            found.extend(inside);
        }
        if matches!(types::bare(ty), Type::Array(_)) {
            let suspect = self.suspect(part, quote!(#part));
            self.state("check_array", ty, &self.unblamed(&found, suspect));
            found.push(self.method(part, "if_sound"));
        }
        found
    }

    /// `part`, if the whole can't be stored.
    fn suspect(&self, variable: &Ident, part: TokenStream) -> TokenStream {
        if variable == &self.root { part } else { self.call(&self.method(&self.root, "unless_sound"), &part) }
    }

    /// `whole`, if none of these parts was blamed.
    fn unblamed(&self, parts: &[TokenStream], whole: TokenStream) -> TokenStream {
        parts.iter().fold(whole, |whole, part| self.call(part, &whole))
    }

    /// A method of a type, to be called.
    fn method(&self, variable: &Ident, method: &str) -> TokenStream {
        let method = Ident::new(method, self.last);
        let dot = quote_spanned!(self.last=> .);
        quote!(#variable #dot #method)
    }

    fn call(&self, method: &TokenStream, argument: &TokenStream) -> TokenStream {
        let arguments = quote_spanned!(self.last=> (#argument));
        quote!(#method #arguments)
    }

    /// States a bound, so that the error is at the type, and at all of it.
    fn state(&mut self, check: &str, ty: &Type, argument: &TokenStream) {
        let (first, last) = own_ends(ty);
        let check = Ident::new(check, last);
        let blamed = Ident::new("__kvstore_blamed", last);
        // The path and the argument begin and end where the type does, and an error shows the argument.
        let path = begun_at(&self.private, first);
        let reference = quote_spanned!(first=> &);
        let arguments = quote_spanned!(last=> (#reference #blamed));
        let colons = quote_spanned!(last=> ::);
        let end = quote_spanned!(last=> ;);
        // In a block of its own, since lints count a name that is used again.
        self.checks.push(quote!({ let #blamed = #argument; #path #colons #check #arguments #end }));
    }
}

/// How many parts of a type the runtime can tell apart: those of a tuple of four.
const MAX_PARTS: usize = 4;

/// Whether a type is not taken apart.
fn is_leaf(ty: &Type) -> bool {
    match types::bare(ty) {
        ty if types::has_lifetime(ty) => true,
        Type::Array(_) => false,
        Type::Tuple(tuple) => tuple.elems.is_empty() || tuple.elems.len() > MAX_PARTS,
        _ => types::known(ty).is_none(),
    }
}

/// Whether a name is one of a type that can be stored, which spares the checks. Where it is another's, the whole is blamed.
fn is_sound(ty: &Type) -> bool {
    is_ordered(ty) || matches!(types::name(ty).as_deref(), Some("f32" | "f64"))
}

/// Whether a name is one of a type that can be stored, and has an order and a hash.
fn is_ordered(ty: &Type) -> bool {
    const NAMES: [&str; 15] = [
        "bool", "char", "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize",
        "String",
    ];
    types::name(ty).is_some_and(|name| NAMES.contains(&name.as_str()))
}
