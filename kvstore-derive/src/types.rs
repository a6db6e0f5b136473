//! What the derives ask about types, which they see as written only: an alias of a collection is not known to be one.

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::ext::IdentExt;
use syn::visit_mut::{self, VisitMut};
use syn::{AngleBracketedGenericArguments, GenericArgument, Ident, PathArguments, PathSegment, Type, TypePath};

/// The type without the parentheses, and without the invisible delimiters in which `macro_rules` hands it over.
pub(crate) fn bare(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => bare(&group.elem),
        Type::Paren(paren) => bare(&paren.elem),
        other => other,
    }
}

fn last_segment(ty: &Type) -> Option<&PathSegment> {
    match bare(ty) {
        Type::Path(path) if path.qself.is_none() => path.path.segments.last(),
        _ => None,
    }
}

/// A type that is a name without a path and arguments.
pub(crate) fn name(ty: &Type) -> Option<String> {
    match bare(ty) {
        Type::Path(TypePath { qself: None, path, .. }) => path.get_ident().map(ToString::to_string),
        _ => None,
    }
}

fn is_option(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "Option")
}

/// A type of the standard library that the derive knows.
pub(crate) struct StdType {
    name: &'static str,
    /// The modules in which it is found, the outer ones first.
    modules: &'static [&'static str],
    /// How many type arguments it takes: a hasher may be left out.
    arguments: std::ops::RangeInclusive<usize>,
    /// Whether a field of this type starts empty without being told to.
    pub(crate) starts_empty: bool,
    /// What it asks of its first argument.
    pub(crate) asks: Option<Asks>,
}

/// What a collection asks of its elements or keys.
#[derive(Clone, Copy)]
pub(crate) enum Asks {
    /// `Ord`
    Order,
    /// `Eq + Hash`
    Hash,
}

const fn std_type(name: &'static str, modules: &'static [&'static str], arguments: (usize, usize)) -> StdType {
    StdType { name, modules, arguments: arguments.0..=arguments.1, starts_empty: true, asks: None }
}

const fn asking(asks: Asks, ty: StdType) -> StdType {
    StdType { asks: Some(asks), ..ty }
}

const STD_TYPES: [StdType; 10] = [
    std_type("Option", &["option"], (1, 1)),
    StdType { starts_empty: false, ..std_type("Box", &["boxed"], (1, 1)) },
    std_type("Vec", &["vec"], (1, 1)),
    std_type("VecDeque", &["collections", "vec_deque"], (1, 1)),
    std_type("LinkedList", &["collections", "linked_list"], (1, 1)),
    asking(Asks::Order, std_type("BinaryHeap", &["collections", "binary_heap"], (1, 1))),
    asking(Asks::Order, std_type("BTreeMap", &["collections", "btree_map"], (2, 2))),
    asking(Asks::Order, std_type("BTreeSet", &["collections", "btree_set"], (1, 1))),
    asking(Asks::Hash, std_type("HashMap", &["collections", "hash_map"], (2, 3))),
    asking(Asks::Hash, std_type("HashSet", &["collections", "hash_set"], (1, 2))),
];

/// The type of the standard library that is meant by a type, as far as its path and its arguments tell: `Vec<u8>`,
/// `vec::Vec<u8>` or `std::vec::Vec<u8>`, and neither `heapless::Vec<u8>` nor `Vec<u8, 4>`.
pub(crate) fn known(ty: &Type) -> Option<&'static StdType> {
    let Type::Path(TypePath { qself: None, path, .. }) = bare(ty) else { return None };
    let mut segments: Vec<&PathSegment> = path.segments.iter().collect();
    let last = segments.pop()?;
    let known = STD_TYPES.iter().find(|known| last.ident == known.name)?;
    let PathArguments::AngleBracketed(arguments) = &last.arguments else { return None };
    let are_types = arguments.args.iter().all(|argument| matches!(argument, GenericArgument::Type(_)));
    if !are_types || !known.arguments.contains(&arguments.args.len()) {
        return None;
    }
    let is_absolute =
        segments.first().is_some_and(|root| ["std", "core", "alloc"].iter().any(|name| root.ident == name));
    let modules = if is_absolute { segments.get(1..)? } else { &segments };
    let is = |expected: &[&str]| {
        modules.len() == expected.len() && modules.iter().zip(expected).all(|(module, name)| module.ident == name)
    };
    // Its module is imported, or the type itself is.
    let is_imported = path.leading_colon.is_none() && !is_absolute;
    let [first, rest @ ..] = known.modules else { return None };
    let is_found =
        is(known.modules) || is(&[first]) || is_imported && (modules.is_empty() || !rest.is_empty() && is(rest));
    (is_found && (is_absolute || path.leading_colon.is_none())).then_some(known)
}

