//! Reads helper attributes such as `#[store(key = String, namespace = "jobs")]`. A mistake costs no more than the entry
//! it is in: reading goes on behind the next comma.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::ext::IdentExt;
use syn::parse::discouraged::Speculative;
use syn::parse::{Parse, ParseStream, Parser};
use syn::token::Paren;
use syn::{Attribute, Ident, LitStr, Meta, Path, Token, parenthesized};

use crate::errors::Errors;
use crate::suggest::nearest;

/// One entry that an attribute accepts at some place.
pub(crate) struct Known {
    /// Its name.
    pub(crate) name: &'static str,
    /// How it is written.
    pub(crate) usage: &'static str,
}

/// What takes the entries of the attributes at one place.
pub(crate) trait Entries {
    /// The name of the attribute: `store`.
    const ATTRIBUTE: &'static str;
    /// The place in words: `a field`.
    const PLACE: &'static str;
    /// What is accepted here.
    const KNOWN: &'static [Known];
    /// What is accepted at another place, with that place in words.
    const ELSEWHERE: &'static [(Known, &'static str)];

    /// Takes the entry `name`, one of the known: reads its value, if any, from the input.
    fn read(&mut self, name: &Ident, input: ParseStream<'_>) -> syn::Result<()>;

    /// Notes that the entry `name` was meant to be there but could not be read, so that nobody calls it missing.
    fn mention(&mut self, name: &str);

    /// Notes that something was meant to be there, and nobody knows what.
    fn mention_unknown(&mut self) {}
}

/// An entry that may be given once.
pub(crate) struct Slot<T> {
    name: Option<Ident>,
    value: Option<T>,
    mentioned: bool,
}

impl<T> Default for Slot<T> {
    fn default() -> Self {
        Self { name: None, value: None, mentioned: false }
    }
}

impl<T> Slot<T> {
    /// Sets the value, unless the entry was there before.
    pub(crate) fn set(&mut self, name: &Ident, value: T) -> syn::Result<()> {
        self.mentioned = true;
        if self.name.is_some() {
            return Err(syn::Error::new_spanned(name, format_args!("`{}` is given more than once", name.unraw())));
        }
        self.name = Some(name.clone());
        self.value = Some(value);
        Ok(())
    }

    /// Notes that the entry was meant to be given.
    pub(crate) fn mention(&mut self) {
        self.mentioned = true;
    }

    /// Whether the entry is there, readable or not.
    pub(crate) fn is_mentioned(&self) -> bool {
        self.mentioned
    }

    /// The name as it stands in the attribute.
    pub(crate) fn name(&self) -> Option<&Ident> {
        self.name.as_ref()
    }

    /// The value.
    pub(crate) fn value(&self) -> Option<&T> {
        self.value.as_ref()
    }
}

/// Reads all attributes of one place.
pub(crate) fn read<E: Entries>(attributes: &[Attribute], entries: &mut E, errors: &mut Errors) {
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident(E::ATTRIBUTE)) {
        read_one(attribute, entries, errors);
    }
}

/// Reads an attribute of another name that is near, of which the compiler says that there is none: what it means to give is
/// not missing. Only as a whole, since it may also be another derive's.
pub(crate) fn read_misspelt<E: Entries + Default>(attributes: &[Attribute]) -> Option<E> {
    let is_near =
        |name: &Ident| name != E::ATTRIBUTE && nearest(&name.to_string().to_lowercase(), [E::ATTRIBUTE]).is_some();
    let attribute = attributes.iter().find(|attribute| attribute.path().get_ident().is_some_and(is_near))?;
    let (mut entries, mut errors) = (E::default(), Errors::default());
    read_one(attribute, &mut entries, &mut errors);
    (errors.count() == 0).then_some(entries)
}

fn read_one<E: Entries>(attribute: &Attribute, entries: &mut E, errors: &mut Errors) {
    let list = match &attribute.meta {
        Meta::List(list) if matches!(list.delimiter, syn::MacroDelimiter::Paren(_)) => list.tokens.clone(),
        other => {
            errors.at(other, format_args!("expected `{}(...)`; {}", E::ATTRIBUTE, accepted::<E>()));
            entries.mention_unknown();
            return;
        }
    };
    // The parser below takes everything, so the only error left would be one of syn itself.
    let outcome = (|input: ParseStream<'_>| -> syn::Result<()> {
        read_list(input, entries, errors);
        Ok(())
    })
    .parse2(list);
    if let Err(error) = outcome {
        errors.push(error);
    }
}

