use proc_macro2::TokenStream;
use quote::quote;

use super::derive;
use crate::errors::messages;

/// The traits implemented for an input without mistakes, by their last segment.
fn traits(input: TokenStream) -> Vec<String> {
    let tokens = derive(input);
    assert_eq!(messages(tokens.clone()), [""; 0]);
    let text = tokens.to_string();
    let impls = text.split("automatically_derived").skip(1).filter_map(|item| {
        let head = item.split_once(" for ")?.0;
        let path = head.split("::").last()?;
        Some(path.split('<').next()?.trim().to_owned())
    });
    impls.collect()
}

fn mistake(input: TokenStream) -> String {
    let mut messages = messages(derive(input));
    assert_eq!(messages.len(), 1, "{messages:#?}");
    messages.remove(0)
}

#[test]
fn one_field_is_a_newtype_and_more_have_prefixes() {
    for (input, more) in [
        (
            quote!(
                struct Id(u64);
            ),
            &["Newtype"][..],
        ),
        (
            quote!(
                struct Id {
                    raw: u64,
                }
            ),
            &["Newtype"],
        ),
        (
            quote!(
                struct Id<T>(u64, PhantomData<T>);
            ),
            &["Newtype"],
        ),
        (
            quote!(
                struct Id(u64, u8);
            ),
            &["KeyPrefixCodec", "KeyPrefixCodec"],
        ),
        (
            quote!(
                struct Id {
                    a: u64,
                    b: u8,
                    c: u8,
                }
            ),
            &["KeyPrefixCodec", "KeyPrefixCodec", "KeyPrefixCodec"],
        ),
        (
            quote!(
                enum Level {
                    Low,
                    High(u8),
                    r#Other { a: u8, b: u8 },
                }
            ),
            &["KeyPrefixCodec"; 3],
        ),
        (
            quote!(
                #[key(as = "u64")]
                struct At {
                    time: Instant,
                }
            ),
            &[],
        ),
    ] {
        assert_eq!(traits(input.clone()), [&["KeyCodec", "DerivedKey"], more].concat(), "{input}");
    }
}

#[test]
fn variants_with_fields_are_constants() {
    let tokens = derive(quote!(
        pub enum Event {
            Idle,
            HTTPDone(u8),
            r#Moved {
                from: u8,
            },
            #[key(prefix = GONE)]
            Removed(u8),
            UPPER(u8),
            Upper(u8),
        }
    ))
    .to_string();
    for (name, number) in [("HTTP_DONE", 1), ("MOVED", 2), ("GONE", 3)] {
        assert!(
            tokens.contains(&format!("pub const {name} : :: kvstore :: KeyVariant < Event , {number} >")),
            "{tokens}"
        );
    }
    assert!(!tokens.contains("const UPPER") && !tokens.contains("const IDLE") && !tokens.contains("const REMOVED"));
}

#[test]
fn the_path_of_the_runtime_can_be_given() {
    let tokens = derive(quote!(
        #[key(crate = "crate::db")]
        struct Id(u64, u8);
    ))
    .to_string();
    assert!(tokens.contains("crate :: db :: Shape") && !tokens.contains("kvstore ::"), "{tokens}");
}