/// Whether a field of this type starts empty without being told to: a collection of the standard library, or an `Option`.
pub(crate) fn starts_empty(ty: &Type) -> bool {
    known(ty).is_some_and(|known| known.starts_empty)
}

/// Whether a field of this type is an element-wise collection.
pub(crate) fn is_elements(ty: &Type) -> bool {
    const COLLECTIONS: [&str; 3] = ["ElementMap", "ElementSet", "ElementDeque"];
    last_segment(ty).is_some_and(|segment| COLLECTIONS.iter().any(|collection| segment.ident == collection))
}

/// The first element-wise collection inside a type, the type itself aside.
pub(crate) fn nested_elements(ty: &Type) -> Option<&Type> {
    parts(ty).into_iter().find_map(|part| if is_elements(part) { Some(bare(part)) } else { nested_elements(part) })
}

/// The types that a type is made of, in order.
pub(crate) fn parts(ty: &Type) -> Vec<&Type> {
    match bare(ty) {
        Type::Array(array) => vec![&array.elem],
        Type::Slice(slice) => vec![&slice.elem],
        Type::Tuple(tuple) => tuple.elems.iter().collect(),
        _ => match last_segment(ty).map(|segment| &segment.arguments) {
            Some(PathArguments::AngleBracketed(list)) => list
                .args
                .iter()
                .filter_map(|argument| match argument {
                    GenericArgument::Type(ty) => Some(ty),
                    _ => None,
                })
                .collect(),
            _ => Vec::new(),
        },
    }
}

/// Whether a field of this type has no value, only a type.
pub(crate) fn is_phantom(ty: &Type) -> bool {
    last_segment(ty).is_some_and(|segment| segment.ident == "PhantomData")
}

/// What must be a key for a type to be one: the parts of a tuple, what is in an `Option` or a `Reverse`, or the type.
pub(crate) fn key_parts(ty: &Type) -> Vec<&Type> {
    let holds_keys = match bare(ty) {
        Type::Tuple(tuple) => (1..=6).contains(&tuple.elems.len()),
        _ => last_segment(ty).is_some_and(|segment| segment.ident == "Option" || segment.ident == "Reverse"),
    };
    match parts(ty) {
        parts if holds_keys && !parts.is_empty() => parts.into_iter().flat_map(key_parts).collect(),
        _ => vec![ty],
    }
}

/// The first `Option<Option<_>>` in a type.
pub(crate) fn nested_option(ty: &Type) -> Option<&Type> {
    if is_option(ty) && parts(ty).into_iter().any(is_option) {
        return Some(bare(ty));
    }
    parts(ty).into_iter().find_map(nested_option)
}

/// Whether values of the type can only be held behind a pointer: `str`, `[u8]`, `dyn Trait`.
pub(crate) fn is_unsized(ty: &Type) -> bool {
    match bare(ty) {
        Type::Slice(_) | Type::TraitObject(_) => true,
        Type::Path(path) => path.path.is_ident("str"),
        _ => false,
    }
}

/// The first thing in a type that belongs to somebody else: a reference, or what one points to. A `Box<str>` or an
/// `Arc<[u8]>` owns what it points to. What is `'static` may be a marker: in a `PhantomData`, or in a type of the program's
/// own, of which the compiler finds out whether it borrows.
pub(crate) fn borrowed(ty: &Type) -> Option<&Type> {
    if matches!(bare(ty), Type::Reference(_)) || is_unsized(ty) {
        return Some(bare(ty));
    }
    let may_point = matches!(bare(ty), Type::Path(_));
    let found = parts(ty).into_iter().filter(|part| !(may_point && is_unsized(part))).find_map(borrowed);
    found.filter(|found| !(takes_markers(ty) && is_static(found)))
}