fn read_list<E: Entries>(input: ParseStream<'_>, entries: &mut E, errors: &mut Errors) {
    while !input.is_empty() {
        if let Err(error) = read_entry(input, entries) {
            errors.push(error);
            take_until_comma(input);
        } else if !input.is_empty() && !input.peek(Token![,]) {
            let rest = take_until_comma(input);
            errors.at(&rest, format_args!("expected a comma, found `{rest}`"));
        }
        // Either the end or a comma.
        let _ = input.parse::<Option<Token![,]>>();
    }
}

fn read_entry<E: Entries>(input: ParseStream<'_>, entries: &mut E) -> syn::Result<()> {
    if !input.peek(Ident::peek_any) {
        let found = take_until_comma(input);
        entries.mention_unknown();
        return Err(if found.is_empty() {
            syn::Error::new(input.span(), format_args!("expected a name, found a comma; {}", accepted::<E>()))
        } else {
            syn::Error::new_spanned(&found, format_args!("expected a name, found `{found}`; {}", accepted::<E>()))
        });
    }
    let name = Ident::parse_any(input)?;
    let text = name.unraw().to_string();
    if E::KNOWN.iter().any(|known| known.name == text) {
        return entries.read(&name, input).inspect_err(|_| entries.mention(&text));
    }
    if let Some((known, place)) = E::ELSEWHERE.iter().find(|(known, _)| known.name == text) {
        return Err(syn::Error::new_spanned(
            &name,
            format_args!("`{text}` belongs on {place}, as `#[{}({})]`, not on {}", E::ATTRIBUTE, known.usage, E::PLACE),
        ));
    }
    let message = match nearest(&text, E::KNOWN.iter().map(|known| known.name)) {
        Some(meant) => {
            entries.mention(meant);
            format!("unknown attribute `{text}`, did you mean `{meant}`? ({})", accepted::<E>())
        }
        None => format!("unknown attribute `{text}`: {}", accepted::<E>()),
    };
    Err(syn::Error::new_spanned(&name, message))
}

/// The entries that a place accepts, in words.
fn accepted<E: Entries>() -> String {
    let usages: Vec<String> = E::KNOWN.iter().map(|known| format!("`{}`", known.usage)).collect();
    match usages.as_slice() {
        [] => format!("nothing is allowed on {}", E::PLACE),
        [one] => format!("only {one} is allowed on {}", E::PLACE),
        _ => format!("allowed on {} are {}", E::PLACE, usages.join(", ")),
    }
}

