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
    let common = ["KeyCodec", "KeyArgCodec", "KeyArg", "Key"];
    let with = |more: &[&'static str]| [common.as_slice(), more].concat();
    assert_eq!(
        traits(quote!(
            struct Id(u64);
        )),
        with(&["Newtype"])
    );
    assert_eq!(
        traits(quote!(
            struct Id {
                raw: u64,
            }
        )),
        with(&["Newtype"])
    );
    assert_eq!(
        traits(quote!(
            struct Id(u64, u8);
        )),
        with(&["KeyPrefixCodec", "KeyPrefix"])
    );
    let two = ["KeyPrefixCodec", "KeyPrefix", "KeyPrefixCodec", "KeyPrefix"];
    assert_eq!(
        traits(quote!(
            struct Id {
                a: u64,
                b: u8,
                c: u8,
            }
        )),
        with(&two)
    );
    assert_eq!(
        traits(quote!(
            enum Level {
                Low,
                High(u8),
                r#Other { a: u8 },
            }
        )),
        with(&[])
    );
}

#[test]
fn the_path_of_the_runtime_can_be_given() {
    let tokens = derive(quote!(
        #[key(crate = "crate::db")]
        struct Id(u64, u8);
    ))
    .to_string();
    assert!(tokens.contains("crate :: db :: Key") && !tokens.contains("kvstore ::"), "{tokens}");
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
                struct Id<T>(T);
            ),
            "found generic parameters",
        ),
        (
            quote!(
                struct Id<'a>(&'a str);
            ),
            "found generic parameters",
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
fn the_one_entry_belongs_on_the_type() {
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
                #[key(crate = x)]
                struct Id(u8);
            ),
            "expected a string, found `x`",
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
        assert!(tokens.contains(":: kvstore :: Key for"), "{tokens}");
    }
}

#[test]
fn enums_of_any_size_have_two_byte_numbers() {
    let variants = (0..300).map(|number| quote::format_ident!("V{number}"));
    let tokens = derive(quote!(enum Level { #(#variants),* })).to_string();
    assert!(tokens.contains("extend (__kvstore_out , & [1 , 43])"), "the number of V299");
}