#[test]
fn what_can_not_be_a_key_is_refused_with_its_reason() {
    for (input, start) in [
        (
            quote!(
                struct Id;
            ),
            "`Id` has no fields",
        ),
        (
            quote!(
                struct Id {}
            ),
            "`Id` has no fields",
        ),
        (
            quote!(
                enum Level {}
            ),
            "`Level` has no variants",
        ),
        (
            quote!(
                enum Level {
                    A = 1,
                    B,
                }
            ),
            "found a discriminant on `A`",
        ),
        (quote!(union U { a: u8 }), "found a union"),
        (
            quote!(
                struct Id<T>(Vec<T>);
            ),
            "found type parameter `T` in a field",
        ),
        (
            quote!(
                struct Id<'a>(&'a str);
            ),
            "found generic parameter `'a`",
        ),
        (
            quote!(
                struct Id<const N: usize>([u8; N]);
            ),
            "found generic parameter `const N : usize`",
        ),
        (
            quote!(
                struct Id<T>(PhantomData<T>);
            ),
            "`Id` has no fields",
        ),
        (
            quote!(
                #[key(as = "u64")]
                struct Id<T>(u64, PhantomData<T>);
            ),
            "found generic parameters on a type that is kept as another key",
        ),
        (
            quote!(
                enum Event {
                    HTTPDone(u8),
                    HttpDone(u8),
                }
            ),
            "the variants `HTTPDone` and `HttpDone` both are `HTTP_DONE`",
        ),
        (
            quote!(
                #[repr(packed)]
                struct Id(u8, u16);
            ),
            "found a packed struct",
        ),
    ] {
        let message = mistake(input);
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn entries_have_their_place_and_value() {
    for (input, start) in [
        (
            quote!(
                #[key(crat = "x")]
                struct Id(u8);
            ),
            "unknown attribute `crat`, did you mean `crate`?",
        ),
        (
            quote!(
                #[key(crate = "x", crate = "y")]
                struct Id(u8);
            ),
            "`crate` is given more than once",
        ),
        (
            quote!(
                #[key(crate = 3)]
                struct Id(u8);
            ),
            "expected the path of the crate `kvstore`, found `3`",
        ),
        (
            quote!(
                #[key(crate = "x y")]
                struct Id(u8);
            ),
            "expected the path of the crate `kvstore`",
        ),
        (
            quote!(
                #[key]
                struct Id(u8);
            ),
            "expected `key(...)`",
        ),
        (
            quote!(
                struct Id(#[key(crate = "x")] u8);
            ),
            "`crate` belongs on the type",
        ),
        (
            quote!(
                enum Id {
                    #[key(name = "x")]
                    A,
                }
            ),
            "unknown attribute `name`",
        ),
    ] {
        let message = mistake(input);
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn conversions_former_names_and_constants_are_checked() {
    for (input, start) in [
        (
            quote!(
                #[key(as = u64)]
                struct Id(u8);
            ),
            "expected a string, found `u64`",
        ),
        (
            quote!(
                #[key(as = "u64 u8")]
                struct Id(u8);
            ),
            "expected a key type, found `\"u64 u8\"`",
        ),
        (
            quote!(
                #[key(alias = "x")]
                struct Id(u8, u8);
            ),
            "`alias` belongs on a field",
        ),
        (
            quote!(
                struct Id(#[key(alias = "x")] u8, u8);
            ),
            "found a former name of a field that has no name",
        ),
        (
            quote!(
                struct Id {
                    #[key(alias = "a b")]
                    a: u8,
                    b: u8,
                }
            ),
            "expected the former name of the field, found `\"a b\"`",
        ),
        (
            quote!(
                enum Id {
                    #[key(prefix = A)]
                    A,
                }
            ),
            "found `prefix` on `A`, which has no fields",
        ),
        (
            quote!(
                #[key(as = "u64")]
                enum Id {
                    #[key(prefix = B)]
                    A(u8),
                }
            ),
            "found an attribute in a type that is kept as another key",
        ),
    ] {
        let message = mistake(input);
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn names_that_are_taken_are_refused() {
    for (input, start) in [
        (
            quote!(
                #[key(as = "Id")]
                struct Id(u64);
            ),
            "found the type itself: `as` names another key type",
        ),
        (
            quote!(
                enum Id {
                    #[key(prefix = Open)]
                    Pending(u8),
                    r#Open,
                }
            ),
            "`Open` is the name of a variant",
        ),
        (
            quote!(
                struct Id {
                    #[key(alias = "a")]
                    a: u8,
                    b: u8,
                }
            ),
            "`a` is the present name of the field",
        ),
        (
            quote!(
                struct Id {
                    #[key(alias = "b")]
                    a: u8,
                    r#b: u8,
                }
            ),
            "`b` is the name of another field: as a former name of `a`",
        ),
        (
            quote!(
                struct Id {
                    #[key(alias = "old", alias = "older")]
                    a: u8,
                    #[key(alias = "old")]
                    b: u8,
                }
            ),
            "`old` is a former name of `a` already",
        ),
        (
            quote!(
                struct Id<T>(u8, #[key(alias = "x")] PhantomData<T>);
            ),
            "found a former name of a `PhantomData`",
        ),
    ] {
        let message = mistake(input);
        assert!(message.starts_with(start), "{message}");
    }
}

#[test]
fn the_impls_are_emitted_beside_the_errors() {
    for input in [
        quote!(
            struct Id;
        ),
        quote!(
            enum Level {
                A = 1,
            }
        ),
        quote!(
            struct Id<'a, T: Clone>(&'a T);
        ),
        quote!(
            enum Level {
                High { _: u8, _: u8 },
            }
        ),
    ] {
        let tokens = derive(input).to_string();
        assert!(tokens.contains("DerivedKey for"), "{tokens}");
    }
}

#[test]
fn enums_of_any_size_have_two_byte_numbers() {
    let variants = (0..300).map(|number| quote::format_ident!("V{number}"));
    let tokens = derive(quote!(enum Level { #(#variants),* })).to_string();
    assert!(tokens.contains("extend (__kvstore_out , & [1 , 43])"), "the number of V299");
}