/// Takes the rest of an entry. Commas between angle brackets belong to it.
fn take_until_comma(input: ParseStream<'_>) -> TokenStream {
    let mut taken = TokenStream::new();
    let mut depth = 0_usize;
    while !(input.is_empty() || depth == 0 && input.peek(Token![,])) {
        match input.parse::<TokenTree>() {
            Ok(tree) => {
                if let TokenTree::Punct(punct) = &tree {
                    match punct.as_char() {
                        '<' => depth += 1,
                        '>' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                }
                tree.to_tokens(&mut taken);
            }
            Err(_) => break,
        }
    }
    taken
}

/// Reads `= value`; `what` says what the value should be, `usage` how the entry is written.
pub(crate) fn value<T: Parse>(name: &Ident, input: ParseStream<'_>, what: &str, usage: &str) -> syn::Result<T> {
    let text = name.unraw();
    if input.is_empty() || input.peek(Token![,]) {
        return Err(syn::Error::new_spanned(name, format_args!("`{text}` needs a value here, as in `{usage}`")));
    }
    if !input.peek(Token![=]) {
        let found = take_until_comma(input);
        let message = format!("expected `=` after `{text}`, found `{found}`: write `{usage}`");
        return Err(syn::Error::new_spanned(found, message));
    }
    let equals: Token![=] = input.parse()?;
    let ahead = input.fork();
    if let Ok(value) = ahead.parse()
        && is_whole::<T>(input, &ahead)
    {
        input.advance_to(&ahead);
        return Ok(value);
    }
    let found = take_until_comma(input);
    Err(if found.is_empty() {
        syn::Error::new_spanned(
            quote!(#name #equals),
            format_args!("expected {what} after `{text} =`, as in `{usage}`"),
        )
    } else {
        let message = format!("expected {what}, found `{found}`: write `{usage}`");
        syn::Error::new_spanned(found, message)
    })
}

/// Whether what was read from `input` up to `end` is a whole value: nothing in parentheses was left over, and what follows
/// is a comma, or the name of an entry, before which a comma is missing.
fn is_whole<T: Parse>(input: ParseStream<'_>, end: ParseStream<'_>) -> bool {
    if !(end.is_empty() || end.peek(Token![,]) || end.peek(Ident::peek_any)) {
        return false;
    }
    let rest = input.fork();
    let read = std::iter::from_fn(|| (rest.cursor() < end.cursor()).then(|| rest.parse::<TokenTree>().ok()).flatten());
    syn::parse2::<T>(read.collect()).is_ok()
}

/// Reads `(A, b::C)`: a list of at least one; `what` says what its parts should be, `usage` how the entry is written.
pub(crate) fn list<T: Parse>(name: &Ident, input: ParseStream<'_>, what: &str, usage: &str) -> syn::Result<Vec<T>> {
    let text = name.unraw();
    if !input.peek(Paren) {
        let found = take_until_comma(input);
        return Err(if found.is_empty() {
            syn::Error::new_spanned(name, format_args!("`{text}` needs a list here, as in `{usage}`"))
        } else {
            let message = format!("expected a list in parentheses after `{text}`, found `{found}`: write `{usage}`");
            syn::Error::new_spanned(found, message)
        });
    }
    let content;
    parenthesized!(content in input);
    let mut parts = Vec::new();
    while !content.is_empty() {
        let ahead = content.fork();
        match ahead.parse() {
            Ok(part) if ahead.is_empty() || ahead.peek(Token![,]) => {
                content.advance_to(&ahead);
                parts.push(part);
            }
            _ => {
                let found = take_until_comma(&content);
                // What follows is not read, and no mistake.
                let _ = content.parse::<TokenStream>();
                let message = format!("expected {what}, found `{found}`: write `{usage}`");
                return Err(if found.is_empty() {
                    syn::Error::new(content.span(), format_args!("expected {what}, found a comma: write `{usage}`"))
                } else {
                    syn::Error::new_spanned(found, message)
                });
            }
        }
        let _ = content.parse::<Option<Token![,]>>();
    }
    if parts.is_empty() {
        return Err(syn::Error::new_spanned(name, format_args!("`{text}` is empty: write `{usage}`, or remove it")));
    }
    Ok(parts)
}

/// Reads nothing: the entry has no value. `why` says what to do instead of giving one.
pub(crate) fn flag(name: &Ident, input: ParseStream<'_>, why: &str) -> syn::Result<()> {
    if input.is_empty() || input.peek(Token![,]) {
        return Ok(());
    }
    let found = take_until_comma(input);
    Err(syn::Error::new_spanned(&found, format_args!("`{}` takes no value here, found `{found}`: {why}", name.unraw())))
}

/// The path inside a string, as in `with = "serde_bytes"`.
pub(crate) fn path_in(literal: &LitStr, what: &str) -> syn::Result<Path> {
    literal.parse_with(Path::parse_mod_style).map_err(|_| {
        syn::Error::new(literal.span(), format_args!("expected {what}, found `{}`", literal.to_token_stream()))
    })
}

/// The path of the crate `kvstore`: in a string, or as it is, so that macros can say `$crate`.
pub(crate) struct CratePath(pub(crate) Path);

impl Parse for CratePath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.peek(LitStr) {
            let literal: LitStr = input.parse()?;
            return Ok(Self(path_in(&literal, "the path of the crate `kvstore`")?));
        }
        Ok(Self(input.call(Path::parse_mod_style)?))
    }
}

/// The path of a derive macro, which has no arguments.
pub(crate) struct DerivePath(pub(crate) Path);

impl Parse for DerivePath {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        Ok(Self(input.call(Path::parse_mod_style)?))
    }
}

/// The documentation of an item.
pub(crate) fn docs(attributes: &[Attribute]) -> Vec<&Attribute> {
    attributes.iter().filter(|attribute| attribute.path().is_ident("doc")).collect()
}

/// The lints that the program allows or expects on an item or in it. Generated code repeats its types, at the same
/// places, so it must not bring the warnings back.
pub(crate) fn allowed_lints<'a>(attributes: impl IntoIterator<Item = &'a [Attribute]>) -> TokenStream {
    let lists = attributes.into_iter().flatten().filter_map(|attribute| match &attribute.meta {
        Meta::List(list) if list.path.is_ident("allow") || list.path.is_ident("expect") => Some(&list.tokens),
        _ => None,
    });
    quote!(#(#[allow(#lists)])*)
}

/// The place of `packed` in `#[repr(packed)]`, where it stands: its fields can't be borrowed.
pub(crate) fn packed(attributes: &[Attribute]) -> Option<TokenTree> {
    let mut lists = attributes.iter().filter(|a| a.path().is_ident("repr")).filter_map(|a| a.meta.require_list().ok());
    lists.find_map(|list| {
        list.tokens.clone().into_iter().find(|tree| matches!(tree, TokenTree::Ident(ident) if ident == "packed"))
    })
}
