//! The derives: whatever they are given, what they answer are items, and where none of these is an error, the `impl` is
//! among them.
//!
//! An input is the text of an item. What stands in parentheses behind `__group` is a group without delimiters, as
//! `macro_rules` make them.

use std::path::Path;
use std::sync::OnceLock;
use std::{fs, io};

use fastrand::Rng;
use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::{Expr, Item, Stmt};

use crate::{Target, Verdict, mutate};

pub(crate) const TARGET: Target = Target { name: "derive", stack: 64 << 20, check, sample, mutate: change };

/// Longer inputs are of no use.
const MOST: usize = 4 << 10;

const GROUP: &str = "__group";

/// What changed inputs are made of, beside parts of other inputs.
const WORDS: &[&str] = &[
    "#[store(key)]",
    "#[store(key = String)]",
    "#[store(default)]",
    "#[store(default = Self::LIMIT)]",
    "#[store(with = \"serde_bytes\")]",
    "#[store(skip)]",
    "#[store(type = \"Name\")]",
    "#[store]",
    "#[store = 1]",
    "#[store[key]]",
    "#[key(crate = \"::a\")]",
    "#[repr(packed)]",
    "#[allow(unused)]",
    "#[expect(unused, reason = \"none\")]",
    "/// Text.",
    "key = (String, u64)",
    "namespace = \"jobs\"",
    "version = 1",
    "crate = \"a::b\"",
    "init = New",
    "store = r#type",
    "guard = Job",
    "default = { let x = |y| y; x(1) }",
    "kye",
    "=",
    ",",
    ";",
    ":",
    "::",
    "<",
    ">",
    "&",
    "?",
    "..",
    "'a",
    "_",
    "!",
    "\"\"",
    "\"a b\"",
    "1_u32",
    "0xFF",
    "1.5",
    "b\"x\"",
    "c\"x\"",
    "'x'",
    "r#\"x\"#",
    "Self",
    "r#type",
    "self",
    "_x",
    "Ünicode",
    "u8",
    "String",
    "str",
    "[u8]",
    "[u8; N]",
    "&'static str",
    "Option<Option<u8>>",
    "std::vec::Vec<u8>",
    "Box<dyn A + Send>",
    "impl A",
    "<A as B>::C<D>",
    "fn(A) -> B",
    "*const u8",
    "a!(b)",
    "__group(Vec<u8>)",
    "pub",
    "pub(crate)",
    "pub(in a::b)",
    "where",
    "where A: B",
    "for<'a>",
    "<'a, T: A = B, const N: usize = 3>",
    "const",
    "async",
    "unsafe",
    "struct A;",
    "struct A(u8, String);",
    "enum A { B, C(u8) = 1 }",
    "union A { b: u8 }",
    "{}",
    "()",
];

fn check(input: &[u8]) -> Result<Verdict, String> {
    let text = std::str::from_utf8(input).ok().filter(|text| text.len() <= MOST);
    let Some(Ok(tokens)) = text.map(str::parse::<TokenStream>) else { return Ok(Verdict::Refused) };
    let item = grouped(tokens);
    let is_store = derives(kvstore_inside::derive_store, &item, "Store")?;
    let is_key = derives(kvstore_inside::derive_key, &item, "DerivedKey")?;
    Ok(if is_store || is_key { Verdict::Accepted } else { Verdict::Refused })
}

/// The tokens with groups without delimiters where there were some in words.
fn grouped(tokens: TokenStream) -> TokenStream {
    let mut result: Vec<TokenTree> = Vec::new();
    for tree in tokens {
        let TokenTree::Group(group) = tree else {
            result.push(tree);
            continue;
        };
        let is_marked = matches!(result.last(), Some(TokenTree::Ident(ident)) if ident == GROUP);
        let delimiter = if is_marked { Delimiter::None } else { group.delimiter() };
        if is_marked {
            result.pop();
        }
        result.push(Group::new(delimiter, grouped(group.stream())).into());
    }
    result.into_iter().collect()
}

/// Whether a derive makes an `impl` of its trait for the item, without an error.
pub(crate) fn derives(derive: fn(TokenStream) -> TokenStream, item: &TokenStream, name: &str) -> Result<bool, String> {
    let items = derive(item.clone());
    if derive(item.clone()).to_string() != items.to_string() {
        return Err(format!("derive({name}) answers something else each time"));
    }
    let items = syn::parse2::<syn::File>(items).map_err(|error| format!("derive({name}) makes no items: {error}"))?;
    let mut errors = items.items.iter().filter_map(|item| match item {
        Item::Macro(item) if item.mac.path.segments.last().is_some_and(|last| last.ident == "compile_error") => {
            Some(item.mac.parse_body::<syn::LitStr>())
        }
        _ => None,
    });
    match errors.next() {
        None if implements(&items.items, name) => Ok(true),
        None => Err(format!("derive({name}) makes neither an error nor an `impl`")),
        Some(Ok(message)) if !message.value().is_empty() => Ok(false),
        Some(_) => Err(format!("derive({name}) makes an error without a message")),
    }
}