/// Whether the arguments of a type may be markers.
fn takes_markers(ty: &Type) -> bool {
    const HOLDING: [&str; 8] = ["Option", "Reverse", "Box", "Arc", "Rc", "ElementMap", "ElementSet", "ElementDeque"];
    let name = last_segment(ty).map(|segment| &segment.ident);
    known(ty).is_none() && name.is_some_and(|name| !HOLDING.iter().any(|holding| name == holding))
}

fn is_static(ty: &Type) -> bool {
    match bare(ty) {
        Type::Reference(reference) => reference.lifetime.as_ref().is_some_and(|lifetime| lifetime.ident == "static"),
        _ => false,
    }
}

/// The first part of a type that stands for another one: `impl Trait`, `_`, `!`.
pub(crate) fn unwritten(ty: &Type) -> Option<&Type> {
    match bare(ty) {
        found @ (Type::ImplTrait(_) | Type::Infer(_) | Type::Never(_)) => Some(found),
        _ => parts(ty).into_iter().find_map(unwritten),
    }
}

/// Whether a type says a lifetime. The compiler finds out whether that can be any only when the types are known.
pub(crate) fn has_lifetime(ty: &Type) -> bool {
    fn any(tokens: TokenStream) -> bool {
        tokens.into_iter().any(|tree| match tree {
            TokenTree::Punct(punct) => punct.as_char() == '\'',
            TokenTree::Group(group) => any(group.stream()),
            _ => false,
        })
    }
    any(ty.to_token_stream())
}

/// The name under which the catalog keeps a type: as written, without blanks, each path cut to its last segment.
pub(crate) fn catalog_name(ty: &Type) -> String {
    struct Cut;
    impl VisitMut for Cut {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            let inner = bare(ty).clone();
            *ty = inner;
            visit_mut::visit_type_mut(self, ty);
        }
        fn visit_type_path_mut(&mut self, path: &mut TypePath) {
            if path.qself.is_none() {
                self.visit_path_mut(&mut path.path);
            } else {
                // `<a::B as c::D>::E`: `position` counts the segments of the trait.
                if let Some(qself) = &mut path.qself {
                    self.visit_type_mut(&mut qself.ty);
                    let cut = qself.position.saturating_sub(1);
                    qself.position -= cut;
                    path.path.leading_colon = None;
                    path.path.segments = std::mem::take(&mut path.path.segments).into_iter().skip(cut).collect();
                }
                for segment in &mut path.path.segments {
                    self.visit_path_arguments_mut(&mut segment.arguments);
                }
            }
        }
        fn visit_path_mut(&mut self, path: &mut syn::Path) {
            if let Some(last) = path.segments.pop() {
                path.leading_colon = None;
                path.segments.clear();
                path.segments.push(last);
            }
            visit_mut::visit_path_mut(self, path);
        }
        fn visit_angle_bracketed_generic_arguments_mut(&mut self, list: &mut AngleBracketedGenericArguments) {
            list.colon2_token = None;
            list.args.pop_punct();
            visit_mut::visit_angle_bracketed_generic_arguments_mut(self, list);
        }
    }
    let mut ty = ty.clone();
    Cut.visit_type_mut(&mut ty);
    let mut name = String::new();
    write(ty.to_token_stream(), Blanks::Needed, &mut name);
    name
}

/// A type as a message shows it.
pub(crate) fn written(ty: &Type) -> String {
    let mut text = String::new();
    write(ty.to_token_stream(), Blanks::Readable, &mut text);
    text
}

/// Where blanks are written.
#[derive(Clone, Copy, PartialEq)]
enum Blanks {
    /// Between two words only. The catalog has such names, so it stays so.
    Needed,
    /// Also after commas, and between a lifetime and what follows.
    Readable,
}

