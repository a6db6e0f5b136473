use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::Item;

use super::derive;
use crate::errors::messages;

/// The items of an input without mistakes.
fn items(input: TokenStream) -> Vec<Item> {
    let tokens = derive(input);
    assert_eq!(messages(tokens.clone()), [""; 0]);
    syn::parse2::<syn::File>(tokens).unwrap().items
}

/// Structs and aliases by name, each struct with the names of its fields.
fn outline(items: &[Item]) -> Vec<String> {
    let names = items.iter().filter_map(|item| match item {
        Item::Struct(item) => {
            let fields: Vec<_> = item.fields.iter().map(|field| field.ident.as_ref().unwrap().to_string()).collect();
            Some(format!("{} {{{}}}", item.ident, fields.join(" ")))
        }
        Item::Type(item) => Some(item.ident.to_string()),
        _ => None,
    });
    names.collect()
}

/// The one message of an input with one mistake.
fn mistake(input: TokenStream) -> String {
    let mut messages = messages(derive(input));
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages.remove(0)
}

#[test]
fn the_initializer_has_the_required_fields_only() {
    let items = items(quote! {
        #[store(key = String)]
        pub struct Job {
            pub owner: String,
            list: std::vec::Vec<u8>,
            option: Option<u8>,
            #[store(default)]
            zero: u8,
            #[store(default = 3)]
            three: u8,
            #[store(skip)]
            cache: Cache,
            #[store(with = "bytes")]
            data: Data,
            parent: Box<Self>,
        }
    });
    assert_eq!(outline(&items), ["JobInit {owner data parent}", "JobStore", "JobGuard"]);
    let Some(Item::Struct(init)) = items.first() else { panic!("no initializer") };
    let parent = init.fields.iter().last().unwrap();
    assert_eq!(parent.ty.to_token_stream().to_string(), "Box < Job >");
}