/// Whether the trait is implemented among the items, or in the block of a constant.
fn implements(items: &[Item], name: &str) -> bool {
    items.iter().any(|item| match item {
        Item::Const(item) => match &*item.expr {
            Expr::Block(block) => block.block.stmts.iter().any(|stmt| match stmt {
                Stmt::Item(item) => implements(std::slice::from_ref(item), name),
                _ => false,
            }),
            _ => false,
        },
        Item::Impl(item) => {
            let path = item.trait_.as_ref().map(|(path, _)| path);
            path.and_then(|path| path.segments.last()).is_some_and(|last| last.ident == name)
        }
        _ => false,
    })
}

/// An item of the tests of the derives, right or wrong.
fn sample(rng: &mut Rng) -> Vec<u8> {
    static ITEMS: OnceLock<Vec<String>> = OnceLock::new();
    let items = ITEMS.get_or_init(|| {
        let mut items = vec!["#[store(key = String)] struct Job { owner: String }".to_owned()];
        // Without them there is less to start from, no more.
        let _ = read_items(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../derive"), &mut items);
        items
    });
    rng.choice(items).cloned().unwrap_or_default().into_bytes()
}

/// The items with attributes in all sources under a folder.
fn read_items(folder: &Path, items: &mut Vec<String>) -> io::Result<()> {
    let paths: io::Result<Vec<_>> = fs::read_dir(folder)?.map(|entry| Ok(entry?.path())).collect();
    let mut paths = paths?;
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_items(&path, items)?;
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && let Ok(file) = syn::parse_file(&fs::read_to_string(&path)?)
        {
            take_items(file.items, items);
        }
    }
    Ok(())
}

fn take_items(from: Vec<Item>, items: &mut Vec<String>) {
    for mut item in from {
        let attributes = match &mut item {
            Item::Struct(item) => &mut item.attrs,
            Item::Enum(item) => &mut item.attrs,
            Item::Union(item) => &mut item.attrs,
            Item::Mod(module) => {
                take_items(module.content.take().map(|(_, items)| items).unwrap_or_default(), items);
                continue;
            }
            _ => continue,
        };
        let count = attributes.len();
        attributes.retain(|attribute| !attribute.path().is_ident("derive"));
        if attributes.len() < count {
            items.push(item.to_token_stream().to_string());
        }
    }
}

/// Changes the text in one place: a token or several where it can be read as such, otherwise bytes.
fn change(rng: &mut Rng, input: &mut Vec<u8>, other: &[u8]) {
    let parse = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<TokenStream>().ok();
    match parse(input) {
        Some(tokens) if rng.u8(..16) > 0 => {
            let mut trees: Vec<_> = tokens.into_iter().collect();
            let mut parts = Vec::new();
            collect(parse(other).unwrap_or_default(), &mut parts);
            change_trees(rng, &mut trees, &parts);
            *input = trees.into_iter().collect::<TokenStream>().to_string().into_bytes();
        }
        _ => mutate::bytes(rng, input, other),
    }
    if input.len() > MOST {
        input.clear();
    }
}

/// The trees at all levels.
fn collect(tokens: TokenStream, trees: &mut Vec<TokenTree>) {
    for tree in tokens {
        if let TokenTree::Group(group) = &tree {
            collect(group.stream(), trees);
        }
        trees.push(tree);
    }
}

/// Changes the trees in one place, most often within a group.
fn change_trees(rng: &mut Rng, trees: &mut Vec<TokenTree>, parts: &[TokenTree]) {
    let groups: Vec<_> = (0..trees.len()).filter(|&index| matches!(trees[index], TokenTree::Group(_))).collect();
    if rng.u8(..4) > 0
        && let Some(&index) = rng.choice(&groups)
        && let TokenTree::Group(group) = &trees[index]
    {
        let mut inner: Vec<_> = group.stream().into_iter().collect();
        change_trees(rng, &mut inner, parts);
        trees[index] = Group::new(group.delimiter(), inner.into_iter().collect()).into();
        return;
    }
    let start = rng.usize(..=trees.len());
    let end = start + rng.usize(..=3.min(trees.len() - start));
    match rng.u8(..8) {
        0 => drop(trees.drain(start..end)),
        1 => {
            let again = trees[start..end].to_vec();
            trees.splice(start..start, again);
        }
        2 if end < trees.len() => trees.swap(start, end),
        3 => {
            let wrapped = trees.drain(start..end).collect();
            let delimiter = *rng
                .choice(&[Delimiter::Parenthesis, Delimiter::Bracket, Delimiter::Brace])
                .unwrap_or(&Delimiter::Brace);
            trees.insert(start, Group::new(delimiter, wrapped).into());
            if rng.bool() {
                trees.insert(start, Ident::new(GROUP, Span::call_site()).into());
            }
        }
        4 => {
            if let Some(&index) = rng.choice(&groups)
                && let TokenTree::Group(group) = trees.remove(index)
            {
                trees.splice(index..index, group.stream());
            }
        }
        5 => {
            let part = rng.choice(parts).cloned();
            trees.splice(start..end, part);
        }
        insert => {
            let words: TokenStream = rng.choice(WORDS).and_then(|words| words.parse().ok()).unwrap_or_default();
            let end = if insert == 6 { start } else { end };
            trees.splice(start..end, words);
        }
    }
}