fn write(tokens: TokenStream, blanks: Blanks, out: &mut String) {
    let mut after_lifetime = false;
    let mut is_lifetime = false;
    for tree in tokens {
        let is_group = matches!(tree, TokenTree::Group(_));
        if blanks == Blanks::Readable && (out.ends_with(',') || after_lifetime && is_group) {
            out.push(' ');
        }
        after_lifetime = is_lifetime;
        is_lifetime = matches!(&tree, TokenTree::Punct(punct) if punct.as_char() == '\'');
        match tree {
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::None => ("", ""),
                };
                out.push_str(open);
                write(group.stream(), blanks, out);
                out.push_str(close);
            }
            tree => {
                let word = match &tree {
                    TokenTree::Ident(ident) => ident.unraw().to_string(),
                    other => other.to_string(),
                };
                let is_word = |c: char| c.is_alphanumeric() || c == '_';
                if out.ends_with(is_word) && word.starts_with(is_word) {
                    out.push(' ');
                }
                out.push_str(&word);
            }
        }
    }
}

/// The type as another item can say it: with the name of the struct in place of `Self`.
pub(crate) fn without_self(ty: &Type, name: &Ident) -> Type {
    struct Rename<'a>(&'a Ident);
    impl VisitMut for Rename<'_> {
        fn visit_ident_mut(&mut self, ident: &mut Ident) {
            if ident == "Self" {
                // The place stays that of `Self`: that is what an error should point at.
                let mut name = self.0.clone();
                name.set_span(self.0.span().located_at(ident.span()));
                *ident = name;
            }
        }
    }
    let mut ty = ty.clone();
    Rename(name).visit_type_mut(&mut ty);
    ty
}

#[cfg(test)]
mod tests {
    use quote::quote;
    use syn::parse_quote;

    use super::*;

    fn parse(tokens: TokenStream) -> Type {
        syn::parse2(tokens).unwrap()
    }

    /// A type as `macro_rules` passes it on.
    fn grouped(ty: TokenStream) -> TokenStream {
        TokenTree::Group(proc_macro2::Group::new(Delimiter::None, ty)).into()
    }