#[test]
fn the_key_field_is_no_field_of_the_initializer() {
    let items = items(quote! {
        struct Work { #[store(key)] id: u64, path: String }
    });
    assert_eq!(outline(&items), ["WorkInit {path}", "WorkStore", "WorkGuard"]);
}

#[test]
fn names_can_be_chosen() {
    let items = items(quote! {
        #[store(key = u8, init = NewJob, store = Jobs)]
        #[store(guard = LockedJob)]
        struct r#Job {}
    });
    assert_eq!(outline(&items), ["NewJob {}", "Jobs", "LockedJob"]);
}

#[test]
fn generated_code_says_absolute_paths_or_the_given_one() {
    let input = |attribute: TokenStream| quote!(#attribute struct Job { #[store(key)] id: u64, list: Vec<u8>, x: X });
    for (attribute, root) in [
        (quote!(), ":: kvstore :: __private"),
        (quote!(#[store(crate = "crate::db")]), "crate :: db :: __private"),
        (quote!(#[store(crate = "::kv")]), ":: kv :: __private"),
    ] {
        let tokens = derive(input(attribute)).to_string();
        assert!(tokens.contains(root), "{tokens}");
        for name in ["Some", "None", "Ok", "Err"] {
            let bare = tokens
                .split_whitespace()
                .zip(tokens.split_whitespace().skip(1))
                .any(|pair| pair.1 == name && pair.0 != "::");
            assert!(!bare, "`{name}` without a path in {tokens}");
        }
    }
}

#[test]
fn all_mistakes_are_reported_in_one_go() {
    let messages = messages(derive(quote! {
        #[store(namspace = "x", key = 5, version = 2, skip, init, key = u8, = 7, guard(G))]
        struct Job {
            #[store(defualt = 3, with = 4, skip = 5)]
            a: u8,
            #[store = "x"]
            b: Option<Option<u8>>,
        }
    }));
    let expected = [
        "unknown attribute `namspace`, did you mean `namespace`?",
        "expected a type, found `5`: write `key = String`",
        "`skip` belongs on a field, as `#[store(skip)]`, not on the struct",
        "`init` needs a value here",
        "expected a name, found `= 7`",
        "expected `=` after `guard`, found `(G)`: write `guard = LockedJob`",
        "found version `2`",
        "unknown attribute `defualt`, did you mean `default`?",
        "expected a string, found `4`: write `with = \"serde_bytes\"`",
        "`skip` takes no value here, found `= 5`",
        "expected `store(...)`",
        "found an `Option` in an `Option` in the field `b`",
    ];
    assert_eq!(messages.len(), expected.len(), "{messages:#?}");
    for expected in expected {
        assert!(messages.iter().any(|message| message.starts_with(expected)), "{expected} in {messages:#?}");
    }
}

#[test]
fn what_follows_a_mistake_in_an_attribute_is_still_read() {
    let tokens = derive(quote! {
        #[store(nonsense<A, B> = { x, y }, key = u8, init = New)]
        struct Job {}
    });
    assert_eq!(messages(tokens.clone()).len(), 1);
    assert!(tokens.to_string().contains("struct New"));
}

#[test]
fn a_misspelt_key_is_not_also_a_missing_one() {
    assert!(
        mistake(quote!(
            #[store(kye = u8)]
            struct Job {}
        ))
        .starts_with("unknown attribute `kye`")
    );
    assert!(
        mistake(quote!(
            #[store(key)]
            struct Job {}
        ))
        .starts_with("`key` needs a value here")
    );
    assert!(
        mistake(quote!(
            struct Job {
                #[store(key = u8)]
                id: u8,
            }
        ))
        .starts_with("`key` takes no value here")
    );
}

#[test]
fn every_entry_is_given_once() {
    for twice in [
        quote!(key = u8, key = u8),
        quote!(namespace = "a", namespace = "b"),
        quote!(version = 1, version = 1),
        quote!(init = A, init = B),
    ] {
        let attribute = if twice.to_string().starts_with("key") { quote!(#twice) } else { quote!(key = u8, #twice) };
        let message = mistake(quote!(
            #[store(#attribute)]
            struct Job {}
        ));
        assert!(message.ends_with("is given more than once"), "{message}");
    }
    for twice in
        [quote!(default, default), quote!(skip, skip), quote!(type = "a", type = "b"), quote!(with = "a", with = "b")]
    {
        let message = mistake(quote!(
            #[store(key = u8)]
            struct Job {
                #[store(#twice)]
                a: u8,
            }
        ));
        assert!(message.ends_with("is given more than once"), "{message}");
    }
}

#[test]
fn entries_that_contradict_each_other_are_refused() {
    for (field, name) in [
        (quote!(#[store(key, default)] a: u8), "default"),
        (quote!(#[store(key, skip)] a: u8), "skip"),
        (quote!(#[store(key, with = "m")] a: u8), "with"),
        (quote!(#[store(key)] #[store(type = "m")] a: u8), "type"),
        (quote!(#[store(key)] k: u8, #[store(skip, with = "m")] a: u8), "with"),
        (quote!(#[store(key)] k: u8, #[store(skip, type = "m")] a: u8), "type"),
    ] {
        let message = mistake(quote!(struct Job { #field }));
        assert!(message.starts_with(&format!("`{name}` has no meaning on ")), "{message}");
    }
}

#[test]
fn element_wise_collections_take_no_entries_that_speak_of_a_value() {
    for (field, start) in [
        (quote!(#[store(skip)] a: ElementSet<u8>), "`skip` has no meaning on an element-wise collection"),
        (
            quote!(#[store(default)] a: kvstore::ElementDeque<u8>),
            "`default` has no meaning on an element-wise collection",
        ),
        (quote!(#[store(with = "m")] a: ElementMap<u8, u8>), "`with` has no meaning on an element-wise collection"),
        (quote!(a: Option<ElementSet<u8>>), "found `ElementSet<u8>` inside the type of the field `a`"),
        (quote!(a: ElementDeque<(u8, ElementSet<u8>)>), "found `ElementSet<u8>` inside the type of the field `a`"),
    ] {
        let message = mistake(quote!(#[store(key = u8)] struct Job { #field }));
        assert!(message.starts_with(start), "{message}");
    }
    for input in [
        quote!(
            struct Job {
                #[store(key)]
                a: ElementSet<u8>,
            }
        ),
        quote!(
            #[store(key = ElementSet<u8>)]
            struct Job {}
        ),
    ] {
        let message = mistake(input);
        assert!(message.starts_with("found `ElementSet<u8>` as the type of the keys"), "{message}");
    }
}

#[test]
fn an_element_wise_collection_has_a_path_and_no_part_in_the_initializer() {
    let input = |attribute: TokenStream| {
        quote! {
            #[store(key = u8)]
            struct Job { pub(crate) theSteps: ElementMap<u8, u8>, #attribute tags: ElementSet<u8>, owner: String }
        }
    };
    let tokens = derive(input(quote!(#[store(type = "Tags")])));
    assert_eq!(messages(tokens.clone()), [""; 0]);
    assert_eq!(
        outline(&syn::parse2::<syn::File>(tokens.clone()).unwrap().items),
        ["JobInit {owner}", "JobStore", "JobGuard"]
    );
    let tokens = tokens.to_string();
    for path in
        ["pub (crate) const THE_STEPS : :: kvstore :: ElementPath < Job , ElementMap < u8 , u8 > >", "const TAGS :"]
    {
        assert!(tokens.contains(path), "{tokens}");
    }
    // Where an entry is wrong, the path is there all the same, so that its users are no mistakes.
    assert!(derive(input(quote!(#[store(skip)]))).to_string().contains("const TAGS :"));
}

#[test]
fn generated_names_differ_from_each_other() {
    for names in [quote!(init = A, guard = A), quote!(store = Job), quote!(guard = JobInit), quote!(init = JobStore)] {
        let message = mistake(quote!(
            #[store(key = u8, #names)]
            struct Job {}
        ));
        assert!(message.contains("have the same name"), "{message}");
    }
}

#[test]
fn items_are_emitted_for_every_shape() {
    for input in [
        quote!(
            enum Job {
                A,
            }
        ),
        quote!(
            struct Job(u8);
        ),
        quote!(
            struct Job;
        ),
        quote!(union Job { a: u8 }),
        quote!(
            struct Job<'a, T: Clone, const N: usize> {
                a: &'a [T; N],
                owner: String,
            }
        ),
        quote!(
            #[repr(C, packed)]
            struct Job {
                owner: String,
            }
        ),
        quote!(
            struct Job {
                _: String,
            }
        ),
    ] {
        let tokens = derive(quote!(#[store(key = u8)] #input));
        assert_eq!(messages(tokens.clone()).len(), 1, "{input}");
        let outline = outline(&syn::parse2::<syn::File>(tokens).unwrap().items);
        assert_eq!(outline.len(), 3, "{outline:?}");
    }
}

#[test]
fn what_is_no_item_is_an_error_and_no_panic() {
    assert_eq!(
        messages(derive(quote!(
            fn job() {}
        )))
        .len(),
        1
    );
    assert_eq!(messages(derive(TokenStream::new())).len(), 1);
}