    #[test]
    fn collections_and_options_of_the_standard_library_are_told_by_their_path_and_arguments() {
        for ty in [
            quote!(Vec<u8>),
            quote!(alloc::vec::Vec<u8>),
            quote!(core::option::Option<Box<u8>>),
            quote!(collections::BTreeMap<u8, u8>),
            quote!(btree_map::BTreeMap<u8, u8>),
            quote!(std::collections::hash_map::HashMap<u8, u8, State>),
            quote!(::std::collections::HashSet<u8, State>),
            quote!(std::collections::BTreeMap<u32, String>),
            quote!((::std::option::Option<u8>)),
            grouped(quote!(HashSet<u8>)),
            quote!((((LinkedList<u8>)))),
        ] {
            assert!(starts_empty(&parse(ty.clone())), "{ty}");
        }
        for ty in [
            quote!(String),
            quote!([u8; 4]),
            quote!((Vec<u8>, u8)),
            quote!(Box<Vec<u8>>),
            quote!(<A as B>::Vec<u8>),
            quote!(heapless::Vec<u8>),
            quote!(Vec<u8, 4>),
            quote!(Vec),
            quote!(Option<'static, u8>),
            quote!(HashMap<u8>),
            quote!(im::HashMap<u8, u8>),
            quote!(std::Vec<u8>),
            quote!(std::vec_deque::Vec<u8>),
            quote!(::vec::Vec<u8>),
            quote!(crate::Option<u8>),
        ] {
            assert!(!starts_empty(&parse(ty.clone())), "{ty}");
        }
    }

    #[test]
    fn element_wise_collections_are_told_by_their_last_segment_and_found_at_any_depth() {
        for ty in [quote!(ElementMap<u8, u8>), quote!(kvstore::ElementSet<u8>), grouped(quote!((ElementDeque<u8>)))] {
            let ty = parse(ty);
            assert!(is_elements(&ty) && nested_elements(&ty).is_none() && !starts_empty(&ty));
        }
        for ty in [
            quote!(Option<ElementMap<u8, u8>>),
            quote!(Vec<(u8, [(k::ElementSet<u8>); 2])>),
            quote!(ElementMap<u8, ElementDeque<u8>>),
        ] {
            assert!(nested_elements(&parse(ty.clone())).is_some_and(is_elements), "{ty}");
        }
        assert!(!is_elements(&parse(quote!(<A as B>::ElementMap))));
    }

    #[test]
    fn what_must_be_a_key_is_found_in_tuples_and_options() {
        for (ty, expected) in [
            (quote!(JobId), &["JobId"][..]),
            (quote!((String, (Option<JobId>, cmp::Reverse<(u8, Vec<u8>)>),)), &["String", "JobId", "u8", "Vec<u8>"]),
            (quote!(Vec<(u8, u8)>), &["Vec<(u8, u8)>"]),
            (quote!((u8, u8, u8, u8, u8, u8, u8)), &["(u8, u8, u8, u8, u8, u8, u8)"]),
            (quote!(()), &["()"]),
            (quote!(Option), &["Option"]),
        ] {
            let ty = parse(ty);
            assert_eq!(key_parts(&ty).into_iter().map(written).collect::<Vec<_>>(), expected);
        }
    }

    #[test]
    fn nested_options_are_found_at_any_depth() {
        for ty in [
            quote!(Option<Option<u8>>),
            quote!(std::option::Option<(Option<u8>)>),
            quote!(Vec<(u8, [Option<Option<u8>>; 2])>),
            quote!(BTreeMap<u8, Option<Option<u8>>>),
        ] {
            assert!(nested_option(&parse(ty.clone())).is_some(), "{ty}");
        }
        for ty in [quote!(Option<Vec<Option<u8>>>), quote!(Option<(Option<u8>, u8)>), quote!(Vec<Option<u8>>)] {
            assert!(nested_option(&parse(ty.clone())).is_none(), "{ty}");
        }
    }

    #[test]
    fn what_is_borrowed_is_found_at_any_depth() {
        for ty in [
            quote!(&str),
            quote!(str),
            quote!([u8]),
            quote!(Vec<(u8, &'static str)>),
            quote!((u8, str)),
            quote!(Option<&u8>),
            quote!(Option<&'static str>),
            quote!(Id<&str>),
        ] {
            assert!(borrowed(&parse(ty.clone())).is_some(), "{ty}");
        }
        for ty in [
            quote!(String),
            quote!(Box<str>),
            quote!(Arc<[u8]>),
            quote!(Cow<'static, str>),
            quote!([u8; 4]),
            quote!(fn(&str)),
            quote!(PhantomData<&'static str>),
            quote!((Id<(u8, &'static [u8])>, u8)),
        ] {
            assert!(borrowed(&parse(ty.clone())).is_none(), "{ty}");
        }
    }

    #[test]
    fn catalog_names_are_cut_and_have_no_blanks() {
        for (ty, expected) in [
            (quote!(std::collections::BTreeMap<u32, String>), "BTreeMap<u32,String>"),
            (quote!(Vec::<std::string::String>), "Vec<String>"),
            (quote!(::uuid::Uuid), "Uuid"),
            (quote!((u8)), "u8"),
            (quote!((u8,)), "(u8,)"),
            (quote!((a::B, [c::D; 16])), "(B,[D;16])"),
            (quote!([u8; limits::N]), "[u8;N]"),
            (quote!(&'static str), "&'static str"),
            (quote!(Box<dyn a::B + Send>), "Box<dyn B+Send>"),
            (quote!(<a::B as c::D>::E<f::G>), "<B as D>::E<G>"),
            (quote!(m::r#type), "type"),
            (quote!(fn(a::B) -> c::D), "fn(B)->D"),
        ] {
            assert_eq!(catalog_name(&parse(ty)), expected);
        }
        assert_eq!(catalog_name(&parse(grouped(quote!(a::Vec<b::C>)))), "Vec<C>");
    }

    #[test]
    fn self_becomes_the_name_of_the_struct() {
        let ty = without_self(&parse_quote!(Option<Box<[Self; Self::LEN]>>), &parse_quote!(r#type));
        assert_eq!(catalog_name(&ty), "Option<Box<[type;LEN]>>");
        assert!(ty.to_token_stream().to_string().contains("r#type"));
    }
}
